import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DiskFiles, type Found } from '../../../src/core/files/disk-files.ts';

const MEGABYTE = 1024 * 1024;
const OLD = new Date(1_700_000_000_000);

/** What becomes of a held file, and what is found then. */
const CHANGES: Readonly<Record<string, readonly [change: (path: string) => void, found: RegExp]>> = {
  'replaced by one of the same size and time': [
    (path) => {
      writeFileSync(`${path}.new`, 'new');
      utimesSync(`${path}.new`, OLD, OLD);
      renameSync(`${path}.new`, path);
    },
    /^new$/,
  ],
  'overwritten with as many bytes, its time put back': [
    (path) => {
      writeFileSync(path, 'new', { flag: 'r+' });
      utimesSync(path, OLD, OLD);
    },
    /^new$/,
  ],
  longer: [(path) => appendFileSync(path, '+'), /^old\+$/],
  shorter: [(path) => truncateSync(path, 1), /^o$/],
  deleted: [(path) => rmSync(path), /^ENOENT$/],
  'made anew': [
    (path) => {
      rmSync(path);
      writeFileSync(path, 'new');
      utimesSync(path, OLD, OLD);
    },
    /^new$/,
  ],
  'a link to another one': [
    (path) => {
      symlinkSync(`${path}.other`, `${path}.link`);
      renameSync(`${path}.link`, path);
    },
    /^oth$/,
  ],
  'a folder': [
    (path) => {
      rmSync(path);
      mkdirSync(path);
    },
    /^folder$/,
  ],
  'a pipe': [
    (path) => {
      rmSync(path);
      execFileSync('mkfifo', [path]);
    },
    /^special$/,
  ],
  'below a folder that has moved': [
    (path) => renameSync(dirname(path), `${dirname(path)}-moved`),
    /^ENOENT$/,
  ],
};

describe('files of the disk', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-disk-'));
  const disk = new DiskFiles();
  const put = (name: string, text: string): string => {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    utimesSync(path, OLD, OLD);
    return path;
  };
  const names = Object.keys(CHANGES);
  beforeAll(() => {
    for (const [i, name] of names.entries()) {
      put(`${i}/${name}`, 'old');
      put(`${i}/${name}.other`, 'oth');
    }
    for (const name of ['plain', 'rights', 'shared']) put(name, name);
    put('segment', 's'.repeat(600_000));
    truncateSync(put('film', ''), 2 * MEGABYTE);
    for (let i = 0; i < 40; i++) truncateSync(put(`many/${i}`, ''), MEGABYTE);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const shown = (found: Found): string => {
    if (found.kind === 'whole') return found.file.body.toString();
    if (found.kind === 'open') found.file.close();
    return found.kind === 'failed' ? found.code : found.kind;
  };
  const isHeld = async (path: string): Promise<boolean> => {
    const found = await disk.find(path);
    if (found.kind === 'open') found.file.close();
    return found.kind === 'whole' && found.held;
  };
  const untilHeld = (path: string): Promise<void> =>
    expect.poll(() => isHeld(path), { timeout: 8000 }).toBe(true);

  it('holds what nobody has touched for a while', async () => {
    const path = join(folder, 'plain');
    await untilHeld(path);
    const [one, two] = [disk.find(path), disk.find(path)] as Found[];
    expect(one).toMatchObject({ kind: 'whole', held: true });
    expect(one?.kind === 'whole' && two?.kind === 'whole' && one.file === two.file).toBe(true);
  });

  it.each(names)('never gives what it held of a file that is now %s', async (name) => {
    const [change, expected] = CHANGES[name]!;
    const path = join(folder, String(names.indexOf(name)), name);
    await untilHeld(path);
    expect(shown(await disk.find(path))).toBe('old');
    change(path);
    expect(shown(await disk.find(path))).toMatch(expected);
    expect(shown(await disk.find(path))).toMatch(expected);
  });

  it('asks again whether a file may be read once its rights have changed', async () => {
    const path = join(folder, 'rights');
    await untilHeld(path);
    chmodSync(path, 0);
    const found = await disk.find(path);
    // Root may read all the same.
    if (process.getuid?.() === 0) expect(found).toMatchObject({ kind: 'whole', held: false });
    else expect(found).toEqual({ kind: 'failed', code: 'EACCES' });
  });

  it('holds nothing that may be written to within a tick of the clock', async () => {
    const path = put('new', '0000');
    for (let i = 1; i <= 200; i++) {
      const text = String(i).padStart(4, '0');
      writeFileSync(path, text, { flag: 'r+' });
      utimesSync(path, OLD, OLD);
      const found = await disk.find(path);
      expect(found).toMatchObject({ kind: 'whole', held: false });
      expect(shown(found)).toBe(text);
    }
  });

  it('holds a longer one from the second time on, and none that is too long', async () => {
    const segment = join(folder, 'segment');
    const film = join(folder, 'film');
    await untilHeld(segment);
    const other = new DiskFiles();
    const kinds: string[] = [];
    for (const path of [segment, segment, film, film]) {
      const found = await other.find(path);
      kinds.push(found.kind);
      shown(found);
    }
    expect(kinds).toEqual(['open', 'whole', 'open', 'open']);
    expect(other.bytes).toBe(600_000);
  });

  it('reads once for all that ask at the same time', async () => {
    const path = join(folder, 'shared');
    await untilHeld(path);
    const other = new DiskFiles();
    // Where it lies is known then.
    await other.look(path);
    const all = await Promise.all([1, 2, 3].map(() => other.find(path)));
    const bodies = all.map((found) => (found.kind === 'whole' ? found.file.body : null));
    expect(bodies[0]?.toString()).toBe('shared');
    expect(new Set(bodies).size).toBe(1);
  });

  it('keeps to its bounds', async () => {
    await untilHeld(join(folder, 'many/39'));
    const other = new DiskFiles();
    for (let i = 0; i < 40; i++) {
      for (let n = 0; n < 2; n++) shown(await other.find(join(folder, `many/${i}`)));
    }
    expect(other.bytes).toBe(32 * MEGABYTE);
    expect(await other.find(join(folder, 'many/39'))).toMatchObject({ kind: 'whole', held: true });
    expect((await other.find(join(folder, 'many/0'))).kind).toBe('open');
  });

  it('holds nothing of a file system whose changes may not show', async () => {
    for (let n = 0; n < 3; n++) {
      expect(await disk.find('/proc/version')).toMatchObject({ kind: 'whole', held: false });
    }
  });
});
