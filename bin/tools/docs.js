#!/usr/bin/env node
// Writes docs/directives.md from the tables of all modules. With `check`, only tells whether it is up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { describeMarkdown } from '../../dist/config/describe.js';
import { modules } from '../../dist/modules/index.js';

const page = new URL('../../docs/directives.md', import.meta.url);
const text = describeMarkdown(modules);
if (process.argv[2] === 'check') {
  if (readFileSync(page, 'utf8') !== text) {
    console.error('docs/directives.md is out of date: run node bin/tools/docs.js');
    process.exitCode = 1;
  }
} else {
  writeFileSync(page, text);
}
