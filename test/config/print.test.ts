import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../../src/config/errors.ts';
import { print, printGithub, printJson, printLine, printText } from '../../src/config/print.ts';

const file = (text: string, name = 'f') => ({ path: `/${name}`, name, text, hash: '' });
const error: Diagnostic = {
  severity: 'error',
  code: 'unknown-directive',
  message: 'unknown directive "aplication"',
  at: { file: 'f', line: 2, column: 3, length: 10 },
  help: 'did you mean "application"?',
  replacement: 'application',
};
const warning: Diagnostic = {
  severity: 'warning',
  code: 'warning',
  message: 'odd',
  at: { file: 'f', line: 1, column: 1, length: 1 },
};
const text = 'rtmp {\n\t\taplication live {\r\n}\n';

describe('text', () => {
  it('shows the line with its tabs, and a caret under them', () => {
    expect(printText([error, warning], { files: [file(text)] })).toBe(
      'mediad: [emerg] unknown directive "aplication" in f:2:3\n' +
        '  |\n' +
        '2 | \t\taplication live {\n' +
        '  | \t\t^^^^^^^^^^\n' +
        '  = did you mean "application"?\n' +
        '\n' +
        'mediad: [warn] odd in f:1:1\n',
    );
  });

  it.each<[string, Partial<Diagnostic>, string, string]>([
    [
      'a caret behind the end of the line',
      { at: { file: 'f', line: 1, column: 3, length: 1 } },
      'ab',
      '1 | ab\n  |   ^\n',
    ],
    [
      'a word of several lines',
      { at: { file: 'f', line: 1, column: 2, length: 99 } },
      'a"b\nc"',
      '1 | a"b\n  |  ^^\n',
    ],
    [
      'control characters',
      { at: { file: 'f', line: 1, column: 2, length: 1 } },
      'a\u001b[31m',
      '1 | a?[31m\n  |  ^\n',
    ],
  ])('shows %s', (_, change, content, wanted) => {
    const { help: _help, ...rest } = error;
    expect(printText([{ ...rest, ...change }], { files: [file(content)] })).toContain(wanted);
  });

  it('leaves the excerpt out where there is no line to show', () => {
    const at = { file: 'f', line: 2, column: 1, length: 0 };
    for (const content of ['a\n', 'a\n   \n', 'a']) {
      expect(printText([{ ...error, at }], { files: [file(content)] })).toBe(
        'mediad: [emerg] unknown directive "aplication" in f:2:1\n   = did you mean "application"?\n\n',
      );
    }
    const { at: _at, ...nowhere } = error;
    expect(printText([nowhere], { files: [] })).toBe(
      'mediad: [emerg] unknown directive "aplication"\n   = did you mean "application"?\n\n',
    );
  });

  it('prints at most 20 errors', () => {
    const out = printText(Array<Diagnostic>(25).fill(error), { files: [] });
    expect(out.match(/emerg/g)).toHaveLength(20);
    expect(out).toMatch(/\nmediad: and 5 more\n\n$/);
    expect(printText(Array<Diagnostic>(20).fill(error), { files: [] })).not.toContain('more');
  });

  it('has the same text with and without colours', () => {
    const files = [file(text)];
    const painted = printText([error, warning], { files, colour: true });
    expect(painted).toContain('\u001b[1;31m[emerg]\u001b[0m');
    expect(painted.replace(/\u001b\[[0-9;]*m/g, '')).toBe(printText([error, warning], { files }));
  });
});

describe('other formats', () => {
  it('json', () => {
    expect(JSON.parse(printJson('f', [error, warning]))).toEqual({
      ok: false,
      file: 'f',
      errors: 1,
      warnings: 1,
      diagnostics: [
        {
          severity: 'error',
          code: 'unknown-directive',
          message: 'unknown directive "aplication"',
          file: 'f',
          line: 2,
          column: 3,
          endLine: 2,
          endColumn: 13,
          help: 'did you mean "application"?',
          fix: { replace: 'application' },
        },
        {
          severity: 'warning',
          code: 'warning',
          message: 'odd',
          file: 'f',
          line: 1,
          column: 1,
          endLine: 1,
          endColumn: 2,
        },
      ],
    });
    expect(JSON.parse(printJson('f', [])).ok).toBe(true);
  });

  it('github', () => {
    const odd = { ...error, message: '50%\nx', at: { ...error.at!, file: 'a,b:c' } };
    expect(printGithub([odd, warning])).toBe(
      '::error file=a%2Cb%3Ac,line=2,col=3,endColumn=13::50%25%0Ax: did you mean "application"?\n' +
        '::warning file=f,line=1,col=1,endColumn=2::odd\n',
    );
  });

  it('gcc', () => {
    expect(print('gcc', 'f', [error, warning], { files: [] })).toBe(
      'f:2:3: error: unknown directive "aplication" (did you mean "application"?)\nf:1:1: warning: odd\n',
    );
  });

  it('one line for logs', () => {
    expect(printLine(error)).toBe('unknown directive "aplication" in f:2:3 (did you mean "application"?)');
  });
});
