import { Command, CommanderError } from 'commander';
import { closestMatch } from 'leven';

/** The signals of `-s`. */
const SIGNALS = ['stop', 'quit', 'reopen', 'reload'] as const;
export type SignalName = (typeof SIGNALS)[number];

const FORMATS = ['text', 'json', 'github', 'gcc'] as const;

/** `sign`: what the URL is to be good for; `stream` is APP/NAME, its times and addresses as given. */
export interface SignTask {
  readonly name: 'sign';
  readonly action: 'publish' | 'play';
  readonly stream: string;
  readonly expires: string;
  readonly address: string;
}

/** What the command line asks for. */
export interface Invocation {
  readonly task:
    | { readonly name: 'start' | 'help' | 'version' | 'build' | 'dump' | 'check' | 'healthcheck' }
    | { readonly name: 'test'; readonly diff: boolean }
    | { readonly name: 'signal'; readonly signal: SignalName; readonly dryRun: boolean }
    | { readonly name: 'directives'; readonly directive: string | null }
    | SignTask;
  readonly prefix: string | undefined;
  /** As given; undefined: to be found. */
  readonly file: string | undefined;
  readonly globals: string;
  readonly errorLog: string | undefined;
  readonly quiet: boolean;
  readonly format: (typeof FORMATS)[number];
  readonly strict: boolean;
}

/** The command line cannot be understood; exit code 2. */
export class UsageError extends Error {}

const COMMANDS = ['check', 'directives', 'healthcheck', 'sign'] as const;

const SIGNED_FOR = '1h';

interface Options {
  readonly help?: true;
  readonly question?: true;
  readonly version?: true;
  readonly V?: true;
  readonly t?: true;
  readonly T?: true;
  readonly q?: true;
  readonly s?: string;
  readonly p?: string;
  readonly e?: string;
  readonly c?: string;
  readonly g?: string;
  readonly format?: string;
  readonly json?: true;
  readonly strict?: true;
  readonly diff?: true;
  readonly dryRun?: true;
  readonly expires?: string;
  readonly address?: string;
}

export const HELP = `Usage: mediad [-?hvVtTq] [-s signal] [-p prefix] [-e filename] [-c filename] [-g directives]
       mediad check [FILE] | directives [NAME] | healthcheck
       mediad sign publish|play APP/NAME [--expires time] [--address IP]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version, runtime and modules, then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a running server: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: the folder above conf/, or that of the file)
  -e filename   : set error log file, or stderr, where the configuration names none
  -c filename   : set configuration file (default: conf/media.conf)
  -g directives : set global directives out of configuration file
  --format NAME : how findings are printed: text, json, github, gcc
  --strict      : warnings fail the test too
  --diff        : with -t, tell what a reload of the file would change and whom it would
                  send away
  --dry-run     : with -s reload, tell the same and do nothing

Commands:
  check [FILE]       : test, and list the directives that have no effect, with the reasons
  directives [NAME]  : the directives that are known, or all about one of them
  healthcheck        : ask the running server whether it is well
  sign publish|play APP/NAME
                     : print a URL signed with the application's sign_key; a * at the
                       end of NAME stands for all names that begin so
    --expires time   : how long it is good for, or the second of its end (default: 1h)
    --address IP     : the client it is for, with sign_bind_address on
`;

/** Reads the command line, without the program's own name. Throws UsageError. */
export function readCommandLine(args: readonly string[]): Invocation {
  const program = new Command('mediad')
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined })
    .helpOption(false)
    .allowExcessArguments(true)
    .argument('[words...]')
    .option('-h, --help')
    .option('-?, --question')
    .option('-v, --version')
    .option('-V')
    .option('-t')
    .option('-T')
    .option('-q')
    .option('-s <signal>')
    .option('-p <prefix>')
    .option('-e <filename>')
    .option('-c <filename>')
    .option('-g <directives>')
    .option('--format <name>')
    .option('--json')
    .option('--strict')
    .option('--diff')
    .option('--dry-run')
    .option('--expires <time>')
    .option('--address <address>');
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError(reworded(error));
    throw error;
  }
  const options = program.opts<Options>();
  const [command, ...words] = program.args;
  const named = wordFile(command, words);
  if (named !== undefined && options.c !== undefined)
    throw new UsageError('the configuration file is given twice');
  return {
    task: taskOf(options, command, words),
    prefix: options.p,
    file: options.c ?? named,
    globals: options.g ?? '',
    errorLog: options.e,
    quiet: options.q === true,
    format: formatOf(options),
    strict: options.strict === true,
  };
}

