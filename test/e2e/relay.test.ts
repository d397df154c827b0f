import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { AUDIO, VIDEO } from '../../src/media/packet.ts';
import { afterFile, type Child, runToEnd, start, until } from './children.ts';
import { isOpen, makePlace, type Place, startMediad } from './harness.ts';
import { fixture, publishFile } from './media.ts';
import { startNginx } from './nginx.ts';
import { frames, type Player, playFlv, playRtmp, steps, untilReceived } from './players.ts';

let file = '';

beforeAll(async () => {
  file = await fixture('plain');
});

/** A configuration with application `live`, played over HTTP-FLV too. */
function conf(place: Place, application: string): string {
  return `
error_log stderr info;
rtmp { server { listen 127.0.0.1:${place.rtmp}; application live { live on; ${application} } } }
http { access_log off; server { listen 127.0.0.1:${place.http}; location /live { flv_live on; } } }
`;
}

function url(port: number, path: string): string {
  return `rtmp://127.0.0.1:${port}/${path}`;
}

/** Bodies of frames by kind and content, to be looked up. */
function bodies(player: Player): Set<string> {
  return new Set(
    player.received
      .filter(({ media, config }) => media || config)
      .map(({ kind, body }) => `${kind} ${body!.toString('base64')}`),
  );
}

function shareOf(some: Set<string>, all: Set<string>): number {
  return [...some].filter((one) => all.has(one)).length / some.size;
}

async function codecs(input: string): Promise<string> {
  const { output } = await runToEnd('ffprobe', [
    ...['-v', 'error', '-show_entries', 'stream=codec_name,width,height', '-of', 'csv=p=0', input],
  ]);
  return output.trim().split('\n').sort().join(' ');
}

const CODECS = 'aac h264,640,360';

describe('with nginx', () => {
  test('a stream pushed to it comes out unchanged', async () => {
    const place = await makePlace();
    const port = place.spare[0]!;
    await startNginx(place, port, 'application copy { live on; }');
    const mediad = await startMediad(conf(place, `push ${url(port, 'copy')};`), place);
    await publishFile(file, mediad.rtmpUrl('live', 'show'), { loop: true });
    await until('the push is live', () => mediad.log().includes('push started'));
    const here = playRtmp(mediad.rtmpUrl('live', 'show'), { bodies: true });
    const there = playRtmp(url(port, 'copy/show'), { bodies: true });
    await untilReceived(there, 300);
    expect(await codecs(url(port, 'copy/show'))).toBe(CODECS);
    await untilReceived(here, 300);
    expect(shareOf(bodies(there), bodies(here))).toBeGreaterThan(0.95);
    expect(steps(there, VIDEO)).toEqual({ largest: 40, smallest: 40 });
    await mediad.stop();
  });

  test('a stream is pulled from it for RTMP and for HTTP-FLV, and what it lacks is not found', async () => {
    const place = await makePlace();
    const port = place.spare[0]!;
    await startNginx(place, port, 'application origin { live on; idle_streams off; }');
    const mediad = await startMediad(conf(place, `pull ${url(port, 'origin')};`), place);
    await publishFile(file, url(port, 'origin/show'), { loop: true });
    await publishFile(file, url(port, 'origin/more'), { loop: true });
    await until('nginx has both', async () => (await codecs(url(port, 'origin/more'))) === CODECS);
    const rtmp = playRtmp(mediad.rtmpUrl('live', 'show'));
    await untilReceived(rtmp, 200);
    expect(steps(rtmp, VIDEO)).toEqual({ largest: 40, smallest: 40 });
    const query = (name: string): string => `/live?port=${place.rtmp}&app=live&stream=${name}`;
    const flv = playFlv(mediad.httpUrl(query('more')));
    await untilReceived(flv, 200);
    expect(flv.status).toBe(200);
    expect(frames(flv, AUDIO).length).toBeGreaterThan(50);
    const absent = playFlv(mediad.httpUrl(query('absent')));
    await until('it is answered', () => absent.status);
    expect(absent.status).toBe(404);
    const gone = playRtmp(mediad.rtmpUrl('live', 'absent'));
    await until('it is ended', () => gone.ended);
    expect(gone.status).toBe('NetStream.Play.StreamNotFound');
    await mediad.stop();
  });

  test('of three targets one is killed and comes back; a fourth comes by a reload; the others see nothing', async () => {
    const place = await makePlace();
    const [first, second, third, fourth] = place.spare as [number, number, number, number];
    const copy = 'application copy { live on; }';
    const targets = [first, second, third, fourth];
    const write = (count: number): string =>
      conf(
        place,
        `push_reconnect 300ms; ${targets
          .slice(0, count)
          .map((port) => `push ${url(port, 'copy')};`)
          .join(' ')}`,
      );
    const nginx: Child[] = [];
    for (const port of targets) nginx.push(await startNginx(place, port, copy));
    const mediad = await startMediad(write(3), place);
    await publishFile(file, mediad.rtmpUrl('live', 'show'), { loop: true });
    const started = (port: number): number =>
      mediad
        .log()
        .split('\n')
        .filter((line) => line.includes('push started') && line.includes(`:${port}/`)).length;
    await until('three pushes are live', () => targets.slice(0, 3).every((port) => started(port) === 1));
    const players = [first, third, fourth].map((port) => playRtmp(url(port, 'copy/show')));
    await untilReceived(players[0]!, 50);
    await nginx[1]!.stop('SIGKILL');
    await until('the loss is told', () => mediad.log().includes('push failed'));
    await startNginx(place, second, copy);
    await until('it is back', () => started(second) === 2);
    expect((await mediad.reload(write(4))).code).toBe(0);
    await untilReceived(players[2]!, 50);
    const before = players[0]!.received.length;
    await untilReceived(players[0]!, before + 100);
    for (const player of players.slice(0, 2)) {
      expect(steps(player, VIDEO)).toEqual({ largest: 40, smallest: 40 });
    }
    expect(targets.map(started)).toEqual([1, 2, 1, 1]);
    await mediad.stop();
  });
});

