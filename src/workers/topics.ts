import type { StreamKey } from '../core/stream-key.ts';

/** What workers and the primary say to each other about names of streams. */
export const CLAIMS = {
  /** To the primary, a `ClaimOrder`: a publisher's gates are going to be asked; true where it may have the name. */
  claim: 'name claim',
  /** To the primary: it gets the name; true once whoever had it has given it up. */
  take: 'name take',
  /** To the primary: it does not get the name. */
  release: 'name release',
  /** To the primary: the publisher has left and may return. */
  vacant: 'name vacant',
  /** To the primary: the stream is over. */
  ended: 'name ended',
  /** To the primary: the number of the worker that has a stream, 0 for none. */
  owner: 'name owner',
  /** As `owner`, once nobody else tries to bring the stream; with 0 it is the asker's turn. */
  locate: 'name locate',
  /** To the primary: who had the turn could not bring the stream. */
  missed: 'name missed',
  /** To the primary: all that a worker has, after a reload. */
  owned: 'names owned',
  /** From the primary: answered once what its publisher has sent by now is read, and what comes of that is told. */
  hearOut: 'name hear out',
  /** From the primary: another worker's publisher gets the name. */
  yield: 'name yield',
  /** From the primary to everybody, as `Moved`. */
  moved: 'name moved',
} as const;

export interface ClaimOrder {
  readonly key: StreamKey;
  /** A publisher that has the name may be sent away. */
  readonly takeover: boolean;
}

/** A name has another owner, or none. */
export interface Moved {
  readonly key: StreamKey;
  readonly owner: number;
  /** Without an owner: the one before was lost, and its publisher may return. */
  readonly mayReturn: boolean;
}
