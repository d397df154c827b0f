import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { HELLO } from '../hostile/sessions.ts';
import { startMediad } from './harness.ts';

/** Every stage that a client goes through before the server knows what it wants, in ms. */
const STAGES: readonly (readonly [string, 'rtmp' | 'http' | 'proxied', Buffer, number])[] = [
  ['the first byte of RTMP', 'rtmp', Buffer.alloc(0), 10_000],
  ['the handshake', 'rtmp', HELLO.subarray(0, 2000), 10_000],
  ['the connect command', 'rtmp', HELLO, 10_000],
  ['the header of HTTP', 'http', Buffer.from('GET / HTTP/1.1\r\nHost: '), 4000],
  ['the next header of HTTP', 'http', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /'), 4000],
  ['the PROXY line', 'proxied', Buffer.from('PROXY TCP4 '), 5000],
];

test('who sends a byte a second is cut off at the deadline of each stage', async () => {
  const server = await startMediad(
    ({ rtmp, http, spare }) => `
error_log stderr info;
rtmp { server { listen 127.0.0.1:${rtmp}; application live { live on; } } }
http {
  access_log off;
  client_header_timeout 4s;
  server { listen 127.0.0.1:${http}; }
  server { listen 127.0.0.1:${spare[0]} proxy_protocol; set_real_ip_from 127.0.0.1; }
}`,
  );
  const { rtmp, http, spare } = server.place;
  const ports = { rtmp, http, proxied: spare[0]! };
  const took = await Promise.all(
    STAGES.map(async ([, where, already]) => {
      const socket = connect(ports[where], '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.write(already);
      // What may stand in all of these places: RTMP begins with it, and it is no end of anything.
      const next = Buffer.from([where === 'rtmp' ? 3 : 0x31]);
      const drip = setInterval(() => socket.writable && socket.write(next), 1000);
      const from = performance.now();
      await new Promise((resolve) => socket.once('close', resolve));
      clearInterval(drip);
      return performance.now() - from;
    }),
  );
  for (const [index, [stage, , , deadline]] of STAGES.entries()) {
    expect(took[index], stage).toBeGreaterThan(deadline - 500);
    // The server looks once a second, and waits two for what it has said last to arrive.
    expect(took[index], stage).toBeLessThan(deadline + 4500);
  }
  await server.stop();
});
