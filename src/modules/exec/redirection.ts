/** An argument that says where a descriptor of the program leads, such as `2>>FILE` and `2>&1`. */
export interface Redirection {
  readonly descriptor: number;
  readonly mode: 'read' | 'write' | 'append';
  /** As written, with its variables; null: where `copied` leads. */
  readonly path: string | null;
  /** Of the program, at this point of its arguments. */
  readonly copied: number;
}

/** The highest descriptor that can be redirected. */
const HIGHEST = 63;

const SHAPE = /^([0-9]*)(>>|>|<)(&?)([\s\S]*)$/;

/**
 * Reads an argument as a redirection: undefined for one that is none, `invalid` for one that begins as one and leads
 * nowhere. A space after the sign makes two arguments of it, of which the first is such.
 */
export function parseRedirection(argument: string): Redirection | 'invalid' | undefined {
  const match = SHAPE.exec(argument);
  if (match === null) return undefined;
  const [, digits = '', sign, copy, target = ''] = match;
  const descriptor = digits === '' ? (sign === '<' ? 0 : 1) : descriptorOf(digits);
  const mode = sign === '<' ? 'read' : sign === '>' ? 'write' : 'append';
  if (descriptor === undefined || target === '') return 'invalid';
  if (copy === '') return { descriptor, mode, path: target, copied: -1 };
  const copied = descriptorOf(target);
  return copied === undefined ? 'invalid' : { descriptor, mode, path: null, copied };
}

function descriptorOf(digits: string): number | undefined {
  const number = /^[0-9]{1,9}$/.test(digits) ? Number(digits) : HIGHEST + 1;
  return number > HIGHEST ? undefined : number;
}