function taskOf(options: Options, command: string | undefined, words: readonly string[]): Invocation['task'] {
  if (options.help === true || options.question === true) return { name: 'help' };
  if (options.diff === true && options.t !== true) throw new UsageError('option "--diff" needs "-t"');
  if (options.dryRun === true && options.s !== 'reload') {
    throw new UsageError('option "--dry-run" needs "-s reload"');
  }
  if (options.V === true) return { name: 'build' };
  if (options.version === true) return { name: 'version' };
  if (options.s !== undefined)
    return { name: 'signal', signal: signalOf(options.s), dryRun: options.dryRun === true };
  if (command !== undefined) {
    const known = COMMANDS.find((name) => name === command);
    if (known === undefined)
      throw new UsageError(`invalid option: "${command}"${suggestion(command, COMMANDS)}`);
    if (known === 'sign') return signTask(options, words);
    if (words.length > (known === 'healthcheck' ? 0 : 1)) {
      throw new UsageError(`invalid option: "${words.at(-1)}"`);
    }
    return known === 'directives' ? { name: known, directive: words[0] ?? null } : { name: known };
  }
  if (options.T === true) return { name: 'dump' };
  return options.t === true ? { name: 'test', diff: options.diff === true } : { name: 'start' };
}

function signTask(options: Options, [action, stream, ...more]: readonly string[]): SignTask {
  if (action !== 'publish' && action !== 'play') {
    throw new UsageError(`invalid option: "${action ?? ''}" (mediad sign publish|play APP/NAME)`);
  }
  if (stream === undefined || !/^[^/].*\/./.test(stream)) {
    throw new UsageError(`invalid option: "${stream ?? ''}" (a stream is APP/NAME)`);
  }
  if (more.length > 0) throw new UsageError(`invalid option: "${more[0]}"`);
  return {
    name: 'sign',
    action,
    stream,
    expires: options.expires ?? SIGNED_FOR,
    address: options.address ?? '',
  };
}

function wordFile(command: string | undefined, words: readonly string[]): string | undefined {
  return command === 'check' ? words[0] : undefined;
}

function signalOf(name: string): SignalName {
  const known = SIGNALS.find((signal) => signal === name);
  if (known !== undefined) return known;
  const near = nearest(name, SIGNALS);
  const meant = near === undefined ? '' : `did you mean "${near}"? `;
  throw new UsageError(`invalid option: "-s ${name}" (${meant}one of ${SIGNALS.join(', ')})`);
}

function formatOf(options: Options): Invocation['format'] {
  if (options.format === undefined) return options.json === true ? 'json' : 'text';
  const known = FORMATS.find((format) => format === options.format);
  if (known !== undefined) return known;
  throw new UsageError(`invalid option: "--format ${options.format}" (one of ${FORMATS.join(', ')})`);
}

/** commander's errors in nginx's words. */
function reworded(error: CommanderError): string {
  const quoted = /'([^']*)'/.exec(error.message)?.[1] ?? '';
  if (error.code === 'commander.optionMissingArgument') {
    return `option "${quoted.split(/[ ,]/)[0]}" requires parameter`;
  }
  if (error.code !== 'commander.unknownOption') return error.message.replace(/^error: /, '');
  const near = /\(Did you mean ([^?]*)\?\)/.exec(error.message)?.[1];
  return `invalid option: "${quoted}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`;
}

function suggestion(word: string, choices: readonly string[]): string {
  const near = nearest(word, choices);
  return near === undefined ? '' : ` (did you mean "${near}"?)`;
}

function nearest(word: string, choices: readonly string[]): string | undefined {
  return closestMatch(word, [...choices], { maxDistance: Math.min(3, Math.floor(word.length / 2)) });
}
