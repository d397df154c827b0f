#!/usr/bin/env node
// Runs every check and ends with one line, `N passed, N failed`. With the argument `unit`, only what needs no other
// programs than Node.js.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REPORTS = '.cache/test';
const LEFTOVERS = '.cache/test/leftovers.txt';
const UNIT_LIMIT_MS = 8 * 60_000;
const E2E_LIMIT_MS = 14 * 60_000;

process.chdir(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
mkdirSync(REPORTS, { recursive: true });

const TSC = 'node_modules/typescript/bin/tsc';
const checks = [
  { name: 'types', args: [TSC, '--noEmit', '-p', 'test'] },
  { name: 'types of the page', args: [TSC, '--noEmit', '-p', 'src/web'] },
  { name: 'nothing unused', args: ['node_modules/knip/bin/knip.js', '--no-progress'] },
  { name: 'style', args: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'] },
];

const total = { passed: 0, failed: 0 };
for (const { name, args } of checks) {
  const { ok, output } = await run(args, UNIT_LIMIT_MS, 'quiet');
  count(ok ? 1 : 0, ok ? 0 : 1);
  process.stdout.write(ok ? `✓ ${name}\n` : `✗ ${name}\n${output}\n`);
}
await runTests('unit', UNIT_LIMIT_MS);
if (process.argv[2] !== 'unit') {
  await runTests('media', UNIT_LIMIT_MS);
  await runTests('e2e', E2E_LIMIT_MS);
  // Written by test/e2e/leftovers.ts when a test leaves a process behind.
  if (existsSync(LEFTOVERS)) count(0, 1);
}
process.exitCode = total.failed === 0 ? 0 : 1;
process.stdout.write(`${total.passed} passed, ${total.failed} failed\n`);

/** Runs one project of vitest.config.ts. What did not run counts as failed: a test that is skipped shows nothing. */
async function runTests(project, limit) {
  const report = join(REPORTS, `${project}.json`);
  rmSync(report, { force: true });
  const { ok } = await run(
    [
      'node_modules/vitest/vitest.mjs',
      ...['run', '--project', project, '--reporter', 'default', '--reporter', 'json', '--outputFile', report],
    ],
    limit,
    'shown',
  );
  if (!existsSync(report)) {
    process.stdout.write(`✗ ${project}: the run did not end by itself\n`);
    return count(0, 1);
  }
  const { testResults, numTotalTests, numPassedTests } = JSON.parse(readFileSync(report, 'utf8'));
  const broken = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((result) => result.status !== 'failed'),
  ).length;
  const failed = numTotalTests - numPassedTests + broken;
  count(numPassedTests, failed === 0 && !ok ? 1 : failed);
}

function count(passed, failed) {
  total.passed += passed;
  total.failed += failed;
}

/** Runs a script to its end, or ends it and all it started after `limit` ms. */
function run(args, limit, output) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', output === 'quiet' ? 'pipe' : 'inherit', output === 'quiet' ? 'pipe' : 'inherit'],
      detached: true,
    });
    const chunks = [];
    child.stdout?.on('data', (chunk) => chunks.push(chunk));
    child.stderr?.on('data', (chunk) => chunks.push(chunk));
    const end = (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch {
        // It has just ended by itself.
      }
    };
    const timer = setTimeout(() => end('SIGKILL'), limit);
    const interrupted = () => {
      end('SIGTERM');
      process.exitCode = 1;
    };
    process.once('SIGINT', interrupted);
    process.once('SIGTERM', interrupted);
    child.on('close', (code) => {
      clearTimeout(timer);
      process.off('SIGINT', interrupted);
      process.off('SIGTERM', interrupted);
      resolve({ ok: code === 0, output: Buffer.concat(chunks).toString() });
    });
  });
}
