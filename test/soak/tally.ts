import type { Plan, Writer } from './records.ts';

/** What was sent, in numbers: which records those were follows from the plan. */
export class Tally {
  readonly #acknowledged: number[];
  /** Copies that a sender may have sent once more because an answer was lost, by writer and number. */
  readonly #repeated = new Map<string, number>();
  /** Records in everything that was sent, each as often as it was sent. */
  copies = 0;
  late = 0;
  requests = 0;
  requestsRepeatedWithKey = 0;
  requestsRepeatedWithoutKey = 0;
  recordsRepeated = 0;
  attemptsRepeated = 0;

  constructor(plan: Plan) {
    this.#acknowledged = plan.writers.map(() => 0);
  }

  /** Records 0 to `acknowledged - 1` of a writer were accepted. */
  acknowledged(writer: Writer): number {
    return this.#acknowledged[writer.index] ?? 0;
  }

  acknowledge(writer: Writer, count: number): void {
    this.#acknowledged[writer.index] = this.acknowledged(writer) + count;
  }

  /** Unique records that were accepted. */
  get unique(): number {
    return this.#acknowledged.reduce((sum, count) => sum + count, 0);
  }

  /** Says that a record in quarantine may be there once more: what violates its contract claims no key. */
  allowRepetition(writer: Writer, n: number): void {
    const name = `${writer.name}/${String(n)}`;
    this.#repeated.set(name, (this.#repeated.get(name) ?? 0) + 1);
  }

  repetitionsOf(writer: Writer, n: number): number {
    return this.#repeated.get(`${writer.name}/${String(n)}`) ?? 0;
  }
}
