import { spawn } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { BindError } from '../../src/core/connections/bind.ts';
import { diagnose } from '../../src/daemon/failures.ts';
import { listeningInodes, ownerOfPort } from '../../src/daemon/port-owner.ts';
import { freePort } from './fakes.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:078F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1 0 100 0 0 10 0
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1002 1 0 100 0 0 10 0
   2: 0100007F:078F 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 1003 1 0 100 0 0 10 0
`;

test('finds the sockets that listen on a port', () => {
  expect(listeningInodes(table, 1935)).toEqual(['1001']);
  expect(listeningInodes(table, 80)).toEqual(['1002']);
  expect(listeningInodes(table, 8080)).toEqual([]);
  expect(listeningInodes('', 80)).toEqual([]);
});

test('names the process that listens', async () => {
  const port = await freePort();
  expect(ownerOfPort(port)).toBeUndefined();
  const script = `require('net').createServer().listen(${port}, '127.0.0.1', () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script]);
  onTestFinished(() => void child.kill());
  await new Promise((resolve) => child.stdout.once('data', resolve));
  expect(ownerOfPort(port)).toEqual({ pid: child.pid, name: expect.stringContaining('node') });
});

test.for([
  ['EADDRINUSE', '0.0.0.0:1935', true, 'listen 0.0.0.0:1935 is used by pid 812 (nginx)', /listen 1936;/],
  ['EADDRINUSE', '[::]:80', false, 'bind() to [::]:80 failed (98: Address already in use)', /listen 81;/],
  ['EADDRINUSE', 'unix:/run/x', false, 'bind() to unix:/run/x failed (98: Address already in use)', null],
  [
    'EACCES',
    '0.0.0.0:443',
    false,
    'bind() to 0.0.0.0:443 failed (13: Permission denied)',
    /CAP_NET_BIND_SERVICE/,
  ],
  ['EACCES', '0.0.0.0:1935', false, 'bind() to 0.0.0.0:1935 failed (13: Permission denied)', null],
  [
    'EADDRNOTAVAIL',
    '10.9.9.9:80',
    false,
    'bind() to 10.9.9.9:80 failed (99: Cannot assign requested address)',
    /interface/,
  ],
] as const)('%s at %s tells what to do', ([code, key, known, message, help]) => {
  const at = { file: 'media.conf', line: 5, column: 9, length: 6 };
  const error = new BindError(key, at, Object.assign(new Error('x'), { code }));
  const [finding] = diagnose(error, () => (known ? { pid: 812, name: 'nginx' } : undefined))!;
  expect(finding).toMatchObject({ message, at, severity: 'error' });
  if (help === null) expect(finding!.help).toBeUndefined();
  else expect(finding!.help).toMatch(help);
});

test('a fault of the program is none of the admin’s', () => {
  expect(diagnose(new TypeError('x is undefined'))).toBeNull();
  expect(diagnose('text')).toBeNull();
});
