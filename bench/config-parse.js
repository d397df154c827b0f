#!/usr/bin/env node
/**
 * How long a configuration takes to be read and checked, by its number of lines; the time per line must not grow.
 *
 *   node bench/config-parse.js
 */
import { loadConfig } from '../dist/config/config.js';
import { memoryFiles } from '../dist/config/files.js';
import { parse } from '../dist/config/parse.js';
import { modules } from '../dist/modules/index.js';

function configuration(lines) {
  const applications = Math.ceil(lines / 10);
  const out = ['rtmp {', '    server {', '        listen 1935;'];
  for (let i = 0; i < applications; i += 1) {
    out.push(
      `        application app_${i} {`,
      '            live on;                       # as usual',
      '            gop_cache on;',
      `            hls_path "/var/lib/hls/app ${i}";`,
      '            hls on;',
      '            hls_fragment 2s;',
      '            sync 300ms;',
      '            meta copy;',
      '            wait_key on;',
      '        }',
    );
  }
  out.push('    }', '}', '');
  return out.join('\n');
}

function best(times, run) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < times; i += 1) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

console.log('  lines      parse       load     load per line');
for (const lines of [100, 1000, 10_000, 100_000]) {
  const text = configuration(lines);
  const files = memoryFiles({ '/conf/media.conf': text });
  const parsed = best(3, () => parse(text, 'media.conf'));
  const loaded = best(3, () => loadConfig({ file: '/conf/media.conf', sources: modules, files }));
  const columns = [
    String(lines).padStart(7),
    `${parsed.toFixed(1)} ms`.padStart(10),
    `${loaded.toFixed(1)} ms`.padStart(10),
    `${((1000 * loaded) / lines).toFixed(2)} µs`.padStart(12),
  ];
  console.log(columns.join(' '));
}
