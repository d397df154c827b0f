import { flag, msec, number, oneOf, size, text, value } from '../../config/rows.ts';
import type { Settings } from '../../config/table.ts';
import { readVariant, type Variant } from './variant.ts';

/** Directives of HLS. */
export const hlsTable = {
  hls: flag(
    false,
    'Writes H.264 with AAC or MP3 as MPEG-TS segments and a playlist for each stream; needs hls_path.',
  ),
  hls_path: text('', 'Directory of playlists and segments; made where it is missing.', {
    shown: '""',
    syntax: 'path',
    example: 'hls_path /tmp/hls;',
  }),
  hls_fragment: msec(
    5000,
    'Length of a segment; it ends at the first key frame after it, so real ones may be longer.',
    {
      shown: '5s',
      least: 1,
    },
  ),
  hls_max_fragment: msec(
    0,
    'A segment longer than this ends even without a key frame; 0: ten times hls_fragment.',
    { shown: '10 times hls_fragment' },
  ),
  hls_playlist_length: msec(
    30_000,
    'Media in a playlist; at least three segments and three target durations are always listed.',
    { shown: '30s' },
  ),
  hls_sync: msec(
    2,
    'Audio timestamps that differ from the sample clock by no more than this follow the clock; 0: none does.',
    { shown: '2ms' },
  ),
  hls_continuous: flag(
    true,
    'A publisher goes on with the playlist of the one before, also across a restart of the server; off: the list begins empty, only its sequence number goes on.',
  ),
  hls_nested: flag(false, 'Gives each stream a directory of its own: PATH/NAME/index.m3u8.'),
  hls_nested_index_filename: value(
    ([word], context) =>
      /^[^/\0-\x1f.][^/\0-\x1f]*$/.test(word!.value)
        ? word!.value
        : context.fail(
            `"${context.name}" directive invalid value "${word!.value}"`,
            word!.at,
            'a file name without .m3u8',
          ),
    'index',
    'Name of the nested playlist, without .m3u8.',
    'name',
    { shown: 'index' },
  ),
  hls_fragment_naming: oneOf(
    ['sequential', 'timestamp', 'system'],
    'sequential',
    'Number in a segment’s name: media sequence, stream time in 90 kHz ticks, or wall clock in ms.',
  ),
  hls_fragment_naming_granularity: number(
    0,
    'The number is rounded down to a multiple of this; 0 leaves it.',
  ),
  hls_fragment_slicing: oneOf(
    ['plain', 'aligned'],
    'plain',
    'aligned: segments begin where the stream’s time passes a multiple of hls_fragment, so several streams cut together.',
  ),
  hls_type: oneOf(
    ['live', 'event'],
    'live',
    'event: the playlist keeps all segments, says so, and nothing is cleaned up.',
  ),
  hls_max_audio_delay: msec(300, 'Audio frames are gathered into packets of up to this much media.', {
    shown: '300ms',
  }),
  hls_audio_buffer_size: size(1024 * 1024, 'Bytes of audio frames that are gathered at most.', {
    shown: '1m',
  }),
  hls_cleanup: flag(
    true,
    'Removes playlists, segments and keys under hls_path that have not changed for twice the playlist length.',
  ),
  hls_base_url: text('', 'Put before the URIs of segments, and of playlists in the variant playlist.', {
    shown: '""',
    syntax: 'url',
  }),
  hls_dir_access: value(
    ([word], context) => {
      if (!/^0[0-7]{3}$/.test(word!.value)) {
        return context.fail(
          `"${context.name}" directive invalid value "${word!.value}"`,
          word!.at,
          'four octal digits, for example 0755',
        );
      }
      return Number.parseInt(word!.value, 8);
    },
    0o755,
    'Permissions of directories made for HLS.',
    'mode',
    { shown: '0755' },
  ),
  hls_datetime: oneOf(
    ['none', 'system', 'timestamp'],
    'system',
    'Date of each segment in the playlist: of the wall clock, of the stream’s timestamps, or none.',
  ),
  hls_allow_client_cache: value<boolean | null>(
    ([word], context) => {
      const lower = word!.value.toLowerCase();
      if (lower === 'enabled') return true;
      if (lower === 'disabled') return false;
      return context.fail(
        `invalid value "${word!.value}" in "${context.name}" directive`,
        word!.at,
        'allowed: enabled, disabled',
      );
    },
    null,
    'Writes the obsolete tag EXT-X-ALLOW-CACHE.',
    'enabled | disabled',
    { shown: 'no tag', merge: 'own' },
  ),
  hls_variant: value<readonly Variant[]>(
    (words, context) => [readVariant(words, context)],
    [],
    'A stream whose name ends with the suffix is a rendition of the name without it, which gets a master playlist; attributes such as BANDWIDTH that are not given are measured.',
    'suffix [attribute=value ...]',
    {
      max: Number.POSITIVE_INFINITY,
      repeat: 'list',
      merge: 'own',
      example: 'hls_variant _720p BANDWIDTH=2628000,RESOLUTION=1280x720;',
    },
  ),
  hls_keys: flag(false, 'Encrypts segments with AES-128; players read the keys at the playlist’s key URIs.'),
  hls_key_path: text('', 'Directory of keys; hls_path where it is not given.', {
    shown: 'hls_path',
    syntax: 'path',
  }),
  hls_key_url: text('', 'Put before the URIs of keys.', { shown: '""', syntax: 'url' }),
  hls_fragments_per_key: number(
    0,
    'Segments that share a key; 0: all of one publisher. A new publisher gets a new key.',
  ),
} as const;

export type HlsSettings = Settings<typeof hlsTable>;

/** The length above which a segment is cut without a key frame, ms. */
export function longestSegment(conf: HlsSettings): number {
  return conf.hls_max_fragment > 0
    ? Math.max(conf.hls_max_fragment, conf.hls_fragment)
    : conf.hls_fragment * 10;
}
