/** One implementation of a port, as a contract suite needs it. */
export interface Subject<Port> {
  /** A fresh store, or one that others share: the suites use names of their own. */
  open(): Port | Promise<Port>;
  /** The same store, whose every call has its effect, loses its first answer and is repeated as the SDK does it. */
  openLosingAnswers(): Port | Promise<Port>;
}
