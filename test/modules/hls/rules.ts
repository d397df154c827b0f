import { expect } from 'vitest';
import { type MediaPlaylist, readMediaPlaylist } from '../../../src/wire/m3u8.ts';

/** What a player knows of a segment by its number, and may never see change. */
interface Seen {
  readonly uri: string;
  readonly duration: number;
  readonly date: number | null;
  /** Discontinuity sequence number of the segment. */
  readonly discontinuities: number;
}

/** Checks one playlist by itself (RFC 8216). */
export function checkPlaylist(text: string): MediaPlaylist {
  const lines = text.split('\n');
  expect(lines[0]).toBe('#EXTM3U');
  expect(lines.at(-1)).toBe('');
  for (const tag of ['VERSION', 'TARGETDURATION', 'MEDIA-SEQUENCE', 'DISCONTINUITY-SEQUENCE']) {
    expect(lines.filter((line) => line.startsWith(`#EXT-X-${tag}:`)).length, tag).toBe(1);
  }
  // Tags of the whole playlist stand before the first segment.
  const first = lines.findIndex((line) => line !== '' && !line.startsWith('#'));
  for (const tag of ['TARGETDURATION', 'MEDIA-SEQUENCE', 'DISCONTINUITY-SEQUENCE']) {
    expect(lines.findIndex((line) => line.startsWith(`#EXT-X-${tag}:`))).toBeLessThan(first);
  }
  const playlist = readMediaPlaylist(text);
  expect(playlist).not.toBeNull();
  const { segments, targetDuration } = playlist!;
  expect(segments.length).toBeGreaterThan(0);
  expect(targetDuration).toBeGreaterThan(0);
  expect(new Set(segments.map((segment) => segment.uri)).size).toBe(segments.length);
  for (const segment of segments) {
    expect(segment.duration).toBeGreaterThan(0);
    expect(Math.round(segment.duration / 1000)).toBeLessThanOrEqual(targetDuration);
  }
  segments.forEach((segment, i) => {
    const before = segments[i - 1];
    if (before === undefined || segment.date === null || before.date === null) return;
    // A stream that lags for good gets later dates.
    const later = segment.date - before.date - before.duration;
    if (!segment.discontinuity && later !== 0) expect(later).toBeGreaterThan(500);
  });
  return playlist!;
}

/** What may differ from the strictest reading. */
export interface Allowance {
  /** The target duration may change where these sequence numbers come first: the list began anew. */
  readonly newTarget?: boolean;
  readonly targetMayGrow?: boolean;
  /** Media, ms, that a list which has lost segments must still hold. */
  readonly least?: number;
}

/** Checks the versions of one playlist in the order in which a player could have read them. */
export function checkPlaylists(
  texts: readonly string[],
  allowance: Allowance = {},
): readonly MediaPlaylist[] {
  const seen = new Map<number, Seen>();
  const playlists = texts.map(checkPlaylist);
  expect(playlists[0]!.segments[0]!.discontinuity).toBe(false);
  playlists.forEach((playlist, i) => {
    const { mediaSequence, segments } = playlist;
    let discontinuities = playlist.discontinuitySequence;
    segments.forEach((segment, offset) => {
      if (segment.discontinuity) discontinuities += 1;
      const facts = {
        uri: segment.uri,
        duration: segment.duration,
        date: segment.date,
        discontinuities,
      };
      const number = mediaSequence + offset;
      const known = seen.get(number);
      if (known === undefined) seen.set(number, facts);
      else expect(facts, `segment ${number}`).toEqual(known);
    });
    const before = playlists[i - 1];
    if (before === undefined) return;
    expect(mediaSequence).toBeGreaterThanOrEqual(before.mediaSequence);
    expect(playlist.discontinuitySequence).toBeGreaterThanOrEqual(before.discontinuitySequence);
    expect(mediaSequence + segments.length).toBeGreaterThanOrEqual(
      before.mediaSequence + before.segments.length,
    );
    // The list goes on where it was: no number is left out.
    expect(mediaSequence).toBeLessThanOrEqual(before.mediaSequence + before.segments.length);
    if (playlist.type === 'event') expect(mediaSequence).toBe(before.mediaSequence);
    const anew =
      allowance.newTarget === true && mediaSequence === before.mediaSequence + before.segments.length;
    if (!anew) {
      if (allowance.targetMayGrow) {
        expect(playlist.targetDuration).toBeGreaterThanOrEqual(before.targetDuration);
        const longest = Math.max(...segments.map((segment) => Math.round(segment.duration / 1000)));
        if (playlist.targetDuration > before.targetDuration) expect(playlist.targetDuration).toBe(longest);
      } else expect(playlist.targetDuration).toBe(before.targetDuration);
      if (mediaSequence > before.mediaSequence) {
        const total = segments.reduce((sum, segment) => sum + segment.duration, 0);
        expect(segments.length).toBeGreaterThanOrEqual(3);
        expect(total).toBeGreaterThanOrEqual(allowance.least ?? 3000 * before.targetDuration);
      }
    }
  });
  const numbers = [...seen.keys()];
  expect(new Set([...seen.values()].map((segment) => segment.uri)).size).toBe(numbers.length);
  return playlists;
}
