import type { RecorderStatus } from '../../core/applications/recordings.ts';
import type {
  ApplicationStatistics,
  ClientStatistics,
  StreamStatistics,
} from '../../core/statistics/statistics.ts';
import type { StatFacts } from './facts.ts';

/** The statistics as XML, in the elements and the order of nginx-rtmp; our own ones come after theirs. */
export function statXml(facts: StatFacts, stylesheet: string): string {
  const { root, scalars, servers, control } = facts;
  const lines = ['<?xml version="1.0" encoding="utf-8" ?>'];
  if (stylesheet !== '') {
    lines.push(`<?xml-stylesheet type="text/xsl" href="${escapeXml(stylesheet)}" ?>`);
  }
  lines.push(`<${root}>`);
  for (const [name, value] of scalars) lines.push(element(name, value));
  servers.forEach(({ port, applications }, index) => {
    lines.push('<server>');
    if (root === 'http-flv') lines.push(element('port', port), element('server_index', index));
    for (const application of applications) lines.push(...applicationLines(facts, application));
    lines.push('</server>');
  });
  if (control !== '') lines.push(element('control', control));
  const { count, answered } = facts.workers;
  if (count > 1) lines.push(`<workers>${element('count', count)}${element('answered', answered)}</workers>`);
  lines.push(`</${root}>`, '');
  return lines.join('\r\n');
}

function applicationLines(facts: StatFacts, application: ApplicationStatistics): string[] {
  const { name, live, streams, recorders } = application;
  const lines = ['<application>', element('name', name)];
  if (facts.shown.live && live) {
    lines.push('<live>');
    for (const stream of streams) lines.push(...streamLines(facts, stream));
    lines.push(element('nclients', countClients(streams)), '</live>');
  }
  // nginx-rtmp has none, so that there they are an addition of ours for those who record.
  if (facts.shown.records && (facts.root === 'http-flv' || recorders.length > 0)) {
    const inner = recorders.map(recorderLine);
    lines.push(`<recorders>${element('count', recorders.length)}${inner.join('')}</recorders>`);
  }
  lines.push('</application>');
  return lines;
}

/** Publishers and players together, as the originals count. */
export function countClients(streams: readonly StreamStatistics[]): number {
  return streams.reduce((sum, { clients }) => sum + clients.length, 0);
}

function streamLines(facts: StatFacts, stream: StreamStatistics): string[] {
  const { rates, counters, viewers } = stream;
  const lines = [
    '<stream>',
    element('name', stream.name),
    element('time', timeOf(stream, facts.now)),
    element('bw_in', rates.in),
    element('bytes_in', counters.bytesIn),
    element('bw_out', rates.out),
    element('bytes_out', stream.bytesOut),
    element('bw_audio', rates.audio),
    element('bw_video', rates.video),
  ];
  if (facts.shown.clients) {
    for (const client of [...stream.clients].reverse()) lines.push(clientLine(facts, client, stream));
  }
  const records = recordsLine(facts, stream);
  if (facts.root === 'http-flv') lines.push(...records);
  if (stream.publishing && (stream.facts.video !== null || stream.facts.audio !== null)) {
    lines.push(metaLine(stream, facts.root));
  }
  lines.push(element('nclients', stream.clients.length));
  if (stream.publishing) lines.push('<publishing/>');
  if (isRecorded(facts, stream)) lines.push('<recording/>');
  if (stream.live) lines.push('<active/>');
  lines.push(
    element('key_interval', stream.keyInterval),
    element('av_gap', stream.gap),
    element('repairs', stream.repairs),
    `<viewers>${element('rtmp', viewers.rtmp)}${element('http_flv', viewers['http-flv'])}${element('hls', viewers.hls)}</viewers>`,
    element('lag', stream.lag),
    `<issues>${stream.issues.map((issue) => element('issue', issue)).join('')}</issues>`,
    ...(facts.root === 'rtmp' ? records : []),
    '</stream>',
  );
  return lines;
}

