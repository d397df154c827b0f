#!/usr/bin/env node
'use strict';
// A script and no module: what Node has for modules takes 8 ms to load, a tenth of a start.

// Without a listener, Node opens its inspector on SIGUSR1, which here asks for new log files: so this comes first.
process.on('SIGUSR1', () => {});

const { isBuilt, loadProgram } = require('./program.js');
if (isBuilt()) {
  void loadProgram(true).main(process.argv);
} else {
  process.stderr.write('mediad: it is not built yet; run "npm run build" in its folder, or "npm start"\n');
  process.exitCode = 1;
}
