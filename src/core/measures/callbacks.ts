/** What came of the requests of one callback of one server or application: plain data, counted since it is configured. */
export interface CallbackStatus {
  /** The directive: `on_publish`, … */
  readonly hook: string;
  /** As `RtmpServer.label`. */
  readonly server: string;
  /** Empty for those of the server itself. */
  readonly application: string;
  /** Without user, password and query; empty where none is set. */
  readonly url: string;
  readonly requests: number;
  /** Begun and not answered yet. */
  readonly pending: number;
  /** Answers by the first digit of their status. */
  readonly answers: Readonly<Record<'2xx' | '3xx' | '4xx' | '5xx', number>>;
  /** Answers that said no. */
  readonly refused: number;
  /** Calls without an answer that could be read. */
  readonly failures: number;
  /** Those of them that were not even sent, since too many were waiting. */
  readonly dropped: number;
  /** ms from the call to its answer or failure, all together and the longest. */
  readonly duration: number;
  readonly slowest: number;
  /** Of the last failure; empty where none was. */
  readonly lastError: string;
}
