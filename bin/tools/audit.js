#!/usr/bin/env node
// Asks the registry for known faults of the packages that an installation has. Exit code 1 for serious ones (high,
// critical); 0 also where nobody answers, which is then said: a build must not depend on the network.
import { spawn } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const PATIENCE_MS = 60_000;

process.chdir(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const { report, why } = read(await ask());
const found = report?.metadata?.vulnerabilities;
if (found === undefined) {
  say(`nobody could be asked: ${why}`);
} else {
  const serious = (found.high ?? 0) + (found.critical ?? 0);
  const packages = report.metadata.dependencies?.prod ?? '?';
  say(`${packages} packages, ${found.total ?? 0} known faults, ${serious} of them serious`);
  for (const [name, { severity, range }] of Object.entries(report.vulnerabilities ?? {})) {
    say(`  ${severity}: ${name} ${range}`);
  }
  process.exitCode = serious > 0 ? 1 : 0;
}

/** What npm prints, and how it ended. */
function ask() {
  return new Promise((resolve) => {
    const npm = spawn('npm', ['audit', '--omit=dev', '--json', '--loglevel=silent', '--fetch-retries=0'], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PATIENCE_MS,
    });
    const chunks = [];
    npm.stdout.on('data', (chunk) => chunks.push(chunk));
    npm.on('error', (error) => resolve({ text: '', how: error.message }));
    npm.on('close', (code, signal) => {
      const how = signal === null ? `npm audit ended with ${code}` : 'no answer in time';
      resolve({ text: Buffer.concat(chunks).toString(), how });
    });
  });
}

function read({ text, how }) {
  try {
    const report = JSON.parse(text);
    const { error, message } = report;
    return { report, why: error?.summary || error?.detail || error?.code || message || how };
  } catch {
    return { report: undefined, why: how };
  }
}

function say(text) {
  process.stdout.write(`audit: ${text}\n`);
}
