import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { resume } from '../http/connections/resume.ts';
import { until } from './children.ts';
import { mediad, workersOf } from './crew.ts';
import { makePlace, type Place } from './harness.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const conf =
  (workers: number, http = '') =>
  (place: Place): string =>
    `worker_processes ${workers};
rtmp_socket_dir ${place.directory};
error_log stderr info;
http {
  access_log off;
  ${http}
  server {
    listen 127.0.0.1:${place.http} ssl;
    ssl_certificate one.pem;
    ssl_certificate_key one.key;
    return 200 "$ssl_session_reused $pid";
  }
}
`;

test.each([1, 2])(
  'a TLS session is resumed at each of %d workers, whatever comes between',
  async (count) => {
    const place = await makePlace();
    const args = '-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=one -nodes';
    const files = ['-keyout', place.path('one.key'), '-out', place.path('one.pem')];
    execFileSync('openssl', ['req', ...args.split(' '), ...files], { stdio: 'ignore', timeout: 20_000 });
    const inConf = (text: string): string => text.replaceAll('one.', `${place.directory}/one.`);
    const server = await mediad((at) => inConf(conf(count)(at)), place);
    const sessions = new Map<string, Buffer>();
    for (const version of VERSIONS) {
      sessions.set(version, (await resume(place.http, 'one', version)).session);
    }
    /** Comes again until every one of so many workers has been met; with all of them the session is resumed. */
    const everywhere = async (workers: number): Promise<void> => {
      for (const version of VERSIONS) {
        const met = new Set<string>();
        await until('all workers are met', async () => {
          const { reused, text } = await resume(place.http, 'one', version, sessions.get(version));
          expect(reused).toBe(true);
          met.add(text.split(' ')[1]!);
          return met.size >= workers;
        });
      }
    };
    await everywhere(count);
    expect((await server.reload(inConf(conf(count, 'client_header_timeout 7s;')(place)))).code).toBe(0);
    await everywhere(count);
    if (count === 1) return;
    expect((await server.reload(inConf(conf(3)(place)))).code).toBe(0);
    await everywhere(3);
    const [first, ...others] = await workersOf(server);
    process.kill(first!.pid, 'SIGKILL');
    await until('it is back', () => server.log().includes('a worker serves again'));
    expect(others).toHaveLength(2);
    await everywhere(3);
  },
  60_000,
);
