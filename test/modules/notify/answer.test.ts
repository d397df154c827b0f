import { describe, expect, test } from 'vitest';
import { verdictOf } from '../../../src/modules/notify/answer.ts';

const JSON_TYPE = 'application/json';

function of(status: number, { body = '', type = '', location = null as string | null } = {}) {
  return verdictOf({ status, body, type, location });
}

function ofJson(said: unknown, status = 200) {
  return of(status, { type: JSON_TYPE, body: typeof said === 'string' ? said : JSON.stringify(said) });
}

describe('the status', () => {
  test.each([
    [200, true],
    [201, true],
    [204, true],
    [299, true],
    [100, false],
    [199, false],
    [400, false],
    [401, false],
    [404, false],
    [500, false],
    [503, false],
    [600, false],
    [999, false],
  ])('%i', (status, allow) => {
    expect(of(status).allow).toBe(allow);
  });

  test('3xx names another stream, literally', () => {
    expect(of(302, { location: 'a%20b?x=1' })).toEqual({ allow: true, moved: true, name: 'a%20b?x=1' });
    expect(of(301, { location: 'http://elsewhere/' })).toMatchObject({ name: 'http://elsewhere/' });
  });

  test.each(['rtmp://127.0.0.1/app', 'RTMP://host/app/name', 'rtmps://host/app'])(
    '3xx with %s is an address to relay to',
    (location) => {
      expect(of(302, { location })).toEqual({ allow: true, moved: true, relay: location });
    },
  );

  test.each([null, ''])('3xx with Location %j goes on', (location) => {
    expect(of(302, { location })).toEqual({ allow: true, moved: true });
  });

  test('a body that is no JSON says nothing', () => {
    expect(of(200, { type: 'text/html', body: '{"allow":false}' })).toEqual({ allow: true, moved: false });
  });
});

describe('JSON', () => {
  test('may wish for everything', () => {
    expect(
      ofJson({
        allow: true,
        name: 'other',
        push: ['rtmp://a/b', 'rtmps://c/d'],
        expires: 60,
        limits: { bitrate: 1_000_000, players: 3 },
        anything: 'else',
      }),
    ).toEqual({
      allow: true,
      moved: false,
      name: 'other',
      push: ['rtmp://a/b', 'rtmps://c/d'],
      expires: 60,
      limits: { bitrate: 1_000_000, players: 3 },
    });
    expect(ofJson({ pull: 'rtmp://a/b', redirect: 'rtmp://c/d' })).toEqual({
      allow: true,
      moved: false,
      pull: 'rtmp://a/b',
      redirect: 'rtmp://c/d',
    });
    expect(ofJson({ push: 'rtmp://a/b' })).toMatchObject({ push: ['rtmp://a/b'] });
  });

  test.each([
    ['', true],
    [' \n', true],
    ['null', true],
    ['"OK"', true],
    ['[1]', true],
    ['{}', true],
    ['{"status":"ok","code":0}', true],
    ['{"allow":true}', true],
    ['{"allow":null,"name":null,"push":null,"expires":null,"limits":null}', true],
    ['{"allow":false}', false],
    ['{"allow":"false"}', false],
    ['{"allow":0}', false],
    ['{', false],
    ['OK', false],
    ['{"name":5}', false],
    ['{"push":"http://a/b"}', false],
    ['{"push":["rtmp://a/b",5]}', false],
    ['{"pull":"file:///etc/passwd"}', false],
    ['{"redirect":"javascript:x"}', false],
    ['{"expires":-1}', false],
    ['{"expires":"60"}', false],
    ['{"limits":5}', false],
    ['{"limits":{"bitrate":"1m"}}', false],
    ['{"reason":["x"],"allow":false}', false],
    [`{"push":${JSON.stringify(Array(17).fill('rtmp://a/b'))}}`, false],
    [`{"push":"rtmp://${'a'.repeat(2048)}/b"}`, false],
  ])('%.60s', (body, allow) => {
    const verdict = ofJson(body);
    expect(verdict.allow).toBe(allow);
    if (allow) expect(verdict).toEqual({ allow: true, moved: false });
  });

  test('gives the reason that the client is shown, with any status', () => {
    expect(ofJson({ allow: false, reason: 'no\r\nmoney' })).toMatchObject({
      allow: false,
      reason: 'no money',
    });
    expect(ofJson({ reason: 'banned' }, 403)).toMatchObject({ allow: false, reason: 'banned' });
    expect(ofJson({ allow: true, reason: 'no' }, 401)).toMatchObject({ allow: false, reason: 'no' });
    expect(ofJson({ allow: false, reason: 'x'.repeat(500) })).toMatchObject({ reason: 'x'.repeat(200) });
    expect(ofJson('nonsense', 403)).toMatchObject({ allow: false, reason: null });
  });

  test('says no to a redirect, too', () => {
    const body = JSON.stringify({ allow: false });
    expect(of(302, { type: JSON_TYPE, body, location: 'other' }).allow).toBe(false);
  });
});