function recorderLine(one: RecorderStatus): string {
  const parts = [
    element('id', one.name),
    `<flags>${one.flags.map((flag) => `<${flag}/>`).join('')}</flags>`,
    one.unique ? '<unique/>' : '',
    one.append ? '<append/>' : '',
    one.lock ? '<lock_file/>' : '',
    one.notify ? '<notify/>' : '',
    element('path', one.path),
    element('max_size', one.maxSize),
    element('max_frames', one.maxFrames),
    element('interval', one.interval ?? -1),
    element('suffix', one.suffix),
  ];
  return `<recorder>${parts.join('')}</recorder>`;
}

/** The files that a stream is recorded to; nothing where there are none. */
function recordsLine({ shown, now }: StatFacts, { recordings }: StreamStatistics): readonly string[] {
  if (!shown.records || recordings.length === 0) return [];
  const files = recordings.map((one) => {
    const parts = [
      element('recorder', one.recorder),
      element('epoch', one.epoch),
      element('time_shift', one.shift),
      '<recording/>',
      element('file', one.file),
      element('time', Math.max(now - one.since, 0)),
      element('size', one.bytes),
      element('nframes', one.frames),
    ];
    return `<record>${parts.join('')}</record>`;
  });
  return [`<records>${files.join('')}</records>`];
}

/** Ms since the stream's beginning. */
export function timeOf({ since }: StreamStatistics, now: number): number {
  return since === 0 ? 0 : Math.max(now - since, 0);
}

/** Debian's nginx-rtmp says so of a stream and its publisher. */
function isRecorded({ root }: StatFacts, { recordings }: StreamStatistics): boolean {
  return root === 'rtmp' && recordings.length > 0;
}

function clientLine(facts: StatFacts, client: ClientStatistics, stream: StreamStatistics): string {
  const { now } = facts;
  const parts = [
    element('id', client.id),
    element('address', client.address),
    element('time', Math.max(now - client.since, 0)),
    ...(['flashver', 'pageurl', 'swfurl'] as const)
      .filter((name) => client[name] !== '')
      .map((name) => element(name, client[name])),
    element('dropped', client.droppedPackets),
    element('avsync', stream.gap),
    element('timestamp', Math.max(stream.timestamp - client.delay, 0)),
    client.role === 'publisher' ? '<publishing/>' : '',
    client.role === 'publisher' && isRecorded(facts, stream) ? '<recording/>' : '',
    client.active ? '<active/>' : '',
    element('protocol', client.protocol),
    element('bytes_in', client.bytesIn),
    element('bytes_out', client.bytesOut),
    element('skips', client.skips),
    element('backlog', client.backlog),
    element('delay', client.delay),
  ];
  return `<client>${parts.join('')}</client>`;
}

function metaLine({ facts, rates }: StreamStatistics, root: StatFacts['root']): string {
  const { video, audio } = facts;
  const rate = rates.frameRate > 0 ? rates.frameRate : (video?.frameRate ?? 0);
  const picture = [
    element('width', video?.width ?? 0),
    element('height', video?.height ?? 0),
    element('frame_rate', root === 'rtmp' ? Math.round(rate) : rate.toFixed(3)),
    given('codec', video?.codec),
    given('profile', video?.profile),
    given('compat', video?.compatibility),
    video === null || video.level === 0 ? '' : element('level', video.level.toFixed(1)),
  ];
  const sound = [
    given('codec', audio?.codec),
    given('profile', audio?.profile),
    given('channels', audio?.channels),
    given('sample_rate', audio?.sampleRate),
  ];
  return `<meta><video>${picture.join('')}</video><audio>${sound.join('')}</audio></meta>`;
}

function given(name: string, value: string | number | undefined): string {
  return value === undefined || value === '' || value === 0 ? '' : element(name, value);
}

function element(name: string, value: string | number): string {
  return `<${name}>${typeof value === 'number' ? value : escapeXml(value)}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};

/** Text as XML 1.0 can hold it (section 2.2); control characters and all else that it cannot become spaces. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, ' ')
    .replace(/[&<>"]/g, (character) => ENTITIES[character]!);
}
