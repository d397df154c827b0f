import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runToEnd } from './children.ts';
import { makePlace, ROOT } from './harness.ts';

/** Runs the audit against a registry that knows so many faults, or none that answers. */
async function audit(advisories: object | null): Promise<{ code: number | null; output: string }> {
  const registry = createServer((request, response) => {
    request.resume();
    const asked = request.method === 'POST' && request.url?.endsWith('/bulk') === true;
    response.writeHead(asked && advisories !== null ? 200 : 404, { 'content-type': 'application/json' });
    response.end(JSON.stringify(asked ? advisories : {}));
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void registry.close());
  const { port } = registry.address() as AddressInfo;
  const registryIs = `npm_config_registry=http://127.0.0.1:${port}`;
  const { directory } = await makePlace();
  return runToEnd('env', [
    registryIs,
    `npm_config_cache=${directory}`,
    process.execPath,
    join(ROOT, 'bin/tools/audit.js'),
  ]);
}

const advisory = (severity: string) => ({
  pino: [{ id: 1, url: 'https://example.com/1', title: 'a fault', severity, vulnerable_versions: '*' }],
});

test.for([
  ['nothing', {}, 0, /packages, 0 known faults, 0 of them serious/],
  ['a fault that is not serious', advisory('low'), 0, /1 known faults, 0 of them serious\n.*low: pino/],
  ['a serious fault', advisory('high'), 1, /1 known faults, 1 of them serious\n.*high: pino/],
  ['a registry that does not answer', null, 0, /nobody could be asked/],
] as const)('the audit tells of %s', async ([, advisories, code, output]) => {
  const told = await audit(advisories);
  expect(told.output).toMatch(output);
  expect(told.code).toBe(code);
});
