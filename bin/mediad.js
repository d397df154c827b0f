#!/usr/bin/env node
// Without a listener, Node opens its inspector on SIGUSR1, which here asks for new log files: so this comes first.
process.on('SIGUSR1', () => {});

const { default: module } = await import('node:module');
module.enableCompileCache?.();

const { existsSync } = await import('node:fs');
const cli = new URL('../dist/program/cli.js', import.meta.url);
if (existsSync(cli)) {
  const { main } = await import(cli.href);
  await main(process.argv);
} else {
  process.stderr.write('mediad: it is not built yet; run "npm run build" in its folder, or "npm start"\n');
  process.exitCode = 1;
}
