/* Loaded into a Node server (--import): measures from inside how long its event loop is kept from turning.
   The runner sends "begin" and "end" over the channel; the answer to "end" is {longest, total, stretches} in ms. */

/** A turn may be this late before it counts, ms. */
const SLACK = 4;
/** @type {number[]} */
let stretches = [];
let last = performance.now();

const timer = setInterval(() => {
  const now = performance.now();
  const late = now - last - 1;
  last = now;
  if (late > SLACK) stretches.push(late);
}, 1);
timer.unref();

process.on('message', (message) => {
  if (message === 'begin') stretches = [];
  if (message !== 'end') return;
  const total = stretches.reduce((sum, one) => sum + one, 0);
  process.send?.({ longest: Math.max(0, ...stretches), total, stretches: stretches.length });
});
process.on('disconnect', () => process.exit(1));
process.channel?.unref();
