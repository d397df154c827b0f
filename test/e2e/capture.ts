import { readFileSync } from 'node:fs';
import { type ProbedPacket, readFlvTags, type Tag } from '../ffmpeg.ts';
import { runToEnd, start, until } from './children.ts';

/** The answer to a GET, up to a number of bytes or of seconds, after which the connection is let go. */
export async function captureHttp(
  url: string,
  {
    seconds = 10,
    bytes = Number.POSITIVE_INFINITY,
  }: { readonly seconds?: number; readonly bytes?: number } = {},
): Promise<Buffer> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), seconds * 1000);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    const response = await fetch(url, { signal: stop.signal });
    if (response.status !== 200)
      throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
    for await (const chunk of response.body!) {
      chunks.push(chunk);
      length += chunk.length;
      if (length >= bytes) break;
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
    stop.abort();
  }
  return Buffer.concat(chunks);
}

/** Records any address that ffmpeg reads, without decoding, for `seconds` of media, into a file of its ending. */
export async function captureFfmpeg(url: string, file: string, seconds: number): Promise<void> {
  const args = ['-nostdin', '-v', 'error', '-y', '-i', url, '-t', String(seconds), '-c', 'copy', file];
  await succeed('ffmpeg', args, 20 + 2 * seconds);
}

/** Records RTMP with rtmpdump, which is librtmp, for `seconds` of media. A live stream it records until it is told to stop. */
export async function captureRtmpdump(url: string, file: string, seconds: number): Promise<void> {
  const child = await start('rtmpdump', ['-r', url, '--live', '-o', file]);
  await until(
    `rtmpdump records ${seconds} s`,
    () => {
      if (!child.running) throw new Error(`rtmpdump ended: ${child.output()}`);
      const times = [...child.output().matchAll(/kB \/ ([0-9.]+) sec/g)].map((match) => Number(match[1]));
      return times.length > 0 && times.at(-1)! - times[0]! >= seconds;
    },
    (20 + 2 * seconds) * 1000,
  );
  await child.stop('SIGINT');
}

/** The tags of an FLV file. */
export function tagsOf(file: string): readonly Tag[] {
  return readFlvTags(readFileSync(file));
}

/** What ffprobe says of the streams of a file or address. */
export interface ProbedStream {
  readonly codec_type: string;
  readonly codec_name: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_rate?: string;
  readonly channels?: number;
}

export async function probe(source: string): Promise<readonly ProbedStream[]> {
  return (await probeJson<{ streams: ProbedStream[] }>('-show_streams', source)).streams;
}

/** The packets of a file, or of `seconds` of a live address. */
export async function packetsOf(source: string, seconds?: number): Promise<readonly ProbedPacket[]> {
  const interval = seconds === undefined ? [] : ['-read_intervals', `%+${seconds}`];
  return (await probeJson<{ packets: ProbedPacket[] }>('-show_packets', ...interval, source)).packets;
}

/** What ffmpeg has to say when it decodes everything in a file; empty for clean media. */
export async function decodingErrors(file: string): Promise<string> {
  return succeed('ffmpeg', ['-nostdin', '-v', 'warning', '-i', file, '-f', 'null', '-'], 60);
}

async function probeJson<T>(...args: readonly string[]): Promise<T> {
  return JSON.parse(await succeed('ffprobe', ['-v', 'error', '-of', 'json', ...args], 60)) as T;
}

async function succeed(command: string, args: readonly string[], seconds: number): Promise<string> {
  const { code, output } = await runToEnd(command, args, seconds * 1000);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output}`);
  return output;
}
