import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TicketSecret, ticketKeys } from '../../../src/core/workers/tickets.ts';
import { type Site, startSite } from '../harness.ts';
import { resume } from './resume.ts';

const server = (name: string, tls: string): string => `
  server {
    listen PORT ssl;
    server_name ${name};
    ssl_certificate one.pem;
    ssl_certificate_key one.key;
    ${tls}
    return 200 "$ssl_session_reused";
  }`;
const CONF = (tls = '', http = ''): string =>
  `http { access_log off; ${http} ${server('one.example', tls)} ${server('two.example', tls)} }`;

describe('session tickets', () => {
  let site: Site;
  const go = (version: SecureVersion, session?: Buffer, name = 'one.example') =>
    resume(site.port, name, version, session);

  beforeAll(async () => {
    site = await startSite('http { access_log off; server { listen PORT2; return 200 plain; } }');
    const args = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=one -nodes';
    const files = ['-keyout', `${site.prefix}/one.key`, '-out', `${site.prefix}/one.pem`];
    execFileSync('openssl', ['req', ...args.split(' '), ...files], { stdio: 'ignore', timeout: 20_000 });
    site.file('a.key', randomBytes(48));
    site.file('b.key', randomBytes(80));
    site.file('short.key', randomBytes(47));
  });
  afterAll(() => site.close());

  describe.each(['TLSv1.2', 'TLSv1.3'] as const)('%s', (version) => {
    it.each(['one.example', 'two.example', 'unknown.example'])(
      'a session of %s is resumed, also after a reload',
      async (name) => {
        await site.load(CONF());
        const first = await go(version, undefined, name);
        expect(first.reused).toBe(false);
        const second = await go(version, first.session, name);
        expect(second.reused).toBe(true);
        // Another front for the address, with all that TLS goes by as it was.
        await site.load(CONF('', 'client_header_timeout 7s;'));
        expect((await go(version, second.session, name)).reused).toBe(true);
      },
    );

    it('another secret, and another certificate check, take a full handshake', async () => {
      await site.load(CONF());
      const before = await go(version);
      await site.load(CONF('ssl_verify_client optional; ssl_client_certificate one.pem;'));
      expect((await go(version, before.session)).reused).toBe(false);
      await site.load(CONF());
      expect((await go(version, before.session)).reused).toBe(true);
      site.runtime.tickets.set(randomBytes(32));
      const after = await go(version, before.session);
      expect(after.reused).toBe(false);
      expect((await go(version, after.session)).reused).toBe(true);
    });

    it('none are given where they are off', async () => {
      await site.load(CONF('ssl_session_tickets off;'));
      const first = await go(version);
      expect((await go(version, first.session)).reused).toBe(false);
    });

    it('keys of a file outlive the secret, and not the file', async () => {
      await site.load(CONF('ssl_session_ticket_key a.key; ssl_session_ticket_key b.key;'));
      const first = await go(version);
      site.runtime.tickets.set(randomBytes(32));
      expect((await go(version, first.session)).reused).toBe(true);
      await site.load(CONF('ssl_session_ticket_key b.key;'));
      expect((await go(version, first.session)).reused).toBe(false);
    });
  });

  it('a file of another length is refused', async () => {
    await expect(site.load(CONF('ssl_session_ticket_key short.key;'))).rejects.toThrow('48 or 80 bytes');
  });

  it('a secret is another one after its time, and gives other keys for each purpose', async () => {
    const secret = new TicketSecret();
    const first = secret.value;
    let changes = 0;
    secret.watch(() => {
      changes += 1;
    });
    const end = secret.rotate(20);
    await expect.poll(() => changes).toBeGreaterThan(1);
    end();
    expect(secret.value.equals(first)).toBe(false);
    const [a, b] = [ticketKeys(first, 'a'), ticketKeys(first, 'b')];
    expect([a.length, a.equals(b), a.equals(ticketKeys(first, 'a'))]).toEqual([48, false, true]);
  });
});
