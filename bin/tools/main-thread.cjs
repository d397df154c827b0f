'use strict';
// Stands in the program for node:worker_threads, of which pino wants to know but this.
module.exports = { isMainThread: true };
