import { mkdirSync, writeFileSync } from 'node:fs';
import { type Child, start, until } from './children.ts';
import { isOpen, type Place } from './harness.ts';

const MODULES = '/usr/lib/nginx/modules';

/** nginx with its RTMP module, as Debian packages it; `rtmp` stands in the server of that block, `more` behind it. Waits until it listens. */
export async function startNginx(place: Place, port: number, rtmp: string, more = ''): Promise<Child> {
  const folder = place.path(`nginx-${port}`);
  mkdirSync(folder, { recursive: true });
  const conf = `${folder}/nginx.conf`;
  writeFileSync(
    conf,
    `load_module ${MODULES}/ngx_rtmp_module.so;
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log info;
events { worker_connections 256; }
rtmp { server { listen 127.0.0.1:${port}; ${rtmp} } }
${more}
`,
  );
  const child = await start('nginx', ['-p', folder, '-e', `${folder}/error.log`, '-c', conf]);
  await until(`nginx listens on ${port}`, () => {
    if (!child.running) throw new Error(`nginx did not start:\n${child.output()}`);
    return isOpen(port);
  });
  return child;
}
