import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoadError, loadConfig } from '../../../src/config/config.ts';
import { describeDirectives } from '../../../src/config/describe.ts';
import { checkTree } from '../../../src/daemon/check.ts';
import { modules } from '../../../src/modules/index.ts';

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

const OWN = new Set(['access', 'limit', 'sign']);
const NAMES = /^(set_real_ip_from|real_ip_|secure_link|publish_conflict|publish_gap|drop_idle_publisher)/;
const directives = describeDirectives(modules).filter(
  ({ module, name }) => OWN.has(module) || NAMES.test(name),
);

test('all are there', () => {
  expect(directives.length).toBe(25);
});

test.each(directives.map((entry) => [`${entry.name} of ${entry.module}`, entry] as const))(
  'the example of %s holds where it may stand',
  (_, { name, contexts, example }) => {
    expect(example).toContain(name);
    for (const context of contexts) {
      const place = (wanted: string): string => (context === wanted ? example! : '');
      const key = context === 'application' && name === 'sign' ? 'sign_key env:SIGN_KEY;' : '';
      const outer = context !== 'application' && name === 'sign' ? 'sign_key env:SIGN_KEY;' : '';
      const text = `
        rtmp { ${outer} ${place('rtmp')} server { ${place('rtmp_server')}
          application live { live on; ${key} ${place('application')} } } }
        http { ${place('http')} server { ${place('server')} location /x { ${place('location')} } } }`;
      writeFileSync(join(folder, 'conf/media.conf'), text);
      const load = (): readonly string[] => {
        try {
          const { tree, warnings } = loadConfig({ file: join(folder, 'conf/media.conf'), sources: modules });
          return [...warnings, ...checkTree(tree)].map(({ message }) => message);
        } catch (error) {
          if (error instanceof LoadError) return error.diagnostics.map(({ message }) => message);
          throw error;
        }
      };
      expect(load(), `${name} in ${context}`).toEqual([]);
    }
  },
);

test('what cannot work is told', () => {
  const text = `rtmp { server { application live { live on; sign play; } } }
    http { sign_files gone; server { location /x { sign_files live; } } }`;
  writeFileSync(join(folder, 'conf/media.conf'), text);
  const { tree } = loadConfig({ file: join(folder, 'conf/media.conf'), sources: modules });
  expect(checkTree(tree).map(({ severity, message }) => `${severity}: ${message}`)).toEqual([
    'error: application "live" wants signed URLs and has no sign_key',
    'warning: there is no application "gone", so every request here is refused',
  ]);
});
