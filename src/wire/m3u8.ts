/** How a segment is encrypted: `EXT-X-KEY` with METHOD=AES-128 (RFC 8216, 4.3.2.4). */
export interface SegmentKey {
  readonly uri: string;
  /** 32 hexadecimal digits. */
  readonly iv: string;
}

/** One entry of a media playlist. */
export interface PlaylistSegment {
  readonly uri: string;
  /** Milliseconds. */
  readonly duration: number;
  /** It does not continue the segment before. */
  readonly discontinuity: boolean;
  /** Wall clock, ms, of its first sample; null: not written. */
  readonly date: number | null;
  readonly key: SegmentKey | null;
}

/** A media playlist (RFC 8216, 4.3). */
export interface MediaPlaylist {
  /** Whole seconds. */
  readonly targetDuration: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  /** EVENT: nothing is ever removed. */
  readonly type: 'live' | 'event';
  /** Each segment can be decoded without those before it. */
  readonly independent: boolean;
  /** The obsolete `EXT-X-ALLOW-CACHE`, where somebody still wants it. */
  readonly allowCache: boolean | null;
  readonly ended: boolean;
  readonly segments: readonly PlaylistSegment[];
}

/** The text of a media playlist, each line ended by LF. */
export function writeMediaPlaylist(playlist: MediaPlaylist): string {
  let text = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:${playlist.targetDuration}
#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}
#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}
`;
  if (playlist.type === 'event') text += '#EXT-X-PLAYLIST-TYPE:EVENT\n';
  if (playlist.independent) text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  if (playlist.allowCache !== null) text += `#EXT-X-ALLOW-CACHE:${playlist.allowCache ? 'YES' : 'NO'}\n`;
  let key = keyLine(null);
  for (const segment of playlist.segments) {
    if (segment.discontinuity) text += '#EXT-X-DISCONTINUITY\n';
    const line = keyLine(segment.key);
    if (line !== key) text += line;
    key = line;
    if (segment.date !== null) text += `#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.date).toISOString()}\n`;
    text += `#EXTINF:${(segment.duration / 1000).toFixed(3)},\n${segment.uri}\n`;
  }
  if (playlist.ended) text += '#EXT-X-ENDLIST\n';
  return text;
}

function keyLine(key: SegmentKey | null): string {
  if (key === null) return '#EXT-X-KEY:METHOD=NONE\n';
  return `#EXT-X-KEY:METHOD=AES-128,URI="${key.uri}",IV=0x${key.iv}\n`;
}

/** Entries of a playlist on disk beyond which it is taken for something else. */
const MAX_SEGMENTS = 1_000_000;

/** Reads a media playlist such as `writeMediaPlaylist` and the C servers make; null where the text is none. */
export function readMediaPlaylist(text: string): MediaPlaylist | null {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines[0] !== '#EXTM3U') return null;
  let target: number | null = null;
  let mediaSequence = 0;
  let discontinuitySequence = 0;
  let type: 'live' | 'event' = 'live';
  let independent = false;
  let allowCache: boolean | null = null;
  let ended = false;
  const segments: PlaylistSegment[] = [];
  let duration: number | null = null;
  let discontinuity = false;
  let date: number | null = null;
  let key: SegmentKey | null = null;
  for (const line of lines) {
    const tag = /^#(EXT[A-Z0-9-]*):?(.*)$/.exec(line);
    if (tag === null) {
      if (line === '' || line.startsWith('#')) continue;
      if (duration === null || segments.length === MAX_SEGMENTS) return null;
      segments.push({ uri: line, duration, discontinuity, date, key });
      duration = null;
      discontinuity = false;
      date = null;
      continue;
    }
    const value = tag[2]!;
    switch (tag[1]) {
      case 'EXT-X-TARGETDURATION':
        target = whole(value);
        if (target === null) return null;
        break;
      case 'EXT-X-MEDIA-SEQUENCE': {
        const sequence = whole(value);
        if (sequence === null) return null;
        mediaSequence = sequence;
        break;
      }
      case 'EXT-X-DISCONTINUITY-SEQUENCE': {
        const sequence = whole(value);
        if (sequence === null) return null;
        discontinuitySequence = sequence;
        break;
      }
      case 'EXT-X-PLAYLIST-TYPE':
        if (value.trim() === 'EVENT') type = 'event';
        break;
      case 'EXT-X-INDEPENDENT-SEGMENTS':
        independent = true;
        break;
      case 'EXT-X-ALLOW-CACHE':
        allowCache = value === 'YES';
        break;
      case 'EXT-X-DISCONTINUITY':
        discontinuity = true;
        break;
      case 'EXT-X-PROGRAM-DATE-TIME': {
        const parsed = Date.parse(value);
        date = Number.isNaN(parsed) ? null : parsed;
        break;
      }
      case 'EXT-X-KEY': {
        const parts = /^METHOD=AES-128,URI="([^"]*)",IV=0x([0-9A-Fa-f]{32})$/.exec(value);
        key = parts === null ? null : { uri: parts[1]!, iv: parts[2]! };
        break;
      }
      case 'EXTINF': {
        const seconds = /^([0-9]{1,9}(?:\.[0-9]{1,9})?)(?:,|$)/.exec(value);
        if (seconds === null) return null;
        duration = Math.round(Number(seconds[1]) * 1000);
        break;
      }
      case 'EXT-X-ENDLIST':
        ended = true;
        break;
    }
  }
  if (target === null) return null;
  return {
    targetDuration: target,
    mediaSequence,
    discontinuitySequence,
    type,
    independent,
    allowCache,
    ended,
    segments,
  };
}

function whole(text: string): number | null {
  return /^[0-9]{1,15}$/.test(text) ? Number(text) : null;
}

/** One rendition of a master playlist: its attributes as they stand in the file, quotes included. */
export interface Rendition {
  readonly uri: string;
  readonly attributes: readonly (readonly [name: string, value: string])[];
}

/** The text of a master playlist (RFC 8216, 4.3.4). */
export function writeMasterPlaylist(renditions: readonly Rendition[], independent: boolean): string {
  let text = '#EXTM3U\n#EXT-X-VERSION:3\n';
  if (independent) text += '#EXT-X-INDEPENDENT-SEGMENTS\n';
  for (const { uri, attributes } of renditions) {
    text += `#EXT-X-STREAM-INF:${attributes.map(([name, value]) => `${name}=${value}`).join(',')}\n${uri}\n`;
  }
  return text;
}
