import { execFileSync } from 'node:child_process';
import { connect, type PeerCertificate } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/config/errors.ts';
import { flvModule } from '../../../src/modules/flv/flv.ts';
import { type Site, startSite } from '../harness.ts';
import { applicationOf, begin, publish, serve } from '../publishing.ts';

const server = (name: string, cert: string, key = cert): string => `
  server {
    listen PORT ssl http2;
    server_name ${name};
    ssl_certificate ${cert}.pem;
    ssl_certificate_key ${key}.key;
    return 200 "$scheme $https $host $ssl_protocol";
  }`;
const CONF = (first = 'one', second = 'two'): string =>
  `http { access_log off; server { listen PORT2; return 200 plain; } ${server('one.example', first)} ${server('*.two.example', second)} }`;

describe('TLS', () => {
  let site: Site;

  const certificate = (file: string, name: string, extra: readonly string[] = ['-nodes']): void => {
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        ...extra,
        '-keyout',
        `${site.prefix}/${file}.key`,
        '-out',
        `${site.prefix}/${file}.pem`,
      ],
      { stdio: 'ignore', timeout: 20_000 },
    );
  };

  const ask = (
    servername: string,
    host = servername,
  ): Promise<{ text: string; certificate: PeerCertificate }> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        { port: site.port, host: '127.0.0.1', servername, rejectUnauthorized: false },
        () => {
          const peer = socket.getPeerCertificate();
          let text = '';
          socket.on('data', (chunk) => {
            text += chunk;
          });
          socket.on('close', () => resolve({ text, certificate: peer }));
          socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
        },
      );
      socket.on('error', reject);
    });

  beforeAll(async () => {
    site = await startSite('http { access_log off; server { listen PORT2; return 200 plain; } }', [
      flvModule,
    ]);
    certificate('one', 'one.example');
    certificate('two', 'two.example');
    certificate('secret', 'secret.example', ['-passout', 'pass:opensesame']);
    site.file('broken.pem', 'no certificate');
    site.file('broken.key', 'no key');
    site.file('pass.txt', 'wrong\nopensesame\n');
    await site.load(CONF());
  });
  afterAll(() => site.close());

  it('chooses certificate and server by name', async () => {
    const one = await ask('one.example');
    expect(one.certificate.subject.CN).toBe('one.example');
    expect(one.text).toContain('https on one.example TLSv1.3');
    expect((await ask('x.two.example')).certificate.subject.CN).toBe('two.example');
    expect((await ask('unknown.example')).certificate.subject.CN).toBe('one.example');
  });

  it('speaks plainly beside it', async () => {
    expect((await site.get('/', { port: site.ports[1]! })).body).toBe('plain');
  });

  it('closes what is no handshake, and goes on', async () => {
    expect(await site.raw('GET / HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain('200');
    expect((await ask('one.example')).text).toContain('200 OK');
  });

  it('plays HTTP-FLV to its clean end', async () => {
    serve(site.runtime, { applications: { live: { idle_streams: false } } });
    const publication = await publish(site.runtime, applicationOf(site.runtime, 'live'), 's');
    begin(publication);
    await site.load(
      CONF().replace('return 200 "$scheme $https $host $ssl_protocol";', 'location / { flv_live on; }'),
    );
    const socket = connect({ port: site.port, host: '127.0.0.1', rejectUnauthorized: false });
    const bytes: Buffer[] = [];
    socket.on('data', (chunk) => bytes.push(chunk));
    socket.write('GET /live/s.flv HTTP/1.1\r\nHost: one.example\r\n\r\n');
    await expect.poll(() => Buffer.concat(bytes).toString('latin1')).toContain('FLV\x01\x05');
    publication.close();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(Buffer.concat(bytes).toString('latin1')).toMatch(/\r\n0\r\n\r\n$/);
    await site.load(CONF());
  });

  it('shows a new certificate of the same file after a reload', async () => {
    const before = (await ask('x.two.example')).certificate.serialNumber;
    certificate('two', 'two.example');
    await site.load(CONF());
    const after = (await ask('x.two.example')).certificate;
    expect(after.serialNumber).not.toBe(before);
    expect(after.subject.CN).toBe('two.example');
  });

  it('reads a key under a passphrase of the file', async () => {
    await site.load(
      CONF('secret').replace(
        'ssl_certificate_key secret.key;',
        'ssl_certificate_key secret.key; ssl_password_file pass.txt;',
      ),
    );
    expect((await ask('one.example')).certificate.subject.CN).toBe('secret.example');
    await site.load(CONF());
  });

  it.each([
    ['gone', 'gone', /cannot load ssl_certificate ".*gone\.pem": no such file/],
    ['broken', 'broken', /cannot use the certificate "broken\.pem"/],
    ['one', 'two', /cannot use the certificate "one\.pem": it does not belong to its key/],
    ['one', 'secret', /cannot use the certificate "one\.pem"/],
  ])(
    'says at its place that certificate %s with key %s cannot be used, and changes nothing',
    async (cert, key, message) => {
      const text = `http { access_log off;\n${server('a', cert, key)} }`;
      const failed = await site.load(text).catch((error: unknown) => error);
      expect(failed).toBeInstanceOf(ConfigError);
      const [found] = (failed as ConfigError).diagnostics;
      expect(found!.message).toMatch(message);
      expect(found!.at!.line).toBe(6);
      expect((await ask('one.example')).text).toContain('200 OK');
    },
  );
});
