/** Kinds of media by their FLV tag type (Adobe FLV 10.1, E.4.1), which is also the RTMP message type. */
export const AUDIO = 8;
export const VIDEO = 9;
export const DATA = 18;
export type Kind = typeof AUDIO | typeof VIDEO | typeof DATA;

/**
 * One message of media on its way through the server. Never written to after it was made; `body` may be a view of
 * a larger slab, so whoever keeps it beyond the current group of pictures must copy it.
 */
export interface MediaPacket {
  readonly kind: Kind;
  /** Milliseconds on the stream's own time line: unwrapped, never going back within a track. */
  readonly time: number;
  /** A video key frame; false for sequence headers. */
  readonly key: boolean;
  /** A sequence header (codec configuration), not media. */
  readonly config: boolean;
  /** The FLV tag body. For DATA: AMF0 values beginning with the handler's name, such as `onMetaData`. */
  readonly body: Buffer;
}

/** What a decoder needs before the first frame: the newest metadata and the sequence headers of every track. */
export interface Opening {
  /** Changes whenever any of the rest does. */
  readonly version: number;
  readonly metadata: MediaPacket | null;
  /** In the order video before audio, then by track. Their bodies own their memory. */
  readonly headers: readonly MediaPacket[];
  /** Whether media of the kind has really been seen. */
  readonly hasAudio: boolean;
  readonly hasVideo: boolean;
}
