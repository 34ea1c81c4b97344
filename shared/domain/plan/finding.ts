/** Something that a plan has to say about the answers. */
export interface Finding {
  /** Which rule found it. */
  readonly id: string;
  /** `error`: the answers cannot all be met. `warning`: they can, and it is worth a look. */
  readonly level: 'error' | 'warning';
  /** The answer that it is about, as a path in the configuration. */
  readonly field: string;
  /** What is the matter, and why. */
  readonly says: string;
  /** What to do: the nearest plan that is possible. */
  readonly next: string;
  /** US dollars a month that it is about; undefined where it is not about money. */
  readonly usdPerMonth?: number | undefined;
}
