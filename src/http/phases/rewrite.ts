import { type Stats, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { Block } from '../../config/block.ts';
import type { GroupEntry } from '../../config/table.ts';
import type { Answer, Exchange } from '../requests/exchange.ts';
import { redirectAnswer } from '../requests/redirect.ts';
import { keepCaptures, textOf, variable } from '../requests/variables.ts';
import type { Place } from '../router.ts';
import {
  type Condition,
  isRedirect,
  type Return,
  type Rewrite,
  type rewriteTable,
  type SetVariable,
} from '../tables/rewrite-table.ts';
import { regExpOf } from '../values/pattern.ts';
import type { Template, TemplatePart } from '../values/template.ts';
import { escapePath } from '../values/uri.ts';

/** One statement of the rewrite phase, ready to run. */
export type RewriteStep =
  | { readonly kind: 'set'; readonly set: SetVariable }
  | { readonly kind: 'return'; readonly value: Return }
  | { readonly kind: 'rewrite'; readonly value: Rewrite; readonly redirect: 301 | 302 | null }
  | { readonly kind: 'break' }
  | { readonly kind: 'if'; readonly condition: Condition; readonly place: Place };

/** The steps of a block's own rewrite statements; `place` makes what an `if` switches to. */
export function rewriteSteps(block: Block, place: (inner: Block) => Place): readonly RewriteStep[] {
  const entries = (block.settings['rewrite'] ?? []) as readonly GroupEntry[];
  return entries.map((entry) => stepOf(entry, place));
}

function stepOf(entry: GroupEntry, place: (inner: Block) => Place): RewriteStep {
  switch (entry.name as keyof typeof rewriteTable | 'if') {
    case 'set':
      return { kind: 'set', set: entry.value as SetVariable };
    case 'return':
      return { kind: 'return', value: entry.value as Return };
    case 'break':
      return { kind: 'break' };
    case 'if':
      return { kind: 'if', condition: entry.value as Condition, place: place(entry.block!) };
    case 'rewrite': {
      const value = entry.value as Rewrite;
      return { kind: 'rewrite', value, redirect: redirectOf(value) };
    }
  }
}

function redirectOf(rewrite: Rewrite): 301 | 302 | null {
  if (rewrite.flag === 'permanent') return 301;
  if (rewrite.flag === 'redirect') return 302;
  const [first, second] = rewrite.replacement.parts;
  if (typeof first === 'string') return /^https?:\/\//.test(first) ? 302 : null;
  return first?.variable === 'scheme' && typeof second === 'string' && second.startsWith('://') ? 302 : null;
}

/**
 * Runs a block's steps. An answer ends the request; `moved` says that the path was changed so that its location must
 * be looked for again; `done` that it was not.
 */
export function rewrite(exchange: Exchange, steps: readonly RewriteStep[]): Answer | 'moved' | 'done' {
  const state = { moved: false };
  const outcome = runSteps(exchange, steps, state);
  if (typeof outcome === 'object') return outcome;
  return state.moved ? 'moved' : 'done';
}

function runSteps(
  exchange: Exchange,
  steps: readonly RewriteStep[],
  state: { moved: boolean },
): Answer | 'stop' | 'next' {
  for (const step of steps) {
    const outcome = runStep(exchange, step, state);
    if (outcome !== 'next') return outcome;
  }
  return 'next';
}

function runStep(exchange: Exchange, step: RewriteStep, state: { moved: boolean }): Answer | 'stop' | 'next' {
  switch (step.kind) {
    case 'set':
      assign(exchange, step.set);
      return 'next';
    case 'break':
      state.moved = false;
      return 'stop';
    case 'return':
      return returned(exchange, step.value);
    case 'if':
      if (!holds(exchange, step.condition)) return 'next';
      if (step.place.block.context === 'location_if') exchange.place = step.place;
      return runSteps(exchange, step.place.rewrite, state);
    case 'rewrite':
      return rewriteUri(exchange, step.value, step.redirect, state);
  }
}

function assign(exchange: Exchange, set: SetVariable): void {
  const value = textOf(set.value, exchange);
  if (set.variable === 'args') exchange.args = value;
  else exchange.setVariable(set.variable, value);
}

function returned(exchange: Exchange, { status, text }: Return): Answer {
  if (isRedirect(status) && text !== null) return redirectAnswer(exchange, status, textOf(text, exchange));
  if (text === null)
    return status >= 300 ? { status } : { status, body: '', type: exchange.place.conf.default_type };
  return { status, body: textOf(text, exchange), type: exchange.place.conf.default_type };
}

function rewriteUri(
  exchange: Exchange,
  { pattern, replacement, flag }: Rewrite,
  redirect: 301 | 302 | null,
  state: { moved: boolean },
): Answer | 'stop' | 'next' {
  const match = regExpOf(pattern).exec(exchange.uri);
  if (match === null) return 'next';
  keepCaptures(match, exchange);
  const { path, args } = replaced(exchange, replacement, redirect !== null);
  if (redirect !== null) {
    return redirectAnswer(exchange, redirect, args === '' ? path : `${path}?${args}`);
  }
  exchange.args = args;
  if (path === '') return { status: 500, reason: 'a rewrite left an empty path' };
  exchange.uri = path;
  exchange.internal = true;
  if (flag === 'break') {
    state.moved = false;
    return 'stop';
  }
  state.moved = true;
  return flag === 'last' ? 'stop' : 'next';
}

/** Path and query of a replacement; the query so far is carried on unless the replacement ends in `?`. */
function replaced(
  exchange: Exchange,
  replacement: Template,
  forUrl: boolean,
): { readonly path: string; readonly args: string } {
  let path = '';
  let args: string | null = null;
  const add = (text: string): void => {
    if (args === null) path += text;
    else args += text;
  };
  for (const part of replacement.parts) {
    if (typeof part === 'string') {
      const mark = args === null ? part.indexOf('?') : -1;
      if (mark < 0) add(part);
      else {
        path += part.slice(0, mark);
        args = part.slice(mark + 1);
      }
    } else add(escaped(exchange, part, args !== null, forUrl));
  }
  if (args === null) return { path, args: exchange.args };
  const last = replacement.parts.at(-1);
  if (args === '' && typeof last === 'string' && last.endsWith('?')) return { path, args: '' };
  if (typeof last === 'string' && last.endsWith('?')) return { path, args: args.slice(0, -1) };
  const joined = exchange.args === '' ? args : args === '' ? exchange.args : `${args}&${exchange.args}`;
  return { path, args: joined };
}

/** Captured parts of a decoded path are escaped again where they become part of a query or of a URL. */
function escaped(
  exchange: Exchange,
  part: Exclude<TemplatePart, string>,
  inArgs: boolean,
  forUrl: boolean,
): string {
  const value = variable(part.variable, exchange);
  if (!/^[0-9]$/.test(part.variable) && part.variable !== 'uri') return value;
  if (inArgs) return value.replace(/[^A-Za-z0-9\-._~!$'()*,;:@/]+/g, (text) => encodeURIComponent(text));
  return forUrl ? escapePath(value) : value;
}

function holds(exchange: Exchange, condition: Condition): boolean {
  switch (condition.kind) {
    case 'true': {
      const value = variable(condition.variable, exchange);
      return value !== '' && value !== '0';
    }
    case 'equal':
      return (variable(condition.variable, exchange) === textOf(condition.to, exchange)) !== condition.not;
    case 'match': {
      const match = regExpOf(condition.pattern).exec(variable(condition.variable, exchange));
      if (match !== null) keepCaptures(match, exchange);
      return (match !== null) !== condition.not;
    }
    default:
      return tests(exchange, condition.kind, textOf(condition.path, exchange)) !== condition.not;
  }
}

function tests(
  exchange: Exchange,
  kind: 'file' | 'directory' | 'exists' | 'executable',
  path: string,
): boolean {
  const absolute = isAbsolute(path) ? path : join(exchange.runtime.prefix, path);
  if (exchange.runtime.files.has(absolute)) return kind === 'file' || kind === 'exists';
  let stat: Stats;
  try {
    stat = statSync(absolute);
  } catch {
    return false;
  }
  if (kind === 'file') return stat.isFile();
  if (kind === 'directory') return stat.isDirectory();
  return kind === 'exists' || (stat.mode & 0o111) !== 0;
}
