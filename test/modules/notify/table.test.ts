import { describe, expect, test } from 'vitest';
import { LoadError, loadConfig } from '../../../src/config/config.ts';
import { memoryFiles } from '../../../src/config/files.ts';
import { rowsOf } from '../../../src/config/vocabulary.ts';
import { modules } from '../../../src/modules/index.ts';
import { notifyModule } from '../../../src/modules/notify/notify.ts';

/** What is wrong with a statement in a server of rtmp or in its application. */
function wrong(statement: string, inner: boolean): readonly string[] {
  const text = `rtmp { server { listen 1935; ${inner ? '' : statement} application live { live on; ${inner ? statement : ''} } } }`;
  try {
    loadConfig({ file: '/t.conf', sources: modules, files: memoryFiles({ '/t.conf': text }) });
    return [];
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return error.diagnostics.map(({ message }) => message);
  }
}

describe('every directive', () => {
  const rows = rowsOf([notifyModule]).map(({ name, row }) => ({ name, row }));

  test.each(rows)('$name has an example that holds where it stands', ({ name, row }) => {
    const inner = row.contexts === undefined || row.contexts.includes('application');
    expect(row.example?.startsWith(`${name} `)).toBe(true);
    expect(wrong(row.example!, inner)).toEqual([]);
    if (!inner) expect(wrong(row.example!, true)).not.toEqual([]);
  });
});

test.each([
  'on_publish http://h/ http://i/;',
  'notify_method put;',
  'notify_format xml;',
  'notify_update_timeout never;',
  'notify_update_strict 1;',
])('%s is a mistake', (statement) => {
  expect(wrong(statement, true)).not.toEqual([]);
});

test('the last of several URLs of one callback counts, as in nginx-rtmp', () => {
  expect(wrong('on_publish http://h/; on_publish http://i/;', true)).toEqual([]);
});
