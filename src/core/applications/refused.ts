/** Why a publish or play is not allowed, in the terms of the protocols that carry the answer. */
export type Reason =
  | 'busy' // another publisher has the name
  | 'denied' // a rule or a callback said no
  | 'not-found' // no such application or stream
  | 'bad-name' // the name cannot be used
  | 'overloaded' // a limit is reached
  | 'unsupported'; // the stream cannot be had in this format

/** A gate's no. It ends that request only; `message` is shown to the client and so names nothing secret. */
export class Refused extends Error {
  readonly reason: Reason;
  /** Where the client is told to go instead: an rtmp:// URL; empty: nowhere. */
  readonly redirect: string;

  constructor(reason: Reason, message: string, redirect = '') {
    super(message);
    this.name = 'Refused';
    this.reason = reason;
    this.redirect = redirect;
  }
}
