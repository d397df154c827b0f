import { VIDEO } from '../../src/media/packet.ts';
import { ChunkWriter } from '../../src/wire/rtmp/chunk-writer.ts';
import { hex } from '../wire/splits.ts';
import { pause } from './prey.ts';
import { AVC_CONFIG, HELLO, media, on, session } from './sessions.ts';
import { type Attack, each, shaken, Wolf } from './wolf.ts';

/** Many at once, and those who do not read. */
export const floodAttacks: readonly Attack[] = [
  {
    name: 'half-open handshakes',
    async run(prey) {
      const wolves = Array.from({ length: 600 }, () => new Wolf(prey.rtmp));
      await each(wolves.entries(), 100, ([at, wolf]) => wolf.send(HELLO.subarray(0, (at * 7) % 3073)));
      await pause(500);
      for (const wolf of wolves) wolf.reset();
    },
  },
  {
    name: 'connections that come and go',
    async run(prey) {
      const ports = [prey.rtmp, ...(prey.http === null ? [] : [prey.http])];
      await each(Array.from({ length: 1500 }).keys(), 100, async (at) => {
        const wolf = new Wolf(ports[at % ports.length]!);
        await new Promise<void>((resolve) =>
          wolf.socket.once('connect', resolve).once('close', () => resolve()),
        );
        wolf.reset();
      });
    },
  },
  {
    name: 'clients that do not read',
    async run(prey) {
      // Each call is answered; nobody takes the answers.
      const wolves = await Promise.all(Array.from({ length: 10 }, () => shaken(prey.rtmp)));
      const calls = session(
        'live',
        Array.from({ length: 3000 }, (_, i) => on(0, 'getStreamLength', `n${i}`)),
      );
      for (const wolf of wolves) wolf.socket.pause();
      await Promise.all(
        wolves.map((wolf) =>
          Promise.race([wolf.send(calls, calls.subarray(calls.length >> 1)), pause(1500)]),
        ),
      );
      const players = await Promise.all(Array.from({ length: 10 }, () => shaken(prey.rtmp)));
      for (const player of players) {
        await player.send(session('live', [on(1, 'play', 'witness')]));
        player.socket.pause();
      }
      await pause(1000);
      for (const wolf of [...wolves, ...players]) wolf.reset();
    },
  },
  {
    name: 'a publisher of key frames without end',
    async run(prey) {
      const wolf = await shaken(prey.rtmp);
      const frame = Buffer.concat([hex('1701000000'), hex('0000fff0'), Buffer.alloc(65_520, 0x65)]);
      await wolf.send(session('live', [on(1, 'publish', 'flood', 'live'), ...media([VIDEO, 0, AVC_CONFIG])]));
      const bytes = new ChunkWriter().encode(
        ...media(...Array.from({ length: 20 }, () => [VIDEO, 0, frame] as const)),
      );
      await Promise.race([
        (async () => {
          for (let i = 0; i < 40; i += 1) await wolf.send(bytes);
        })(),
        pause(3000),
      ]);
      wolf.reset();
    },
  },
];
