#!/usr/bin/env node
/**
 * Gives everything that reads what strangers send a million damaged inputs, and prints what came of them.
 *
 *   node bench/fuzz.js [SEED [INPUTS [WORD]]]      WORD: only targets whose name holds it
 *
 * An input that finds a fault is kept in test/fuzz/corpus, which the tests replay. Exit code 1 on any fault.
 */
import { importSource } from './bundle.js';

const { main } = await importSource('test/fuzz/main.ts');
// What a server under test still waits for is of no interest.
process.exit(await main(process.argv.slice(2)));
