import { pino } from 'pino';
import { type LiveSettings, liveTable } from '../../src/core/applications/live.ts';
import type { Sink } from '../../src/core/connections/sink.ts';
import type { Logger } from '../../src/core/logs/log.ts';
import { Audience, flushPolicy } from '../../src/core/streams/flush.ts';
import { Stream } from '../../src/core/streams/stream.ts';
import type { Format } from '../../src/media/format.ts';
import { AUDIO, DATA, type Kind, type MediaPacket, VIDEO } from '../../src/media/packet.ts';

export const silent: Logger = pino({ level: 'silent' });

/** The settings of `live on;` with some others. */
export function liveSettings(changes: Partial<LiveSettings> = {}): LiveSettings {
  const initial = Object.fromEntries(Object.entries(liveTable).map(([name, row]) => [name, row.initial]));
  return { ...(initial as unknown as LiveSettings), live: true, ...changes };
}

/** Packs as text, so that what a player gets can be read: `K100` a key frame at 100 ms, `h` headers, `<...>` the opening. */
export function textFormat(statesTracks = false, name = 'text'): Format {
  const letter = ({ kind, key, config, body }: MediaPacket): string =>
    config
      ? `h${body.toString('latin1', 2)}`
      : kind === AUDIO
        ? 'a'
        : kind === DATA
          ? `m${body}`
          : key
            ? 'K'
            : 'v';
  const encode = (packets: readonly MediaPacket[], head: number, tail: number): Buffer => {
    const text = packets.map(
      (packet) => `${letter(packet)}${packet.config || packet.kind === DATA ? '' : packet.time} `,
    );
    const whole = Buffer.from(' '.repeat(head) + text.join('') + ' '.repeat(tail));
    return whole.subarray(head, whole.length - tail);
  };
  return {
    name,
    statesTracks,
    muxer: () => ({
      encode,
      open: ({ metadata, headers, hasAudio, hasVideo }, _time, first) => {
        const flags = statesTracks ? `${hasAudio ? 'A' : ''}${hasVideo ? 'V' : ''}:` : '';
        const told = [metadata, ...headers].filter((packet) => packet !== null).map(letter);
        return Buffer.from(`${first ? '<' : '('}${flags}${told.join(' ')}> `);
      },
    }),
  };
}

/** A player's end that takes everything at once, or only up to `room` bytes. */
export class FakeSink implements Sink {
  text = '';
  writes = 0;
  backlog = 0;
  sent = 0;
  aborted: string | undefined;
  /** Whether what is written stays in the queue. */
  stuck = false;

  write(bytes: Buffer): void {
    this.writes += 1;
    this.text += bytes.toString('latin1');
    if (this.stuck) this.backlog += bytes.length;
    else this.sent += bytes.length;
  }

  writeAll(buffers: readonly Buffer[]): void {
    this.write(Buffer.concat(buffers));
  }

  abort(reason: string): void {
    this.aborted = reason;
  }

  lend(): null {
    return null;
  }

  unfinished(): void {
    throw new Error('it was never lent');
  }

  drain(): void {
    this.sent += this.backlog;
    this.backlog = 0;
    this.stuck = false;
  }

  /** What came since the last call. */
  take(): string {
    const { text } = this;
    this.text = '';
    return text.trim();
  }
}

/** One message of a publisher. */
export type Message = readonly [kind: Kind, raw: number, body: Buffer];

export const vHeader = (id = 'V1'): Message => [VIDEO, 0, Buffer.from(`\x17\x00${id}`, 'latin1')];
export const aHeader = (id = 'A1'): Message => [AUDIO, 0, Buffer.from(`\xaf\x00${id}`, 'latin1')];
export const key = (time: number, bytes = 8): Message => [
  VIDEO,
  time,
  Buffer.concat([Buffer.from('1701', 'hex'), Buffer.alloc(bytes)]),
];
export const inter = (time: number, bytes = 8): Message => [
  VIDEO,
  time,
  Buffer.concat([Buffer.from('2701', 'hex'), Buffer.alloc(bytes)]),
];
export const audio = (time: number): Message => [AUDIO, time, Buffer.from('af01aabb', 'hex')];
export const data = (text: string): Message => [DATA, 0, Buffer.from(text)];

/** A stream with a publisher whose clock runs as its timestamps do. */
export function setUpStream(changes: Partial<LiveSettings> = {}) {
  const live = { settings: liveSettings({ out_merge: 0, ...changes }), errors: [] as unknown[] };
  const audience = new Audience();
  const stream = new Stream(
    'name',
    () => live.settings,
    flushPolicy(audience, () => live.settings.out_merge),
    audience,
    (error) => void live.errors.push(error),
  );
  stream.begin();
  /** Each message in a read of its own. */
  const send = (...messages: readonly Message[]): void => {
    for (const message of messages) sendTogether(message);
  };
  /** All in one read. */
  const sendTogether = (...messages: readonly Message[]): void => {
    let now = stream.lastMediaAt;
    for (const [kind, raw, body] of messages) {
      if (kind !== DATA) now = Math.max(now, 1, raw);
      stream.ingest(kind, raw, body, now);
    }
    stream.endOfRead(now);
  };
  const join = (format = textFormat(), patience = { bytes: 1000, stall: 1000 }, after?: number) => {
    const sink = new FakeSink();
    const seat = stream.join(format, sink, 'plain', patience, after);
    return { sink, seat, format };
  };
  return { live, stream, audience, send, sendTogether, join };
}
