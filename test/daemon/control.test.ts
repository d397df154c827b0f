import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { AlreadyRunning } from '../../src/daemon/already-running.ts';
import {
  ask,
  type ControlReply,
  type ControlRequest,
  ControlSocket,
  controlPath,
} from '../../src/daemon/control.ts';

function place(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-control-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'logs', 'mediad.sock');
}

async function serve(
  path: string,
  answer: (request: ControlRequest) => Promise<ControlReply> = async ({ command }) => ({
    ok: true,
    text: ['done'],
    data: command,
  }),
): Promise<ControlSocket> {
  const control = await ControlSocket.open(path, answer);
  onTestFinished(() => control.close());
  return control;
}

/** Sends bytes and gives what comes back until the end. */
function exchange(path: string, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

describe('the path', () => {
  test.for([
    ['/run/mediad.pid', '/run/mediad.sock'],
    ['/run/other', '/run/other.sock'],
    ['/a.pid/b.pid', '/a.pid/b.sock'],
  ] as const)('of %s is %s', ([pid, socket]) => expect(controlPath(pid)).toBe(socket));

  test('that would be too long is a short one of its own', () => {
    const one = controlPath(`/srv/${'x'.repeat(110)}/mediad.pid`);
    const other = controlPath(`/srv/${'y'.repeat(110)}/mediad.pid`);
    expect(one).not.toBe(other);
    expect(one).toBe(controlPath(`/srv/${'x'.repeat(110)}/mediad.pid`));
    for (const path of [one, other]) expect(Buffer.byteLength(path)).toBeLessThan(108);
  });
});

test('answers requests, for its owner alone', async () => {
  const path = place();
  await serve(path);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(await ask(path, { command: 'status' }, 1000)).toEqual({ ok: true, text: ['done'], data: 'status' });
  expect(await ask(path, { command: 'reload' }, 1000)).toMatchObject({ data: 'reload' });
});

test('keeps a second server out, and takes the place of one that is gone', async () => {
  const path = place();
  const first = await serve(path);
  await expect(ControlSocket.open(path, async () => ({ ok: true, text: [], data: 1 }))).rejects.toThrow(
    AlreadyRunning,
  );
  expect(await ask(path, { command: 'status' }, 1000)).toMatchObject({ ok: true });
  first.close();
  await expect.poll(() => existsSync(path)).toBe(false);
  await serve(path);
});

test('does not take a file for a socket', async () => {
  const path = place();
  const control = await serve(path);
  control.close();
  await expect.poll(() => existsSync(path)).toBe(false);
  writeFileSync(path, 'precious');
  await expect(serve(path)).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

test.for([
  ['not JSON', 'reload\n'],
  ['no object', '17\n'],
  ['null', 'null\n'],
  ['an unknown command', '{"command":"destroy"}\n'],
] as const)('%s is answered with an error', async ([, text]) => {
  const path = place();
  await serve(path);
  expect(JSON.parse(await exchange(path, text))).toMatchObject({ ok: false });
});

test('a request without an end is cut off', async () => {
  const path = place();
  await serve(path);
  expect(await exchange(path, 'x'.repeat(200_000))).toBe('');
});

test('whoever asks does not wait without end, nor for a server that goes away', async () => {
  const path = place();
  const control = await serve(path, () => new Promise(() => undefined));
  await expect(ask(path, { command: 'status' }, 50)).rejects.toThrow('no answer in 0.05 s');
  await expect.poll(() => control.connections).toBe(0);
  const asked = ask(path, { command: 'status' }, 5000);
  const refused = expect(asked).rejects.toThrow('the server went away');
  await expect.poll(() => control.connections).toBe(1);
  control.close();
  await refused;
  await expect(ask(path, { command: 'status' }, 1000)).rejects.toMatchObject({ code: 'ENOENT' });
});
