import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { UserFiles } from '../../../src/http/requests/user-files.ts';
import { isKnownForm, isPassword } from '../../../src/http/values/passwords.ts';

/** Made with openssl passwd and the crypt of the C library. */
const SECRET = [
  '{PLAIN}secret',
  '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
  '{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0',
  '$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/',
  '$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1',
  '$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.',
  '$6$saltsaltsaltsalt$ph0yGsyjzqdeFaon7.gJZo8eAG5/rj9/JdzOu1Rl7dKzBYg3xgvl7T2VQ2Rt81bc5AXkdA54r0p8QvC1omD6R1',
  '$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1',
];

describe('passwords', () => {
  it.each(SECRET)('of the form %s', async (stored) => {
    expect(isKnownForm(stored)).toBe(true);
    expect(await isPassword(Buffer.from('secret'), stored)).toBe(true);
    for (const wrong of ['', 'Secret', 'secret ', 'secre', 'x'.repeat(300)]) {
      expect(await isPassword(Buffer.from(wrong), stored)).toBe(false);
    }
  });

  it.each([
    ['', false],
    ['secret', false],
    ['$2y$05$abcdefghijklmnopqrstuuxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', false],
    ['ab01FAX.bQRSU', false],
    ['{PLAIN}', true],
    ['{SHA}', true],
    ['{SSHA}', true],
    ['$apr1$', true],
    ['$6$', true],
    ['$6$rounds=99999999999$salt$x', true],
  ])('%s lets nobody in', async (stored, known) => {
    expect(isKnownForm(stored)).toBe(known);
    expect(await isPassword(Buffer.from('secret'), stored)).toBe(false);
  });
});

describe('files of users', () => {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-users-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'users');
  const warned: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warned.push(line) });

  it('are read again, and what is not known in them is told', async () => {
    writeFileSync(
      path,
      `# nobody:{PLAIN}x\nann:${SECRET[3]}:comment\nbob:{PLAIN}b\r\nbcrypt:$2y$05$xyz\nann:{PLAIN}2\n`,
    );
    const files = new UserFiles(log);
    const asked = (user: string, password: string): Promise<string> => files.check(path, user, password);
    expect(await Promise.all([asked('ann', 'secret'), asked('ann', '2'), asked('bob', 'b')])).toEqual([
      'yes',
      'no',
      'yes',
    ]);
    expect(
      await Promise.all([asked('# nobody', 'x'), asked('bcrypt', 'x'), asked('', ''), asked('eve', '')]),
    ).toEqual(Array(4).fill('no'));
    expect(warned.join('')).toContain('"users":["bcrypt"],"count":1');
    writeFileSync(path, 'bob:{PLAIN}new\n');
    await expect.poll(() => asked('bob', 'new'), { timeout: 5000 }).toBe('yes');
    expect(await asked('ann', 'secret')).toBe('no');
    expect(await files.check(join(folder, 'none'), 'bob', 'new')).toBe('none');
    expect(await files.check(folder, 'bob', 'new')).toBe('failed');
  });

  it('are not asked about more people at once than can be reckoned', async () => {
    writeFileSync(path, `ann:${SECRET[6]}\n`);
    const files = new UserFiles(log);
    await files.check(path, 'ann', 'x');
    const all = await Promise.all(
      Array.from({ length: 80 }, (_, i) => files.check(path, 'ann', `wrong ${i}`)),
    );
    expect(all.filter((verdict) => verdict === 'busy')).toHaveLength(80 - 64);
    expect(all.filter((verdict) => verdict === 'no')).toHaveLength(64);
    expect(await files.check(path, 'ann', 'secret')).toBe('yes');
  });
});
