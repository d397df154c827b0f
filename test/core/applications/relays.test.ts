import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { Origins } from '../../../src/core/applications/origins.ts';
import { Refused } from '../../../src/core/applications/refused.ts';
import { type RelayStatus, Relays } from '../../../src/core/applications/relays.ts';
import type { PlayRequest } from '../../../src/core/applications/request.ts';
import { checkRoute, hopOf, readRoute, writeRoute } from '../../../src/core/applications/route.ts';
import type { Listen } from '../../../src/core/net/addresses.ts';
import { isOwnAddress } from '../../../src/core/net/own-address.ts';

describe('own addresses', () => {
  const outside = Object.values(networkInterfaces())
    .flatMap((infos) => infos ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
  test.each<[string, string, boolean, boolean?]>([
    ['0.0.0.0', '127.0.0.1', true],
    ['0.0.0.0', '127.1.2.3', true],
    ['0.0.0.0', 'localhost', true],
    ['0.0.0.0', 'LOCALHOST', true],
    ['0.0.0.0', '::1', false],
    ['0.0.0.0', '192.0.2.77', false],
    ['0.0.0.0', 'example.com', false],
    ['0.0.0.0', outside ?? '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.1', true],
    ['127.0.0.1', '127.0.0.2', false],
    ['127.0.0.1', 'localhost', true],
    ['192.0.2.1', 'localhost', false],
    ['192.0.2.1', '192.0.2.1', true],
    ['::', '::1', true],
    ['::', 'localhost', true],
    ['::', '127.0.0.1', false],
    ['::', '127.0.0.1', true, false],
    ['live.example.com', 'live.example.com', true],
  ])('listen %s, connect to %s: %s', (host, to, own, ipv6only = true) => {
    const listen = { host, port: 1935, path: '', ipv6only } as Listen;
    expect(isOwnAddress(listen, to, 1935)).toBe(own);
    expect(isOwnAddress(listen, to, 1936)).toBe(false);
    expect(isOwnAddress({ ...listen, path: '/s' }, to, 1935)).toBe(false);
  });
});

describe('routes', () => {
  const hop = hopOf('process', 'server', 'live', 'show');

  test('a hop is of one stream of one process, and tells nothing of it', () => {
    expect(hop).toMatch(/^[0-9a-f]{24}$/);
    const others = [
      hopOf('other', 'server', 'live', 'show'),
      hopOf('process', 'other', 'live', 'show'),
      hopOf('process', 'server', 'liveshow', ''),
    ];
    expect(new Set([hop, ...others]).size).toBe(4);
    expect(hopOf('process', 'server', 'live', 'show')).toBe(hop);
  });

  test('are read as they are written, and nothing else is', () => {
    const route = [hop, hopOf('a', 'b', 'c', 'd')];
    expect(readRoute(writeRoute(route))).toEqual(route);
    expect(readRoute('')).toEqual([]);
    expect(readRoute(`${hop.toUpperCase()},${hop}0,,x,${hop}`)).toEqual([hop]);
    expect(readRoute(Array.from({ length: 1000 }, () => hop).join(',')).length).toBeLessThan(30);
  });

  test('circles are refused, and so is what has come too far', () => {
    const other = hopOf('a', 'b', 'c', 'd');
    expect(() => checkRoute(undefined, () => hop)).not.toThrow();
    expect(() => checkRoute([other], () => hop)).not.toThrow();
    expect(() => checkRoute([other, hop], () => hop)).toThrow(Refused);
    expect(() => checkRoute(Array(16).fill(other), () => hop)).not.toThrow();
    expect(() => checkRoute(Array(17).fill(other), () => hop)).toThrow(Refused);
  });
});

describe('origins', () => {
  const request = {} as PlayRequest;

  test('are asked in order until one has the stream', async () => {
    const origins = new Origins();
    const asked: string[] = [];
    const origin = (name: string, answer: Promise<void> | null) => () => {
      asked.push(name);
      return answer;
    };
    expect(await origins.fetch(request, true)).toBe(false);
    const refusal = Promise.reject(new Refused('not-found', 'not here'));
    refusal.catch(() => undefined);
    origins.add(3, origin('third', Promise.resolve()));
    origins.add(1, origin('first', null));
    const remove = origins.add(2, origin('second', refusal));
    origins.add(4, origin('fourth', Promise.resolve()));
    expect(await origins.fetch(request, true)).toBe(true);
    expect(asked).toEqual(['first', 'second', 'third']);
    remove();
    asked.length = 0;
    await origins.fetch(request, true);
    expect(asked).toEqual(['first', 'third']);
  });

  test('the first refusal is told where none has it; a mistake is not hidden', async () => {
    const origins = new Origins();
    origins.add(1, () => Promise.reject(new Refused('not-found', 'one')));
    origins.add(2, () => Promise.reject(new Refused('not-found', 'two')));
    await expect(origins.fetch(request, false)).rejects.toThrow('one');
    origins.add(0, () => Promise.reject(new TypeError('mistake')));
    await expect(origins.fetch(request, false)).rejects.toThrow(TypeError);
  });
});

test('relays are listed and wished for', () => {
  const relays = new Relays();
  let changes = 0;
  const unwatch = relays.watch(() => {
    changes += 1;
  });
  const remove = relays.add(() => ({ url: 'x' }) as RelayStatus);
  expect(relays.list()).toEqual([{ url: 'x' }]);
  remove();
  expect(relays.list()).toEqual([]);
  const wish = { direction: 'push', stream: 's', url: 'rtmp://h' } as const;
  const [first, second] = [relays.want(wish), relays.want(wish)];
  expect([...relays.wanted]).toEqual([wish, wish]);
  first();
  first();
  expect([...relays.wanted]).toEqual([wish]);
  expect(changes).toBe(3);
  unwatch();
  second();
  expect(changes).toBe(3);
});
