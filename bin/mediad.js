#!/usr/bin/env node
// Without a listener, Node opens its inspector on SIGUSR1, which here asks for new log files: so this comes first.
process.on('SIGUSR1', () => {});

const { isBuilt, loadProgram } = await import('./program.js');
if (isBuilt()) {
  await loadProgram(true).main(process.argv);
} else {
  process.stderr.write('mediad: it is not built yet; run "npm run build" in its folder, or "npm start"\n');
  process.exitCode = 1;
}
