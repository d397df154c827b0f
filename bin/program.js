'use strict';
// The built program and how it gets into memory. Most of a start is spent on compiling; so what V8 has compiled at a
// start once is kept beside the program, and taken instead where version and flags of V8 are the same.
const { existsSync, readFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const FOLDER = join(__dirname, '../dist/program');
const PROGRAM = join(FOLDER, 'mediad.cjs');
const CODE_CACHE = join(FOLDER, 'mediad.cache');

/** Whether there is anything to load. */
function isBuilt() {
  return existsSync(PROGRAM);
}

/**
 * Loads the program.
 * @param {boolean} cached takes the code that is kept
 * @returns {{ script: import('node:vm').Script, main: (argv: readonly string[]) => Promise<void> }}
 */
function loadProgram(cached) {
  // The bundle has no character beyond ASCII, which takes half the memory of text that might.
  const source = readFileSync(PROGRAM, 'latin1');
  const cachedData = cached && existsSync(CODE_CACHE) ? readFileSync(CODE_CACHE) : undefined;
  const script = new Script(source, { filename: PROGRAM, cachedData });
  const module = { exports: /** @type {any} */ ({}) };
  script.runInThisContext()(module.exports, createRequire(PROGRAM), module, PROGRAM, FOLDER);
  return { script, main: module.exports.main };
}

module.exports = { CODE_CACHE, isBuilt, loadProgram };
