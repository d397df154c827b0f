import { basename } from 'node:path';
import { type Block, childrenOf, settingsOf } from '../../config/block.ts';
import type { Diagnostic, Position } from '../../config/errors.ts';
import type { GroupEntry } from '../../config/table.ts';
import { mainTable } from '../../core/main.ts';
import { isScript } from './command.ts';
import { type ExecLine, linesOf } from './line.ts';
import { findProgram } from './lookup.ts';
import { parseRedirection } from './redirection.ts';
import { EXEC_GROUP } from './table.ts';
import {
  isChosen,
  type Part,
  PULL_VARIABLES,
  parseTemplate,
  RECORDING_VARIABLES,
  SESSION_VARIABLES,
} from './template.ts';

/** A line as it is written, and where. */
interface Place {
  readonly line: ExecLine;
  readonly at: Position;
  /** `application "live"` */
  readonly owner: string;
}

/** What is wrong with the programs of a tree, as far as that can be seen before they are run. */
export function checkExec(tree: Block): readonly Diagnostic[] {
  const environment = environmentOf(tree);
  return placesOf(tree).flatMap((place) => [
    ...checkProgram(place, environment),
    ...checkArguments(place, environment),
  ]);
}

function placesOf(tree: Block): readonly Place[] {
  const seen = new Set<unknown>();
  const own = (block: Block, owner: string): readonly Place[] => {
    // Inner blocks have the entries of outer ones as well.
    const entries = ((block.settings[EXEC_GROUP] ?? []) as readonly GroupEntry[]).filter(
      (entry) => !seen.has(entry),
    );
    for (const entry of entries) seen.add(entry);
    const positions = entries.filter(({ name }) => name !== 'exec_options').map(({ at }) => at);
    return linesOf(entries).map((line, index) => ({ line, at: positions[index]!, owner }));
  };
  return childrenOf(tree, 'rtmp').flatMap((rtmp) => [
    ...own(rtmp, 'rtmp'),
    ...childrenOf(rtmp, 'server').flatMap((server) => [
      ...own(server, 'a server'),
      ...childrenOf(server, 'application').flatMap((application) => [
        ...own(application, `application "${application.key}"`),
        ...childrenOf(application, 'recorder').flatMap((recorder) =>
          own(recorder, `recorder "${recorder.key}"`),
        ),
      ]),
    ]),
  ]);
}

function environmentOf(tree: Block): NodeJS.ProcessEnv {
  const set = settingsOf(tree, mainTable).env.flatMap(({ name, value }) =>
    value === null ? [] : [[name, value] as const],
  );
  return { ...process.env, ...Object.fromEntries(set) };
}

function checkProgram({ line, at, owner }: Place, environment: NodeJS.ProcessEnv): readonly Diagnostic[] {
  const { program, directive } = line;
  const found = findProgram(program, environment['PATH']);
  if (typeof found === 'object') return [];
  const missing = found === 'missing';
  return [
    warning(
      missing ? 'program-missing' : 'program-not-executable',
      `${program} is ${missing ? 'not found' : 'not executable'}, but ${owner} uses ${directive}`,
      at,
      missing
        ? program.includes('/')
          ? 'there is no such file; it is tried again each time that it should run'
          : `install it, or write its whole path; it was looked for in ${environment['PATH'] ?? 'no PATH'}`
        : `make it so: chmod +x ${program}`,
    ),
  ];
}

function checkArguments({ line, at }: Place, environment: NodeJS.ProcessEnv): readonly Diagnostic[] {
  const findings: Diagnostic[] = [];
  for (const [index, word] of line.args.entries()) {
    const redirection = parseRedirection(word);
    if (redirection === 'invalid') {
      findings.push(
        warning(
          'invalid-redirection',
          `"${word}" redirects nothing, ignored`,
          at,
          'write >FILE, without a space',
        ),
      );
      continue;
    }
    if (line.occasion === 'static' || redirection?.path === null) continue;
    const parts = parseTemplate(redirection?.path ?? word);
    findings.push(...unknownVariables(line, parts, at, environment));
    if (redirection === undefined && isScript(line, index) && parts.some(isChosen)) {
      findings.push(
        warning(
          'shell-script-variables',
          `${basename(line.program)} reads names that clients choose as part of a script`,
          at,
          'names with other characters than letters, digits and _.,:@%+=/- are not let into it; hand them on as arguments instead',
        ),
      );
    }
  }
  return findings;
}

function unknownVariables(
  { directive, occasion }: ExecLine,
  parts: readonly Part[],
  at: Position,
  environment: NodeJS.ProcessEnv,
): readonly Diagnostic[] {
  const ofRecording = occasion === 'record_started' || occasion === 'record_done';
  const known = occasion === 'pull' ? PULL_VARIABLES : ofRecording ? RECORDING_VARIABLES : SESSION_VARIABLES;
  return parts.flatMap((part) => {
    if (typeof part === 'string' || known.includes(part.variable)) return [];
    const { variable, braced } = part;
    if (braced && Object.hasOwn(environment, variable)) return [];
    const meant = known.find((name) => variable !== '' && variable.startsWith(name));
    return [
      warning(
        'unknown-variable',
        `unknown variable "$${braced ? `{${variable}}` : variable}" in "${directive}" directive, it stands for nothing`,
        at,
        meant !== undefined && !braced
          ? `write \${${meant}}${variable.slice(meant.length)} where letters follow`
          : `there are ${known.map((name) => `$${name}`).join(', ')}, and in braces the environment`,
      ),
    ];
  });
}

function warning(code: string, message: string, at: Position, help: string): Diagnostic {
  return { severity: 'warning', code, message, at, help };
}
