import type { Diagnostic, Position } from './errors.ts';
import { COMMAND_LINE, type LoadedFile } from './load.ts';

/** Errors printed before the rest is only counted. */
const MOST = 20;

/** How findings are told. `github`: workflow commands; `gcc`: lines that editors understand. */
export type Format = 'text' | 'json' | 'github' | 'gcc';

export interface PrintOptions {
  /** The files the positions are in, for the excerpts. */
  readonly files: readonly LoadedFile[];
  readonly colour?: boolean;
}

/**
 * Findings for people: each with nginx's first line, the source line, a caret, and what to do; an empty line stands
 * after each with an excerpt. At most 20 errors, then "and N more". Ends with a line break unless it is empty.
 */
export function printText(diagnostics: readonly Diagnostic[], options: PrintOptions): string {
  const texts = new Map(options.files.map((file) => [file.name, file.text]));
  const paint = options.colour === true ? painted : plain;
  let errors = 0;
  let out = '';
  for (const diagnostic of diagnostics) {
    if (diagnostic.severity === 'error') {
      errors += 1;
      if (errors > MOST) continue;
    }
    out += one(diagnostic, texts, paint);
  }
  if (errors > MOST) out += `mediad: and ${errors - MOST} more\n\n`;
  return out;
}

/** One finding in the form of `printText`, without an excerpt: for logs. */
export function printLine(diagnostic: Diagnostic): string {
  const help = diagnostic.help === undefined ? '' : ` (${diagnostic.help})`;
  return `${diagnostic.message}${place(diagnostic.at)}${help}`;
}

/** Findings as one JSON object for programs. */
export function printJson(file: string, diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  return `${JSON.stringify({
    ok: errors === 0,
    file,
    errors,
    warnings: diagnostics.length - errors,
    diagnostics: diagnostics.map(({ severity, code, message, at, help, replacement }) => ({
      severity,
      code,
      message,
      ...(at === undefined
        ? {}
        : {
            file: at.file,
            line: at.line,
            column: at.column,
            endLine: at.line,
            endColumn: at.column + at.length,
          }),
      ...(help === undefined ? {} : { help }),
      ...(replacement === undefined ? {} : { fix: { replace: replacement } }),
    })),
  })}\n`;
}

/** Findings as GitHub workflow commands. */
export function printGithub(diagnostics: readonly Diagnostic[]): string {
  const data = (text: string) => text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A');
  const property = (text: string) => data(text).replace(/:/g, '%3A').replace(/,/g, '%2C');
  return diagnostics
    .map(({ severity, message, at, help }) => {
      const where =
        at === undefined
          ? ''
          : ` file=${property(at.file)},line=${at.line},col=${at.column},endColumn=${at.column + at.length}`;
      return `::${severity}${where}::${data(help === undefined ? message : `${message}: ${help}`)}\n`;
    })
    .join('');
}

/** Findings as compilers print them: `file:line:column: error: message`. */
export function printGcc(diagnostics: readonly Diagnostic[]): string {
  return diagnostics
    .map(({ severity, message, at, help }) => {
      const where = at === undefined ? '' : `${at.file}:${at.line}:${at.column}: `;
      return `${where}${severity}: ${message}${help === undefined ? '' : ` (${help})`}\n`;
    })
    .join('');
}

/** Findings in one of the formats; `file` is the main file's name. */
export function print(
  format: Format,
  file: string,
  diagnostics: readonly Diagnostic[],
  options: PrintOptions,
): string {
  switch (format) {
    case 'json':
      return printJson(file, diagnostics);
    case 'github':
      return printGithub(diagnostics);
    case 'gcc':
      return printGcc(diagnostics);
    default:
      return printText(diagnostics, options);
  }
}

interface Paint {
  level(severity: Diagnostic['severity'], text: string): string;
  gutter(text: string): string;
  caret(severity: Diagnostic['severity'], text: string): string;
  help(text: string): string;
}

const plain: Paint = {
  level: (_, text) => text,
  gutter: (text) => text,
  caret: (_, text) => text,
  help: (text) => text,
};

const painted: Paint = {
  level: (severity, text) => `\u001b[1;${severity === 'error' ? 31 : 33}m${text}\u001b[0m`,
  gutter: (text) => `\u001b[2m${text}\u001b[0m`,
  caret: (severity, text) => `\u001b[1;${severity === 'error' ? 31 : 33}m${text}\u001b[0m`,
  help: (text) => `\u001b[36m${text}\u001b[0m`,
};

function place(at: Position | undefined): string {
  if (at === undefined) return '';
  return at.file === COMMAND_LINE ? ` in ${COMMAND_LINE}` : ` in ${at.file}:${at.line}:${at.column}`;
}

function one(diagnostic: Diagnostic, texts: ReadonlyMap<string, string>, paint: Paint): string {
  const { severity, message, at, help } = diagnostic;
  const level = paint.level(severity, severity === 'error' ? '[emerg]' : '[warn]');
  let out = `mediad: ${level} ${message}${place(at)}\n`;
  const line = severity === 'error' && at !== undefined ? lineOf(texts.get(at.file), at) : '';
  const pad = line === '' ? '  ' : ' '.repeat(String(at!.line).length);
  if (line !== '') {
    const lead = line.slice(0, at!.column - 1).replace(/[^\t]/g, ' ');
    const carets = '^'.repeat(Math.max(1, Math.min(at!.length, line.length - at!.column + 1)));
    out += `${paint.gutter(`${pad} |`)}\n`;
    out += `${paint.gutter(`${at!.line} |`)} ${line}\n`;
    out += `${paint.gutter(`${pad} |`)} ${lead}${paint.caret(severity, carets)}\n`;
  }
  if (help !== undefined) out += `${paint.gutter(`${pad} =`)} ${paint.help(help)}\n`;
  return severity === 'error' ? `${out}\n` : out;
}

/** The source line of a position as it can be shown on a terminal; empty where there is none. */
function lineOf(text: string | undefined, at: Position): string {
  if (text === undefined) return '';
  let start = 0;
  for (let line = 1; line < at.line; line += 1) {
    const next = text.indexOf('\n', start);
    if (next < 0) return '';
    start = next + 1;
  }
  const end = text.indexOf('\n', start);
  const line = text
    .slice(start, end < 0 ? undefined : end)
    .replace(/\r$/, '')
    .replace(/^\ufeff/, '');
  // Control characters of a hostile file must not reach the terminal.
  return line.trim() === ''
    ? ''
    : line.slice(0, 400).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '?');
}
