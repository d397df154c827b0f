import { createHash } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seeded } from '../wire/splits.ts';
import { variant } from './mutation.ts';

/** Something that reads what strangers send. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Buffer[];
  /** Put into inputs at times. */
  readonly words?: readonly Buffer[];
  /** Its part of the inputs of a run; those of all targets are added up. */
  readonly share: number;
  /** The errors that bad input may cause; any other is a fault. */
  readonly errors: readonly (abstract new (
    ...args: never[]
  ) => Error)[];
  /** To be waited for before the first input. */
  ready?(): Promise<unknown>;
  /** Reads an input, from a beginning of its own each time. What it finds wrong with the outcome it throws. */
  feed(input: Buffer): unknown;
}

/** An input that was not taken as it should be. */
export interface Fault {
  readonly target: string;
  /** Null where it was none of the inputs alone. */
  readonly input: Buffer | null;
  readonly what: string;
}

/** What came of the inputs given to one target. */
export interface Outcome {
  readonly target: string;
  readonly inputs: number;
  /** How often each named error came. */
  readonly errors: ReadonlyMap<string, number>;
  readonly faults: readonly Fault[];
  /** Most memory in use beyond that at the beginning, and what of it was still held in the end, bytes. */
  readonly peak: number;
  readonly held: number;
  /** Longest time one input took, ms. */
  readonly slowest: number;
  readonly seconds: number;
}

/** The longest that reading one input may take, ms; one above it is measured again in CPU time: the machine may be busy. */
const MOST_MS = 250;
/** The most memory that may be in use beyond that at the beginning, garbage included, bytes. */
const MOST_PEAK = 256 * 1024 * 1024;
/** The most that may be left of it after all inputs, bytes. */
const MOST_HELD = 24 * 1024 * 1024;
/** Memory is looked at each time after so many inputs. */
const LOOK_EVERY = 64;
/** A target with this many faults is given no more. */
const ENOUGH_FAULTS = 5;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Reads one input; gives the named error it caused, or null, and throws the fault. */
export async function take(target: Target, input: Buffer): Promise<Error | null> {
  try {
    const outcome = target.feed(input);
    if (outcome instanceof Promise) await outcome;
    return null;
  } catch (error) {
    if (target.errors.some((kind) => error instanceof kind)) return error as Error;
    throw error;
  }
}

/** Gives a target inputs that follow from the seed. */
export async function run(target: Target, seed: number, inputs: number): Promise<Outcome> {
  const random = seeded(createHash('sha256').update(`${seed} ${target.name}`).digest().readInt32BE(0));
  const errors = new Map<string, number>();
  const faults: Fault[] = [];
  const fault = (input: Buffer | null, what: string): void =>
    void faults.push({ target: target.name, input, what });
  await target.ready?.();
  collect();
  const before = inUse();
  const started = performance.now();
  let [peak, slowest, done] = [0, 0, 0];
  for (; done < inputs && faults.length < ENOUGH_FAULTS; done += 1) {
    const input = variant(target.seeds, target.words ?? [], random);
    const copy = Buffer.from(input);
    try {
      const from = performance.now();
      const error = await take(target, copy);
      let took = performance.now() - from;
      if (error !== null) errors.set(error.name, (errors.get(error.name) ?? 0) + 1);
      for (let again = 0; again < 2 && took > MOST_MS; again += 1)
        took = Math.min(took, await timed(target, copy));
      if (took > MOST_MS) fault(input, `took ${Math.round(took)} ms`);
      slowest = Math.max(slowest, took);
      if (!copy.equals(input)) fault(input, 'the input was written to');
    } catch (error) {
      fault(input, error instanceof Error ? (error.stack ?? String(error)) : String(error));
    }
    if (done % LOOK_EVERY !== 0) continue;
    const more = inUse() - before;
    peak = Math.max(peak, more);
    if (more > MOST_PEAK) fault(input, `about here ${megabytes(more)} MB were in use`);
  }
  const held = await heldSince(before);
  if (held > MOST_HELD) fault(null, `${megabytes(held)} MB were still held after ${done} inputs`);
  const seconds = (performance.now() - started) / 1000;
  return { target: target.name, inputs: done, errors, faults, peak, held, slowest, seconds };
}

/** What is in use beyond `before` once all garbage is gone, which takes the collector some turns. */
async function heldSince(before: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 20 && least > MOST_HELD / 4; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
    least = Math.min(least, inUse() - before);
  }
  return Math.max(0, least);
}

async function timed(target: Target, input: Buffer): Promise<number> {
  const from = process.cpuUsage();
  await take(target, input);
  return process.cpuUsage(from).user / 1000;
}

function inUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Bytes in MB, as a table shows them. */
export function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