describe('with ffmpeg', () => {
  test('a stream pushed to one that listens can be decoded', async () => {
    const place = await makePlace();
    const port = place.spare[0]!;
    const out = place.path('out.flv');
    const listening = await start('ffmpeg', [
      ...['-nostdin', '-v', 'warning', '-y', '-f', 'flv', '-listen', '1', '-i', url(port, 'app/key')],
      ...['-t', '2', '-c', 'copy', out],
    ]);
    const mediad = await startMediad(
      conf(place, `push_reconnect 300ms; push ${url(port, 'app/key')};`),
      place,
    );
    await publishFile(file, mediad.rtmpUrl('live', 'show'), { loop: true });
    const { code } = await listening.ended;
    expect(code).toBe(0);
    expect(await codecs(out)).toBe(CODECS);
    const { output } = await runToEnd('ffmpeg', ['-v', 'error', '-i', out, '-f', 'null', '-']);
    expect(output).toBe('');
    await mediad.stop();
  });
});

describe('over TLS', () => {
  test('a peer needs a certificate for its name, from an authority that is trusted', async () => {
    const place = await makePlace();
    const [plain, secure, other] = place.spare as [number, number, number];
    const [key, certificate] = [place.path('key.pem'), place.path('cert.pem')];
    execFileSync(
      'openssl',
      [
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
        ...['-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate],
      ],
      { stdio: 'ignore' },
    );
    const names: unknown[] = [];
    const terminator = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (socket) => {
      names.push(socket.servername);
      const inner = connect({ host: '127.0.0.1', port: plain });
      socket.pipe(inner).pipe(socket);
      socket.on('error', () => inner.destroy());
      inner.on('error', () => socket.destroy());
      socket.on('close', () => inner.destroy());
    });
    await new Promise<void>((done) => terminator.listen(secure, '127.0.0.1', done));
    afterFile(() => terminator.close());
    await startNginx(place, plain, 'application copy { live on; } application more { live on; }');
    const target = `rtmps://localhost:${secure}`;
    const write = (more: string): string =>
      conf(place, `push_reconnect 200ms; push ${target}/copy; push ${target}/more verify=off; ${more}`);
    const mediad = await startMediad(write(''), place);
    await publishFile(file, mediad.rtmpUrl('live', 'show'), { loop: true });
    await until('one is refused', () => /self-signed certificate.*push failed/.test(mediad.log()));
    const lax = playRtmp(url(plain, 'more/show'));
    await untilReceived(lax, 50);
    expect(mediad.log()).not.toMatch(/copy.*push started/);
    expect((await mediad.reload(write(`relay_ssl_trusted_certificate ${certificate};`))).code).toBe(0);
    const strict = playRtmp(url(plain, 'copy/show'));
    await untilReceived(strict, 50);
    expect(new Set(names)).toEqual(new Set(['localhost']));
    expect(await isOpen(other)).toBe(false);
    await mediad.stop();
  });
});
