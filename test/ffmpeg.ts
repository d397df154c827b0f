import { spawn } from 'node:child_process';
import type { Kind } from '../src/media/packet.ts';
import { FlvReader } from '../src/wire/flv/reader.ts';

/** Runs a program to its end with `input` on its standard input; throws where it fails or takes longer than 30 s. */
export function run(command: string, args: readonly string[], input?: Buffer): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: ['pipe', 'pipe', 'pipe'], timeout: 30_000 });
    const out: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stdin.on('error', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => {
      const stderr = Buffer.concat(errors).toString();
      if (code === 0) resolve({ stdout: Buffer.concat(out), stderr });
      else reject(new Error(`${command} ended with ${code}: ${stderr}`));
    });
    child.stdin.end(input);
  });
}

export interface Run {
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** One packet as ffprobe shows it; times in seconds. */
export interface ProbedPacket {
  readonly codec_type: string;
  readonly pts_time: string;
  readonly dts_time: string;
  readonly pts: number;
  readonly dts: number;
  readonly flags: string;
  readonly size: string;
}

export async function probePackets(bytes: Buffer): Promise<readonly ProbedPacket[]> {
  const { stdout } = await run(
    'ffprobe',
    ['-v', 'error', '-show_packets', '-of', 'json', '-i', 'pipe:0'],
    bytes,
  );
  return (JSON.parse(stdout.toString()) as { packets: ProbedPacket[] }).packets;
}

/** What ffmpeg has to say about the bytes when it decodes all of them; empty for clean media. */
export async function decodeErrors(bytes: Buffer): Promise<string> {
  const { stderr } = await run('ffmpeg', ['-v', 'warning', '-i', 'pipe:0', '-f', 'null', '-'], bytes);
  return stderr;
}

/** An FLV file of a moving test picture and a tone, made by ffmpeg with further output options. */
export async function makeFlv(seconds: number, ...options: readonly string[]): Promise<Buffer> {
  const { stdout } = await run('ffmpeg', [
    ...['-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'],
    ...['-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=44100', '-t', String(seconds)],
    ...['-c:v', 'libx264', '-preset', 'ultrafast', '-threads', '1', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-ac', '2', ...options, '-f', 'flv', 'pipe:1'],
  ]);
  return stdout;
}

export interface Tag {
  readonly kind: Kind;
  readonly time: number;
  readonly body: Buffer;
}

export function readFlvTags(flv: Buffer): readonly Tag[] {
  const tags: Tag[] = [];
  new FlvReader({ maxTag: 16 * 1024 * 1024 }).push(flv, {
    header: () => undefined,
    tag: (kind, time, body) => void tags.push({ kind, time, body }),
  });
  return tags;
}
