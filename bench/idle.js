#!/usr/bin/env node
/**
 * Connects clients that then do nothing, and prints what memory the server takes for them.
 *
 *   node bench/idle.js [CLIENTS]      10,000 without it; both sides need as many descriptors (ulimit -n)
 */
import { importSource } from './bundle.js';
import { cpuSeconds, descriptors, pause, rss } from './processes.js';
import { mediad } from './servers.js';

const clients = Number(process.argv[2] ?? 10_000);
const { connectTo } = await importSource('test/rtmp/client.ts');
const server = await mediad.start();
const { pid } = server.process;
const before = { rss: rss(pid), descriptors: descriptors(pid) };
const from = performance.now();
let opened = 0;
let failed = 0;
await Promise.all(
  Array.from({ length: 100 }, async () => {
    while (opened < clients) {
      opened += 1;
      await connectTo(server.rtmpPort, 'live').catch(() => {
        failed += 1;
      });
    }
  }),
);
const seconds = (performance.now() - from) / 1000;
await pause(2000);
const cpu = cpuSeconds(pid);
await pause(5000);
const held = descriptors(pid) - before.descriptors;
const used = rss(pid);
console.log(`${clients} clients connected in ${seconds.toFixed(1)} s, ${failed} failed; ${held} are held`);
console.log(`memory: ${before.rss.toFixed(0)} MB before, ${used.toFixed(0)} MB with them`);
console.log(`CPU at rest: ${((100 * (cpuSeconds(pid) - cpu)) / 5).toFixed(1)} %`);
process.exit(failed === 0 && held >= clients && used < 600 ? 0 : 1);
