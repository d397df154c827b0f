import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadError } from '../../src/config/config.ts';
import { parse } from '../../src/config/parse.ts';
import { printGcc, printText } from '../../src/config/print.ts';
import type { Statement } from '../../src/config/statement.ts';
import { load } from './sources.ts';

const seed = 20_261_121;
const words = [
  ...[
    'rtmp',
    'server',
    'application',
    'live',
    'on',
    'off',
    'sync',
    '3s',
    'http',
    'location',
    '/',
    '~',
    'types',
    'map',
  ],
  ...[
    'include',
    'a.conf',
    '*.conf',
    'if',
    'return',
    'deny',
    'exec',
    'record',
    'lua_x',
    'gzip',
    'constructor',
    '__proto__',
  ],
];
const marks = [
  '{',
  '}',
  ';',
  '"',
  "'",
  '\\',
  '$',
  '#',
  '\n',
  '\r\n',
  ' ',
  '\t',
  '(',
  ')',
  '\u00a0',
  '\ufeff',
  '\u0000',
  '😀',
];
const soup = fc
  .array(fc.oneof(fc.constantFrom(...words), fc.constantFrom(...marks), fc.string({ maxLength: 3 })), {
    maxLength: 40,
  })
  .map((parts) => parts.join(' ').replaceAll(' \\ ', '\\'));
const glued = fc
  .array(fc.constantFrom(...words, ...marks, ...marks), { maxLength: 40 })
  .map((parts) => parts.join(''));

describe('any text', () => {
  it('either holds or is refused with findings that can be printed', () => {
    fc.assert(
      fc.property(fc.oneof(soup, glued), soup, fc.boolean(), (main, other, globals) => {
        try {
          const config = load(main, { '/srv/conf/a.conf': other }, globals ? 'worker_processes 2;' : '');
          expect(Object.isFrozen(config.tree)).toBe(true);
        } catch (error) {
          if (!(error instanceof LoadError)) throw error;
          expect(error.diagnostics.length).toBeGreaterThan(0);
          expect(printText(error.diagnostics, { files: error.files })).toContain('[emerg]');
          for (const line of printGcc(error.diagnostics).split('\n')) expect(line).not.toContain('undefined');
        }
      }),
      { seed, numRuns: 10_000 },
    );
  });

  it('of bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          load('include a.conf;', { '/srv/conf/a.conf': bytes });
        } catch (error) {
          if (!(error instanceof LoadError)) throw error;
        }
      }),
      { seed, numRuns: 2000 },
    );
  });
});

const word = fc.string({ unit: 'grapheme', maxLength: 12 });
const tree: fc.Arbitrary<unknown[]> = fc.letrec<{ list: unknown[]; statement: unknown }>((tie) => ({
  list: fc.array(tie('statement'), { maxLength: 4 }),
  statement: fc.tuple(word, fc.array(word, { maxLength: 4 }), fc.option(tie('list'), { depthSize: 'small' })),
})).list as fc.Arbitrary<unknown[]>;

/** Writes a word so that it reads as itself: in quotes, with every backslash, quote and control character escaped. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"']/g, '\\$&')}"`;
}

function written(list: readonly unknown[]): string {
  return (list as [string, string[], unknown[] | null][])
    .map(([name, args, block]) => {
      const head = [name, ...args].map(quoted).join(' ');
      return block === null ? `${head};` : `${head} {\n${written(block)}}\n`;
    })
    .join('');
}

function plain(list: readonly Statement[]): unknown[] {
  return list.map(({ name, args, block }) => [
    name,
    args.map(({ value }) => value),
    block === null ? null : plain(block),
  ]);
}

describe('any tree', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(tree, (list) => {
        const { statements, diagnostics } = parse(written(list), 'f');
        expect(diagnostics).toEqual([]);
        expect(plain(statements)).toEqual(list);
      }),
      { seed, numRuns: 2000 },
    );
  });
});
