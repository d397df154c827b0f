import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { makeHosts } from '../../src/cli/hosts.ts';
import { signedQuery } from '../../src/core/applications/signed-url.ts';
import { Daemon } from '../../src/daemon.ts';
import { modules } from '../../src/modules/index.ts';
import { connectTo } from '../rtmp/client.ts';
import { freePort } from '../rtmp/server.ts';

const NAMES = { sign: 'sign', expires: 'expires', prefix: 'prefix' };

/** A certificate for a name and its key, in place of those before. */
function certify(folder: string, name: string): void {
  const file = (ending: string): string => join(folder, `new.${ending}`);
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync(
    'openssl',
    ['req', '-x509', ...options, '-subj', `/CN=${name}`, '-keyout', file('key'), '-out', file('pem')],
    { stdio: 'ignore', timeout: 20_000 },
  );
  for (const ending of ['pem', 'key']) renameSync(file(ending), join(folder, `cert.${ending}`));
}

/** The name in the certificate that a server shows. */
function shown(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(String(socket.getPeerCertificate().subject.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('certificates and keys that are replaced are taken without a change of the configuration', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mediad-needs-'));
  const [rtmp, https] = [await freePort(), await freePort()];
  certify(folder, 'first.example');
  writeFileSync(join(folder, 'sign.key'), 'the first key of many letters');
  const file = join(folder, 'media.conf');
  writeFileSync(
    file,
    `error_log error.log info; daemon off;
    rtmp { server { listen 127.0.0.1:${rtmp}; application live { live on; sign publish; sign_key file:sign.key; } } }
    http { access_log off; server { listen 127.0.0.1:${https} ssl; ssl_certificate cert.pem;
      ssl_certificate_key ${join(folder, 'cert.key')}; return 200; } }`,
  );
  const daemon = await Daemon.start({
    config: { file, sources: modules },
    hosts: makeHosts,
    version: 'test',
    watch: { sweep: 100 },
  });
  onTestFinished(async () => {
    await daemon.stop();
    rmSync(folder, { recursive: true });
  });
  const publish = async (key: string): Promise<unknown> => {
    const grant = {
      action: 'publish',
      application: 'live',
      name: 'cam',
      prefix: false,
      address: '',
    } as const;
    const query = signedQuery({ ...grant, expires: Math.floor(Date.now() / 1000) + 60 }, key, NAMES);
    const client = await connectTo(rtmp, 'live');
    client.call('publish', [null, `cam?${query}`, 'live'], await client.createStream());
    const { args } = await client.command('onStatus');
    client.destroy();
    return (args[1] as Readonly<Record<string, unknown>>)['code'];
  };
  expect(await shown(https)).toBe('first.example');
  expect(await publish('the first key of many letters')).toBe('NetStream.Publish.Start');

  certify(folder, 'second.example');
  await expect.poll(() => shown(https), { timeout: 8000 }).toBe('second.example');
  writeFileSync(join(folder, 'sign.key'), 'the second key of many letters');
  await expect
    .poll(() => publish('the second key of many letters'), { timeout: 8000, interval: 200 })
    .toBe('NetStream.Publish.Start');
  expect(await publish('the first key of many letters')).toBe('NetStream.Publish.Denied');
}, 30_000);
