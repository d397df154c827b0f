import { describe, expect, expectTypeOf, it } from 'vitest';
import { anyOf, flag, list, msecOrOff, oneOf, size } from '../../src/config/rows.ts';
import type { Settings } from '../../src/config/table.ts';

const table = {
  live: flag(false, 'x'),
  meta: oneOf(['on', 'off', 'copy'], 'on', 'x'),
  idle: msecOrOff(null, 'x'),
  queue: size(1, 'x'),
  record: anyOf(['all', 'off'], [], 'x'),
  push: list(([word]) => ({ url: word!.value }), 'x', 'url'),
} as const;

describe('settings of a table', () => {
  it('have the types that its rows read', () => {
    expectTypeOf<Settings<typeof table>>().toEqualTypeOf<{
      readonly live: boolean;
      readonly meta: 'on' | 'off' | 'copy';
      readonly idle: number | null;
      readonly queue: number;
      readonly record: readonly ('all' | 'off')[];
      readonly push: readonly { url: string }[];
    }>();
    expect(Object.keys(table)).toHaveLength(6);
  });

  it('do not compile misspelt or of another type', () => {
    const settings = { live: true, meta: 'on', idle: null, queue: 1, record: [], push: [] } as Settings<
      typeof table
    >;
    // @ts-expect-error: no such setting
    expect(settings.lve).toBeUndefined();
    // @ts-expect-error: not a word of the choice
    expect(settings.meta === 'maybe').toBe(false);
    // @ts-expect-error: settings are not written to
    settings.live = false;
    expect(settings.live).toBe(false);
  });
});
