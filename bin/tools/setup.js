#!/usr/bin/env node
// Makes a checkout ready: installs packages, builds what is stale; for tests, also looks for the programs they drive.
// Runs before packages are installed, so it imports nothing but Node's own modules until then.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const STAMPS = 'dist/.stamps.json';
const OLDEST_NODE = [20, 19];

/** What the tests drive: the commands of which one must be found, and the Debian packages that bring it. */
const TOOLS = [
  { name: 'ffmpeg', commands: ['ffmpeg'], packages: ['ffmpeg'] },
  {
    name: 'chromium',
    commands: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
    variable: 'CHROMIUM_PATH',
    packages: ['chromium'],
  },
  { name: 'rtmpdump', commands: ['rtmpdump'], packages: ['rtmpdump'] },
  {
    name: 'gstreamer',
    commands: ['gst-launch-1.0'],
    packages: [
      'gstreamer1.0-tools',
      'gstreamer1.0-plugins-base',
      'gstreamer1.0-plugins-good',
      'gstreamer1.0-plugins-bad',
      'gstreamer1.0-libav',
    ],
  },
];

const mode = process.argv[2];
process.chdir(ROOT);
if (mode !== 'build' && mode !== 'test') stop('usage: node bin/tools/setup.js build|test');
checkNode();
installPackages();
await build();
if (mode === 'test') findTools();

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    stop(`mediad needs Node.js ${OLDEST_NODE.join('.')} or newer; this is ${process.versions.node}`);
  }
}

function installPackages() {
  if (packagesAreFresh()) return;
  say('installing packages (npm ci)');
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
}

/** Whether node_modules holds what the lock file says; times alone would install anew after each checkout. */
function packagesAreFresh() {
  const installed = 'node_modules/.package-lock.json';
  if (!existsSync(installed)) return false;
  if (statSync(installed).mtimeMs >= statSync('package-lock.json').mtimeMs) return true;
  const have = JSON.parse(readFileSync(installed, 'utf8')).packages;
  const want = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  return Object.entries(want).every(
    ([path, entry]) => path === '' || entry.optional || have[path]?.version === entry.version,
  );
}

async function build() {
  const stamps = existsSync(STAMPS) ? JSON.parse(readFileSync(STAMPS, 'utf8')) : {};
  const steps = [
    {
      name: 'grammar',
      inputs: ['grammar', 'package-lock.json'],
      output: 'src/config/nginx.generated.ts',
      run: () =>
        node(
          'node_modules/nearley/bin/nearleyc.js',
          'grammar/nginx.ne',
          '-o',
          'src/config/nginx.generated.ts',
        ),
    },
    {
      name: 'server',
      inputs: ['src', 'grammar', 'tsconfig.json', 'package-lock.json', 'bin/tools'],
      except: 'src/web',
      output: 'dist/program/mediad.cjs',
      run: async () => {
        compile();
        await bundleProgram();
      },
    },
    {
      name: 'code cache',
      inputs: ['bin', 'dist/program/mediad.cjs'],
      output: 'dist/program/mediad.cache',
      run: makeCodeCache,
    },
    {
      name: 'page',
      inputs: ['src/web', 'package-lock.json'],
      output: 'dist/web/index.html',
      run: bundlePage,
    },
  ];
  for (const step of steps) {
    const stamp = stampOf(step);
    if (stamps[step.name] === stamp && existsSync(step.output)) continue;
    say(`building the ${step.name}`);
    delete stamps[step.name];
    await step.run();
    stamps[step.name] = stampOf(step);
    mkdirSync('dist', { recursive: true });
    writeFileSync(STAMPS, JSON.stringify(stamps));
  }
}

/** Changes when a file is added, removed, or written to, and with Node. */
function stampOf({ inputs, except }) {
  const hash = createHash('sha256').update(`${process.version} ${process.arch}\n`);
  for (const input of inputs) {
    for (const file of filesUnder(input, except)) {
      const { mtimeMs, size } = statSync(file);
      hash.update(`${file} ${mtimeMs} ${size}\n`);
    }
  }
  return hash.digest('hex');
}

function filesUnder(path, except) {
  if (path === except) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name), except));
}

