import type { Position } from './errors.ts';

/** One word of a statement: its value with quotes and escapes taken off, and where it stands. */
export interface Word {
  readonly value: string;
  readonly quoted: boolean;
  readonly at: Position;
}

/** One directive as written: its name, its arguments, and its block, or null where a `;` ended it. */
export interface Statement {
  readonly name: string;
  readonly at: Position;
  readonly args: readonly Word[];
  readonly block: readonly Statement[] | null;
  /** Where the closing `;` or `}` stands. */
  readonly end: Position;
}

/** The arguments of a statement as somebody would write them, its block left out. */
export function argumentText({ args }: Statement): string {
  return args.map(({ value, quoted }) => (quoted || value === '' ? JSON.stringify(value) : value)).join(' ');
}
