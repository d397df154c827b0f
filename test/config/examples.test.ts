import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoadError, loadConfig } from '../../src/config/config.ts';
import { describeDirectives } from '../../src/config/describe.ts';
import { modules } from '../../src/modules/index.ts';

/** A file with one statement in a block of a context. */
const PLACES: Readonly<Record<string, (inside: string) => string>> = {
  main: (inside) => inside,
  events: (inside) => `events { ${inside} }`,
  rtmp: (inside) => `rtmp { ${inside} }`,
  rtmp_server: (inside) => `rtmp { server { ${inside} } }`,
  application: (inside) => `rtmp { server { application live { ${inside} } } }`,
  recorder: (inside) => `rtmp { server { application live { recorder one { ${inside} } } } }`,
  http: (inside) => `http { ${inside} }`,
  server: (inside) => `http { server { ${inside} } }`,
  location: (inside) => `http { server { location /x/ { ${inside} } } }`,
  server_if: (inside) => `http { server { if ($arg_a) { ${inside} } } }`,
  location_if: (inside) => `http { server { location /x/ { if ($arg_a) { ${inside} } } } }`,
  limit_except: (inside) => `http { server { location /x/ { limit_except GET { ${inside} } } } }`,
};

/** All that applications do, of which each directive has to have an example. */
const COMPLETE = new Set([
  ...['access', 'api', 'control', 'exec', 'limit', 'log', 'metrics', 'notify', 'overload'],
  ...['record', 'relay', 'rtmp', 'sign', 'stat'],
]);

const directives = describeDirectives(modules);
const examples = directives.flatMap(({ example, ...entry }) =>
  example === undefined ? [] : [{ ...entry, example }],
);

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'mediad-examples-'));
  mkdirSync(join(folder, 'conf'));
  writeFileSync(join(folder, 'conf/old.key'), 'an old key, long enough');
  process.env['SIGN_KEY'] = 'a new key, long enough, too';
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  delete process.env['SIGN_KEY'];
});

/** What is wrong with a text as a configuration. */
function mistakes(text: string): readonly string[] {
  const file = join(folder, 'media.conf');
  writeFileSync(file, text);
  try {
    loadConfig({ file, prefix: folder, sources: modules });
    return [];
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return error.diagnostics.map(({ message }) => message);
  }
}

test('every directive of what applications do has an example', () => {
  const without = directives.filter(({ module, example }) => COMPLETE.has(module) && example === undefined);
  expect(without.map(({ name }) => name)).toEqual([]);
  const workers = ['rtmp_auto_push', 'rtmp_auto_push_reconnect', 'rtmp_socket_dir'];
  expect(examples.map(({ name }) => name)).toEqual(
    expect.arrayContaining([...workers, 'rtmp_control', 'meta']),
  );
});

test.each(examples.map((entry) => [`${entry.module}: ${entry.example}`, entry] as const))(
  '%s',
  (_, { name, contexts, example }) => {
    expect(example).toContain(name);
    if (!example.startsWith(name)) {
      // It shows the location that it stands in.
      expect(mistakes(PLACES['server']!(example))).toEqual([]);
      return;
    }
    for (const context of contexts) {
      expect(mistakes(PLACES[context]!(example)), context).toEqual([]);
    }
  },
);
