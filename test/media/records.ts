import type { AacConfig } from '../../src/media/aac.ts';

/** Records of the x264 encoder. */
export const AVC_RECORDS: readonly [string, string, number, number, number, boolean, string][] = [
  [
    'High, cropped rows',
    '01640028ffe1001b67640028acd940780227e5c044000003000400000300c83c60c65801000668eae3cb22c0fdf8f800',
    1920,
    1080,
    25,
    false,
    'avc1.640028',
  ],
  [
    'Constrained Baseline, broadcast rate',
    '0142c00dffe100166742c00dd90141fb011000003e90000ea600f142a48001000568cb83cb20',
    320,
    240,
    30_000 / 1001,
    false,
    'avc1.42c00d',
  ],
  [
    'High 4:2:2',
    '017a001fffe1001a677a001fbcd940a02ff9f011000003000100000300640f18319601000668ebe3cb22c0fef8f800',
    640,
    362,
    50,
    false,
    'avc1.7a001f',
  ],
  [
    'High 4:4:4',
    '01f40020ffe1001c67f40020919b280a20bbc7c7e022000003000200000300601e30632c01000668ebe3c44844fff8f800',
    1282,
    722,
    24,
    false,
    'avc1.f40020',
  ],
  [
    'High 10, cropped columns',
    '016e0020ffe1001b676e0020a6cd94056061e6f0110000030001000003003c0f18319601000668ebe3cb22c0fdfafa00',
    1366,
    768,
    30,
    false,
    'avc1.6e0020',
  ],
  [
    'interlaced',
    '0164001effe1001867' + '64001eacd940b424d8088000000300800000190f8a14cb01000668fba3cb22c0fdf8f800',
    720,
    576,
    25,
    true,
    'avc1.64001e',
  ],
  [
    'interlaced and cropped',
    '01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001000668fba3cb22c0fdf8f800',
    1920,
    1080,
    25,
    true,
    'avc1.640028',
  ],
];

/** A record of the x265 encoder. */
export const HEVC_RECORD =
  '01016000000090000000000078f000fcfdf8f800000f03200001001840010c01ffff016000000300900000030000030078959809' +
  '210001002d420101016000000300900000030000030078a003c480110724996566924caf016808000003000800000300c84022000100' +
  '074401c172b46240';

/** AV1 records in hex; level, width and height. */
export const AV1_RECORDS: readonly [string, number, number, number][] = [
  ['81010c000a0b0000000cc5036936be4010', 1, 642, 362],
  ['81050c000a0b0000002d4cffb3c02f8004', 5, 1280, 720],
  ['81050c00', 5, 0, 0],
];

/** What the first of the AAC configurations says. */
export const AAC_LC: AacConfig = {
  objectType: 2,
  sampleRate: 44_100,
  channelConfiguration: 2,
  channels: 2,
  frameLength: 1024,
  sbr: false,
  ps: false,
  outputRate: 44_100,
};

/** AAC configurations in hex, what they say beyond that, and the name of the codec. */
export const AAC_CONFIGS: readonly [string, string, Partial<AacConfig>, string][] = [
  ['LC stereo', '1210', {}, 'mp4a.40.2'],
  ['LC stereo, band replication denied', '121056e500', {}, 'mp4a.40.2'],
  [
    '5.1',
    '11b056e500',
    { sampleRate: 48_000, outputRate: 48_000, channelConfiguration: 6, channels: 6 },
    'mp4a.40.2',
  ],
  [
    '7.1',
    '11b856e500',
    { sampleRate: 48_000, outputRate: 48_000, channelConfiguration: 7, channels: 8 },
    'mp4a.40.2',
  ],
  [
    '8 kHz mono',
    '1588',
    { sampleRate: 8000, outputRate: 8000, channelConfiguration: 1, channels: 1 },
    'mp4a.40.2',
  ],
  ['960 samples', '1214', { frameLength: 960 }, 'mp4a.40.2'],
  [
    'channels by a program config element',
    '12000504010020000d4c61766335392e33372e31303056e500',
    { channelConfiguration: 0, channels: 3 },
    'mp4a.40.2',
  ],
  [
    'seven channels by a program config element',
    '1200050848002000c4400d4c61766335392e33372e31303056e500',
    { channelConfiguration: 0, channels: 7 },
    'mp4a.40.2',
  ],
  ['HE-AAC, hierarchical', '2b920800', { sampleRate: 22_050, outputRate: 44_100, sbr: true }, 'mp4a.40.5'],
  [
    'HE-AAC v2, hierarchical',
    'eb8a0800',
    { sampleRate: 22_050, outputRate: 44_100, channelConfiguration: 1, channels: 1, sbr: true, ps: true },
    'mp4a.40.29',
  ],
  [
    'HE-AAC, backward compatible',
    '139056e5a0',
    { sampleRate: 22_050, outputRate: 44_100, sbr: true },
    'mp4a.40.5',
  ],
  [
    'HE-AAC v2, backward compatible',
    '138856e5a54880',
    { sampleRate: 22_050, outputRate: 44_100, channelConfiguration: 1, channels: 1, sbr: true, ps: true },
    'mp4a.40.29',
  ],
  ['a rate written out', '17805622' + '10', { sampleRate: 44_100, outputRate: 44_100 }, 'mp4a.40.2'],
];
