import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { childEnvironment } from './children.ts';
import { isOpen, makePlace, PROGRAM } from './harness.ts';

/** More than any pipe or socket holds, and than is kept for a while. */
const REQUESTS = 2000;
const PATH = `/${'x'.repeat(700)}`;

test.for(['a pipe', 'a socket'])('%s as stderr that nobody reads holds nobody up', async (kind) => {
  const place = await makePlace();
  const { http } = place;
  writeFileSync(
    place.conf,
    `error_log stderr debug;
     http { access_log off; server { listen 127.0.0.1:${http}; location /ok { return 200 ok; } } }`,
  );
  const fifo = place.path('stderr');
  execFileSync('mkfifo', [fifo]);
  const end = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  // It is another description of the same pipe, as a shell would have it: one on which writes wait.
  const blocking = openSync(fifo, constants.O_WRONLY);
  const child = spawn(process.execPath, [PROGRAM, '-c', place.conf], {
    cwd: place.directory,
    stdio: ['ignore', 'ignore', kind === 'a pipe' ? blocking : 'pipe'],
    env: childEnvironment(),
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
    closeSync(end);
    closeSync(blocking);
  });
  child.stderr?.pause();
  await expect.poll(() => isOpen(http), { timeout: 10_000 }).toBe(true);
  for (let sent = 0; sent < REQUESTS; sent += 50) {
    const answers = Array.from({ length: 50 }, () =>
      fetch(`http://127.0.0.1:${http}${PATH}`, { signal: AbortSignal.timeout(10_000) }),
    );
    for (const answer of await Promise.all(answers)) {
      expect(answer.status).toBe(404);
      await answer.arrayBuffer();
    }
  }
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
});
