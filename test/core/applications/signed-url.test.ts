import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Grant, isSigned, signatureOf, signedQuery } from '../../../src/core/applications/signed-url.ts';

const GRANT: Grant = {
  action: 'play',
  application: 'live',
  name: 'cam',
  prefix: false,
  expires: 1_900_000_000,
  address: '',
};
const NAMES = { sign: 'sign', expires: 'expires', prefix: 'prefix' };

describe('signed URLs', () => {
  test.each<readonly [Partial<Grant>, string]>([
    [{}, 'play\nlive/cam\n1900000000'],
    [{ action: 'publish' }, 'publish\nlive/cam\n1900000000'],
    [{ prefix: true }, 'play*\nlive/cam\n1900000000'],
    [{ address: '2001:db8::1' }, 'play\nlive/cam\n1900000000\n2001:db8::1'],
  ])('%j is signed as anybody can do', (change, text) => {
    const grant = { ...GRANT, ...change };
    const expected = createHmac('sha256', 'secret').update(text).digest();
    expect(signatureOf(grant, 'secret')).toBe(expected.toString('base64url'));
    expect(isSigned(grant, expected.toString('hex'), ['secret'])).toBe(true);
    expect(isSigned(grant, expected.toString('hex').toUpperCase(), ['secret'])).toBe(true);
    expect(isSigned(grant, expected.toString('base64url'), ['secret'])).toBe(true);
    expect(isSigned(grant, `${expected.toString('base64url')}=`, ['other', 'secret'])).toBe(true);
  });

  test('with openssl, too', () => {
    const text = 'play\nlive/cam\n1900000000';
    const out = execFileSync('openssl', ['dgst', '-sha256', '-hmac', 'secret'], { input: text }).toString();
    expect(isSigned(GRANT, /[0-9a-f]{64}/.exec(out)![0], ['secret'])).toBe(true);
  });

  test('are good for what they say alone', () => {
    const signature = signatureOf(GRANT, 'secret');
    const changes: readonly Partial<Grant>[] = [
      { action: 'publish' },
      { application: 'other' },
      { name: 'cam2' },
      { prefix: true },
      { expires: GRANT.expires + 1 },
      { address: '127.0.0.1' },
    ];
    for (const change of changes) {
      expect(isSigned({ ...GRANT, ...change }, signature, ['secret']), JSON.stringify(change)).toBe(false);
    }
    expect(isSigned(GRANT, signature, ['Secret'])).toBe(false);
    expect(isSigned(GRANT, signature, [])).toBe(false);
  });

  test.each(['', 'x', 'A'.repeat(42), 'A'.repeat(44), 'g'.repeat(64), 'a'.repeat(63), '=', '%41'.repeat(43)])(
    '"%s" is no signature',
    (text) => {
      expect(isSigned(GRANT, text, ['secret'])).toBe(false);
    },
  );

  test('have a query of their own', () => {
    expect(signedQuery(GRANT, 'k', NAMES)).toBe(`expires=1900000000&sign=${signatureOf(GRANT, 'k')}`);
    const prefix = { ...GRANT, name: 'cam/a&b', prefix: true };
    expect(signedQuery(prefix, 'k', { sign: 's', expires: 'e', prefix: 'p' })).toBe(
      `p=cam%2Fa%26b&e=1900000000&s=${signatureOf(prefix, 'k')}`,
    );
  });
});
