import type { MediaPacket, Opening } from './packet.ts';

/**
 * Packs a stream's packets for players. One muxer serves every player of its stream and format, so what it makes
 * must not depend on who reads it.
 */
export interface Muxer {
  /**
   * What a player gets first; or, if not `first`, when it comes back after it missed a change of the opening: then
   * without what may stand only at the beginning. `time` is that of the packet that will follow, in ms.
   */
  open(opening: Opening, time: number, first: boolean): Buffer;
  /**
   * The packets one after another in one Buffer, which has `head` unused bytes before and `tail` after the content,
   * for framings to fill in. Never called with no packets; empty if players of this format get none of them.
   */
  encode(packets: readonly MediaPacket[], head: number, tail: number): Buffer;
}

/** A way to pack a stream, by a name that says everything that changes its bytes: `flv`, `rtmp/4096`. */
export interface Format {
  readonly name: string;
  /** Its opening states which tracks there are, so it must not be made before they are known. */
  readonly statesTracks: boolean;
  muxer(): Muxer;
}