function compile() {
  // The compiler's notes tell what it has written, not what is still there.
  if (!existsSync('dist/cli.js')) rmSync('dist/.tsbuildinfo', { force: true });
  node('node_modules/typescript/bin/tsc', '-p', '.');
  // A file whose source is gone would still be found by an import.
  for (const file of filesUnder('dist', 'dist/web').filter((name) => !name.startsWith('dist/program/'))) {
    const source = file.replace(/\.js(\.map)?$/, '.ts');
    if (source !== file && !existsSync(join('src', relative('dist', source)))) rmSync(file);
  }
}

/**
 * The server in one file: finding and reading hundreds of modules one by one takes longer than everything else at its
 * start. It is a script and no module, since only of scripts Node 20 can keep what V8 compiled: see program.js. What is
 * imported on demand still runs on demand.
 */
async function bundleProgram() {
  const { build: bundle } = await import('esbuild');
  rmSync('dist/program', { recursive: true, force: true });
  const common = {
    outdir: 'dist/program',
    bundle: true,
    platform: 'node',
    target: 'node20',
    legalComments: 'linked',
    logLevel: 'warning',
  };
  await bundle({
    ...common,
    entryPoints: { mediad: 'dist/cli.js' },
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    alias: {
      'sonic-boom': './bin/tools/no-log-streams.cjs',
      'thread-stream': './bin/tools/no-log-streams.cjs',
      worker_threads: './bin/tools/main-thread.cjs',
    },
    // A third less to read at each start. Names stay, and lines are short enough to be found by a stack trace.
    minifyWhitespace: true,
    lineLimit: 110,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': 'urlOfProgram' },
    // One function, which is called with the variables of a module: see program.js.
    banner: {
      js: `(function (exports, require, module, __filename, __dirname) { 'use strict';
const urlOfProgram = require('node:url').pathToFileURL(__filename).href;`,
    },
    footer: { js: '})' },
  });
  // It runs in a process of its own, and is found beside the other.
  await bundle({
    ...common,
    entryPoints: { 'warden-process': 'dist/modules/exec/warden-process.js' },
    format: 'esm',
  });
}

async function bundlePage() {
  const { build: bundle } = await import('esbuild');
  rmSync('dist/web', { recursive: true, force: true });
  await bundle({
    entryPoints: { player: 'src/web/main.ts' },
    outdir: 'dist/web',
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'linked',
    logLevel: 'warning',
  });
  for (const name of readdirSync('src/web')) {
    if (/\.(html|css|svg)$/.test(name)) cpSync(join('src/web', name), join('dist/web', name));
  }
}

function findTools() {
  const missing = TOOLS.filter((tool) => !isThere(tool));
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.name).join(', ');
  const packages = missing.flatMap((tool) => tool.packages);
  const install = ['install', '-y', '--no-install-recommends', ...packages];
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    say(`installing ${packages.join(' ')} (apt-get)`);
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq'], env);
    run('apt-get', ['-qq', ...install], env);
    if (missing.every(isThere)) return;
  }
  stop(
    `The end-to-end tests need: ${names} (not found on this machine)\n` +
      `    sudo apt-get ${install.join(' ')}        (Debian, Ubuntu)\n` +
      '    CHROMIUM_PATH=/path/to/chrome npm test        (a browser of another name)\n' +
      '    npm run test:unit        (everything that needs none of them)',
  );
}

function isThere({ commands, variable }) {
  const path = variable === undefined ? undefined : process.env[variable];
  return path === undefined ? commands.some(onPath) : existsSync(path);
}

function onPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

/** Without it the server works as well and starts a little later, so that a build does not fail for it. */
function makeCodeCache() {
  const file = 'bin/tools/code-cache.js';
  for (let tries = 0; tries < 2; tries++) {
    if (spawnSync(process.execPath, [file], { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0) return;
  }
  rmSync('dist/program/mediad.cache', { force: true });
  say(`${file} failed: the server will start some 50 ms later`);
}

function node(...args) {
  run(process.execPath, args);
}

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], env });
  if (error !== undefined) stop(`${command}: ${error.message}`);
  if (status !== 0) stop(`${command} ${args.join(' ')} failed`);
}

function say(text) {
  process.stderr.write(`setup: ${text}\n`);
}

function stop(text) {
  process.stderr.write(`${text}\n`);
  // Whoever reads the last line of a test run finds one here too.
  if (mode === 'test') process.stdout.write('0 passed, 1 failed\n');
  process.exit(1);
}
