import type { Diagnostic, Position } from './errors.ts';
import type { Statement } from './statement.ts';
import type { Context, ReadContext } from './table.ts';

export interface ResolveOptions {
  /** The directory of the main file. */
  readonly directory: string;
  /** The installation prefix. */
  readonly prefix: string;
}

/** A directive that was accepted and does nothing. */
export interface Ignored {
  readonly name: string;
  readonly at: Position;
  readonly reason: string;
}

/** Misspelt names a run looks up the nearest name of; the search is slow, and few findings are printed. */
const MOST_SUGGESTIONS = 50;

interface More {
  readonly help?: string | undefined;
  readonly replacement?: string | undefined;
}

/** Thrown through a reader to leave it; what was wrong has been recorded. */
class Refusal extends Error {}

/** What one run over the statements finds. */
export class Findings {
  readonly diagnostics: Diagnostic[] = [];
  readonly ignored: Ignored[] = [];
  /** Files that readers have said they need. */
  readonly needs = new Set<string>();
  readonly #options: ResolveOptions;
  #suggestions = 0;

  constructor(options: ResolveOptions) {
    this.#options = options;
  }

  error(code: string, message: string, at: Position, more: More = {}): void {
    this.#add('error', code, message, at, more);
  }

  warn(code: string, message: string, at: Position, more: More = {}): void {
    this.#add('warning', code, message, at, more);
  }

  #add(severity: Diagnostic['severity'], code: string, message: string, at: Position, more: More): void {
    const { help, replacement } = more;
    this.diagnostics.push({
      severity,
      code,
      message,
      at,
      ...(help === undefined ? {} : { help }),
      ...(replacement === undefined ? {} : { replacement }),
    });
  }

  /** What a search for the nearest name gives, or nothing once there were many. */
  suggestion<T>(search: () => T | undefined): T | undefined {
    this.#suggestions += 1;
    return this.#suggestions > MOST_SUGGESTIONS ? undefined : search();
  }

  /** Calls a reader for a statement; undefined where it refused, which has been recorded then. */
  read<T>(
    statement: Statement,
    context: Context,
    read: (context: ReadContext) => T,
  ): { readonly value: T } | undefined {
    return attempt(read, {
      ...this.#facts(statement, context),
      needs: (path) => void this.needs.add(path),
      warn: (message, at, help) => this.warn('warning', message, at, { help }),
      fail: (message, at, help, replacement) => {
        this.error('invalid-value', message, at, { help, replacement });
        throw new Refusal();
      },
    });
  }

  /** Whether a reader takes a statement, without recording anything. */
  accepts(statement: Statement, context: Context, read: (context: ReadContext) => unknown): boolean {
    const result = attempt(read, {
      ...this.#facts(statement, context),
      needs: () => {},
      warn: () => {},
      fail: () => {
        throw new Refusal();
      },
    });
    return result !== undefined;
  }

  #facts(statement: Statement, context: Context): Omit<ReadContext, 'needs' | 'warn' | 'fail'> {
    return { context, name: statement.name, at: statement.at, ...this.#options };
  }
}

function attempt<T>(
  read: (context: ReadContext) => T,
  context: ReadContext,
): { readonly value: T } | undefined {
  try {
    return { value: read(context) };
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
