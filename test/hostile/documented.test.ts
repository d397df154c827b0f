import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { attacks } from './attacks.ts';

const text = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');

test('the documentation names every group of attacks once, and no other', () => {
  const section = /^## What is tried\n(.*?)^## /ms.exec(text)![1]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| Sent'));
  const named = rows.flatMap((row) =>
    [...row.split('|')[2]!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
  );
  expect(named.sort()).toEqual(attacks.map(({ name }) => name).sort());
});

test('the documentation has their number right', () => {
  expect(text).toContain(`${attacks.length} groups of hostile clients`);
  expect(text).toContain(`${attacks.length} of ${attacks.length} groups each`);
});
