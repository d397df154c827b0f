import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { type MediaPacket, VIDEO } from '../../../src/media/packet.ts';
import { type DiskAccess, DiskTrouble, type OpenFile, realDisk } from '../../../src/modules/record/disk.ts';
import { FlvFile } from '../../../src/modules/record/flv-file.ts';
import { readFlvTags } from '../../ffmpeg.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'record-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
});

function frame(bytes: number, key = true): MediaPacket {
  const body = Buffer.alloc(bytes, 0x55);
  body.set([key ? 0x17 : 0x27, 1, 0, 0, 0]);
  return { kind: VIDEO, time: 0, key, config: false, body };
}

/** The real disk, whose writes go through `write` first. */
function diskWith(write: () => void | Promise<void>): DiskAccess {
  return {
    ...realDisk,
    async open(path, keep) {
      const file = await realDisk.open(path, keep);
      const through = async (...args: Parameters<OpenFile['write']>) => {
        await write();
        return (file.write as (...all: unknown[]) => unknown)(...args);
      };
      return {
        read: file.read.bind(file),
        stat: file.stat.bind(file),
        close: file.close.bind(file),
        write: through,
      } as OpenFile;
    },
  };
}

test('a full disk ends the file; what was written stays readable', async () => {
  let left = 2;
  const file = new FlvFile(
    join(folder, 'a.flv'),
    false,
    null,
    diskWith(() => {
      left -= 1;
      if (left < 0) throw new Error('no space left');
    }),
  );
  for (let time = 0; time < 1000; time += 100) file.add(frame(20_000), time);
  while (file.failure === undefined) {
    file.add(frame(70_000), 2000);
    await new Promise(setImmediate);
  }
  file.add(frame(100), 3000);
  file.close();
  expect((await file.finished)!.size).toBeLessThanOrEqual(readFileSync(file.path).length);
  expect(String(file.failure)).toContain('no space left');
  expect(readFlvTags(readFileSync(file.path)).length).toBeGreaterThan(5);
});

test('nothing is left where not even the beginning could be written', async () => {
  const file = new FlvFile(
    join(folder, 'a.flv'),
    false,
    null,
    diskWith(() => {
      throw new Error('no space left');
    }),
  );
  file.add(frame(100), 0);
  expect(await file.finished).toBeNull();
  expect(readdirSync(folder)).toEqual([]);
});

test('what waits for a disk that hangs is bounded', async () => {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const file = new FlvFile(
    join(folder, 'a.flv'),
    false,
    null,
    diskWith(() => gate),
  );
  let added = 0;
  while (file.failure === undefined && added < 100) {
    file.add(frame(1024 * 1024), added);
    added += 1;
  }
  expect(added).toBe(16);
  expect(String(file.failure)).toContain('too slow');
  release();
  expect(await file.finished).toBeNull();
});

test('a file that is no FLV file is not gone on with', async () => {
  const path = join(folder, 'a.flv');
  writeFileSync(path, 'something else entirely');
  const file = new FlvFile(path, true, null, realDisk);
  file.add(frame(100), 0);
  file.close();
  await file.finished;
  expect(String(file.failure)).toContain('no FLV file');
  expect(readFileSync(path, 'utf8')).toBe('something else entirely');
});

test('failures are told once a minute', () => {
  const lines: string[] = [];
  const trouble = new DiskTrouble(
    pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }),
  );
  for (let i = 0; i < 5; i += 1) trouble.failed('/rec/a.flv', new Error('no space left'));
  expect(lines.length).toBe(1);
});
