import { Missing } from './prepare.js';
import { killAll } from './processes.js';

/**
 * How much to do.
 * @typedef {object} Effort
 * @property {number} rounds
 * @property {number} seconds of each measurement
 * @property {number} scale of the numbers of players and publishers
 * @property {(text: string) => void} tell
 */

/**
 * What a scenario found: a table, the measured values of its goals, and remarks.
 * @typedef {object} Found
 * @property {string} title
 * @property {readonly string[]} head
 * @property {string[][]} rows
 * @property {Record<string, number>} measured
 * @property {string[]} notes
 */

/** @typedef {{ name: string, server: import('./servers.js').Server, wish?: import('./servers.js').Wish }} Contestant */

/**
 * A number of players or publishers, scaled.
 * @param {Effort} effort
 * @param {number} count
 */
export function scaled(effort, count) {
  return Math.max(1, Math.round(count * effort.scale));
}

/**
 * The same effort with fewer rounds, for what varies little or takes long.
 * @param {Effort} effort
 * @param {number} rounds
 */
export function atMost(effort, rounds) {
  return { ...effort, rounds: Math.min(effort.rounds, rounds) };
}

/**
 * Runs each contestant once per round, in turn (A B C A B C), so that a noisy minute falls on all of them. One that cannot
 * run is left out, and the reason noted.
 * @template Result
 * @param {Effort} effort
 * @param {readonly Contestant[]} contestants
 * @param {(server: import('./servers.js').Running, contestant: Contestant) => Promise<Result>} run
 */
export async function contest(effort, contestants, run) {
  /** @type {Map<string, Result[]>} */
  const results = new Map();
  /** @type {Set<string>} */
  const out = new Set();
  /** @type {string[]} */
  const notes = [];
  for (let round = 0; round < effort.rounds; round++) {
    for (const contestant of contestants) {
      if (out.has(contestant.name)) continue;
      effort.tell(`round ${round + 1}: ${contestant.name}`);
      /** @type {import('./servers.js').Running | undefined} */
      let server;
      try {
        server = await contestant.server.start(contestant.wish);
        const result = await run(server, contestant);
        results.set(contestant.name, [...(results.get(contestant.name) ?? []), result]);
      } catch (error) {
        out.add(contestant.name);
        const text = error instanceof Error ? error.message : String(error);
        // What the server said itself comes first; its stack or banner does not help.
        const said = text.split('\n').find((line) => /\b\w*Error: |\[emerg\]|error:/.test(line));
        const why = said ?? text;
        notes.push(
          `${contestant.name} ${error instanceof Missing ? 'left out' : 'failed'}: ${why.trim().slice(0, 600)}`,
        );
      } finally {
        await server?.process.stop();
        // What a contestant that failed has left running must not load the next.
        killAll();
      }
    }
  }
  /** @param {string} name @param {(result: Result) => number} value */
  const values = (name, value) => (results.get(name) ?? []).map(value);
  return { results, notes, values };
}
