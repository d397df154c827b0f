import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atMost, contest, scaled } from '../contest.js';
import { play, publish } from '../load.js';
import { pause } from '../processes.js';
import { mediad } from '../servers.js';
import { short, show, spread } from '../table.js';

/** @typedef {import('../contest.js').Effort} Effort */

/** @param {number} count */
function applications(count) {
  const one = (/** @type {number} */ index) => `    application a${index} {
      live on;
      gop_cache on;
    }
`;
  return Array.from({ length: count }, (_, index) => one(index)).join('');
}

/**
 * Asks a server watched from inside (loop-watch.js) and waits for its answer.
 * @param {import('../processes.js').Process} server
 * @returns {Promise<{ longest: number, total: number, stretches: number }>}
 */
function stretches(server) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no answer from the event loop’s watch')), 5000);
    server.child.once('message', (message) => {
      clearTimeout(timer);
      resolve(/** @type {any} */ (message));
    });
    server.child.send('end');
  });
}

/**
 * Waits until a location added by the reload answers.
 * @param {string} url
 */
async function answers(url) {
  const began = performance.now();
  while (performance.now() - began < 10_000) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return performance.now() - began;
    await pause(50);
  }
  throw new Error(`the reload did not take effect in 10 s (${url})`);
}

/**
 * A configuration of 2,000 lines is changed while 500 streams are live and some are watched.
 * @param {Effort} effort
 */
export async function reload(effort) {
  const count = scaled(effort, 500);
  const wish = { rtmpBlock: applications(count), watch: true, merge: 'auto' };
  const all = await contest(
    atMost(effort, 2),
    [{ name: mediad.name, server: mediad, wish }],
    async (server) => {
      const load = await publish(server, {
        count,
        size: 'small',
        app: 'a%d',
        name: 'one',
        ramp: 250,
        seconds: 60,
      });
      // The frames of a hundred streams lie so close in time that one of them meets any stretch.
      const streams = Math.min(count, 100);
      const flv = server.flv?.map((one) =>
        one.replace('app=live', 'app=a%d').replace('stream=s%d', 'stream=one'),
      );
      const witness = play(
        { ...server, ...(flv ? { flv } : {}) },
        { count: streams, streams, seconds: 2, windows: 3, warm: 2 },
      );
      await witness.event('ready', 20);
      server.process.child.send('begin');
      const quiet = await witness.event('window', 10);
      const base = await stretches(server.process);
      server.process.child.send('begin');
      const conf = join(server.folder, 'media.conf');
      const text = readFileSync(conf, 'utf8')
        .replace('gop_cache on', 'gop_cache off')
        .replace('location /hls', 'location = /changed { return 200 "changed"; }\n    location /hls');
      writeFileSync(conf, text);
      server.process.child.kill('SIGHUP');
      const effect = await answers(`http://127.0.0.1:${server.httpPort}/changed`);
      const busy = await witness.event('window', 10, 1);
      const found = await stretches(server.process);
      await Promise.all([witness.stop(), load.stop()]);
      return {
        lines: text.split('\n').length,
        base,
        found,
        effect,
        quiet: quiet.delay.max,
        busy: busy.delay.max,
      };
    },
  );
  const one = all.results.get(mediad.name) ?? [];
  const extra = (/** @type {(typeof one)[0]} */ each) => Math.max(0, each.busy - each.quiet);
  return {
    title: `Reload of ${one[0]?.lines ?? '2,000'} lines with ${count} live streams`,
    head: [
      'server',
      'longest stretch ms',
      'all stretches ms',
      'before: longest',
      'all',
      'to effect ms',
      'frame delay at worst ms',
      'before',
    ],
    rows: one.length
      ? [
          [
            mediad.name,
            show(one.map((each) => each.found.longest)),
            show(one.map((each) => each.found.total)),
            short(spread(one.map((each) => each.base.longest)).median),
            short(spread(one.map((each) => each.base.total)).median),
            show(one.map((each) => each.effect)),
            show(one.map((each) => each.busy)),
            show(one.map((each) => each.quiet)),
          ],
        ]
      : [],
    notes: all.notes,
    measured: {
      'reload-stretch': spread(one.map((each) => each.found.longest)).median,
      'reload-total': spread(one.map((each) => Math.max(0, each.found.total - each.base.total))).median,
      'reload-gap': spread(one.map(extra)).median,
    },
  };
}
