import { render } from '../../http/values/template.ts';
import type { Escape, SessionFormat } from './table.ts';
import { type SessionNote, variableOf } from './variables.ts';

/** One line of the log: at most `most` bytes, and never more than one line whatever a client calls itself. */
export function sessionLine({ line, escaping }: SessionFormat, note: SessionNote, most: number): string {
  const text = render(line, (name) => escaped(variableOf(name, note), escaping));
  return Buffer.byteLength(text) <= most ? text : Buffer.from(text).subarray(0, most).toString();
}

function escaped(value: string, escaping: Escape): string {
  if (escaping === 'json') return JSON.stringify(value).slice(1, -1);
  if (escaping === 'none') return value.replace(/[\r\n]/g, ' ');
  if (!/[^\x20-\x7e]|["\\]/.test(value)) return value;
  return [...Buffer.from(value)].map(plainByte).join('');
}

function plainByte(byte: number): string {
  const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c;
  return plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
