import type { AudioSetup, VideoSetup } from './codecs.ts';

/** How a stream is cut; read at each packet, so that a reload counts from the next cut on. Times in ms. */
export interface Cutting {
  readonly fragment: number;
  /** A segment longer than this ends even without a key frame. */
  readonly longest: number;
  readonly aligned: boolean;
  readonly sync: number;
  readonly audioDelay: number;
  readonly audioBytes: number;
}

/** A finished segment. */
export interface Segment {
  readonly bytes: Buffer;
  /** Time of its first frame on the stream's time line, and its length, ms. */
  readonly start: number;
  readonly duration: number;
  /** It does not continue the segment before: other tracks, other parameters, or a hole in time. */
  readonly discontinuity: boolean;
  /** It begins with a key frame, or has no pictures. */
  readonly independent: boolean;
  /** Longest distance between key frames, ms; 0 where there are fewer than two. */
  readonly keyInterval: number;
  readonly video: VideoSetup | null;
  readonly audio: AudioSetup | null;
}

/** Whom a segmenter tells. */
export interface SegmenterEvents {
  segment(segment: Segment): void;
  /** Something of this publisher cannot go into segments; told once for each thing. */
  unfit(what: 'video-codec' | 'audio-codec' | 'broken-header', detail: string): void;
}

/** What a segmenter asks of its stream. */
export interface SegmenterSource {
  /** The tracks are taken as known. */
  readonly settled: boolean;
  readonly opening: { readonly hasAudio: boolean; readonly hasVideo: boolean };
}
