import { basename } from 'node:path';
import { maskedName } from '../../core/logs/log.ts';
import type { ExecLine } from './line.ts';
import { maskUrls } from './mask.ts';
import { parseRedirection, type Redirection } from './redirection.ts';
import { fill, filled, isChosen, parseTemplate, type Template, type Values } from './template.ts';

/** A command line with all variables put in: equal data, equal program. */
export interface Command {
  readonly directive: string;
  readonly program: string;
  readonly args: readonly string[];
  /** With their paths put together. */
  readonly redirections: readonly Redirection[];
  /** For logs and statistics: keys and queries are masked. */
  readonly shown: string;
  /** The name of the stream it is for; empty where it is for none. */
  readonly stream: string;
}

/** A client's name or query that must not come into the command line. */
export class UnsafeValue extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnsafeValue';
  }
}

const SHELLS = /^(?:ba|da|z|k|a|c|tc|fi)?sh$/;
const COMMAND_OPTION = /^-[a-z]*c$/;
/** What a shell takes for nothing but a part of a word. */
const PLAIN = /^[\w.,:@%+=/-]*$/;

/** Whether an argument is the script of a shell. */
export function isScript(line: Pick<ExecLine, 'program' | 'args'>, index: number): boolean {
  const before = [line.program, ...line.args.slice(0, index)];
  return (
    COMMAND_OPTION.test(before.at(-1)!) && before.slice(0, -1).some((word) => SHELLS.test(basename(word)))
  );
}

/**
 * Puts values in. Whatever they hold, each argument stays one, is no option unless the line makes it one, redirects
 * nothing, and says nothing of its own to a shell. Throws UnsafeValue.
 */
export function commandOf(
  line: ExecLine,
  values: Values | null,
  environment: NodeJS.ProcessEnv = process.env,
): Command {
  const args: string[] = [];
  const redirections: Redirection[] = [];
  const shown: string[] = [line.program];
  const hidden = values === null ? null : masked(values);
  for (const [index, written] of line.args.entries()) {
    const redirection = parseRedirection(written);
    if (redirection === 'invalid') continue;
    if (redirection !== undefined) {
      const { path } = redirection;
      if (path === null || values === null) redirections.push(redirection);
      else redirections.push({ ...redirection, path: pathOf(parseTemplate(path), values, environment) });
      shown.push(written);
      continue;
    }
    if (values === null || hidden === null) {
      args.push(written);
      shown.push(maskUrls(written));
      continue;
    }
    const template = parseTemplate(written);
    const script = isScript(line, index);
    args.push(argumentOf(template, values, environment, script));
    shown.push(maskUrls(fill(template, hidden, environment)));
  }
  const { directive, program } = line;
  return { directive, program, args, redirections, shown: shown.join(' '), stream: values?.['name'] ?? '' };
}

/** Two commands of one key are the same program at work. */
export function keyOf({ directive, program, args, redirections }: Command): string {
  const push = directive === 'exec' ? 'exec_push' : directive;
  return JSON.stringify([push, program, args, redirections]);
}

function argumentOf(
  template: Template,
  values: Values,
  environment: NodeJS.ProcessEnv,
  script: boolean,
): string {
  let text = '';
  for (const part of template) {
    const value = typeof part === 'string' ? part : filled(part, values, environment);
    if (isChosen(part)) {
      if (value.includes('\0')) throw new UnsafeValue(`$${part.variable} holds a zero byte`);
      if (text === '' && value.startsWith('-')) {
        throw new UnsafeValue(`$${part.variable} would be read as an option`);
      }
      if (script && !PLAIN.test(value)) {
        throw new UnsafeValue(`$${part.variable} holds characters that mean something to a shell`);
      }
    }
    text += value;
  }
  return text;
}

/** A client names no other folder than the line does; only a stream's name, which is checked, may have folders. */
function pathOf(template: Template, values: Values, environment: NodeJS.ProcessEnv): string {
  for (const part of template) {
    if (!isChosen(part)) continue;
    const value = filled(part, values, environment);
    if (value.includes('\0') || (part.variable !== 'name' && value.includes('/'))) {
      throw new UnsafeValue(`$${part.variable} does not fit into the name of a file`);
    }
  }
  return fill(template, values, environment);
}

function masked(values: Values): Values {
  const { name, args } = values;
  return {
    ...values,
    ...(name === undefined ? {} : { name: maskedName(name) }),
    ...(args === undefined || args === '' ? {} : { args: '***' }),
  };
}
