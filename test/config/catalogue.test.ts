import { describe, expect, it } from 'vitest';
import { differences, ownDirectives } from '../../src/config/differences.ts';
import { inertNames } from '../../src/config/inert.ts';
import type { Context } from '../../src/config/table.ts';
import { parseSize, parseTime } from '../../src/config/values.ts';
import { contextsOf, rowsOf, vocabularyOf } from '../../src/config/vocabulary.ts';
import { modules } from '../../src/modules/index.ts';
import catalogue from './catalogue.json' with { type: 'json' };

interface Fact {
  readonly name: string;
  readonly context: Context;
  readonly min: number;
  readonly max: number;
  readonly block: boolean;
}

const EVERYWHERE = inertNames.find((inert) => inert.names === 'include')!.contexts;

function facts(): Fact[] {
  return Object.entries(catalogue.names).flatMap(([places, lines]) => {
    const contexts = places === 'everywhere' ? EVERYWHERE : (places.split(' ') as Context[]);
    return lines
      .flatMap((line) => line.split(' '))
      .flatMap((entry) => {
        const [, name, mark, least, more] = /^(\w+)(?:([/{])(\d+)(\+|-\d+)?\}?)?$/.exec(entry)!;
        const min = Number(least ?? 1);
        const max =
          more === undefined ? min : more === '+' ? Number.POSITIVE_INFINITY : Number(more.slice(1));
        return contexts.map((context) => ({ name: name!, context, min, max, block: mark === '{' }));
      });
  });
}

const all = facts();
const byPlace = new Map(all.map((fact) => [`${fact.context} ${fact.name}`, fact]));
const known = new Set(all.map((fact) => fact.name));
const vocabulary = vocabularyOf(modules);

function excused(name: string, fact: string, context: Context): boolean {
  return differences.some(
    (difference) =>
      difference.name === name &&
      difference.fact === fact &&
      (difference.contexts?.includes(context) ?? true),
  );
}

describe('the catalogue of directives', () => {
  it('has the size it was read with', () => {
    expect(known.size).toBe(507);
    expect(all.length).toBe(1428);
  });

  it('is known in every context, with its number of arguments', () => {
    const wrong: string[] = [];
    for (const fact of all) {
      const { name, context } = fact;
      const entry = vocabulary.entries.get(context)?.get(name);
      const place = `${name} in ${context}`;
      if (entry === undefined) {
        wrong.push(`${place} is unknown`);
        continue;
      }
      const { min, max } = entry.kind === 'row' ? entry.row : entry.inert;
      const block = entry.kind === 'row' ? entry.row.kind === 'block' : entry.inert.block;
      if (block !== fact.block && !excused(name, 'block', context)) wrong.push(`${place} ends differently`);
      if ((min !== fact.min || max !== fact.max) && !excused(name, 'arguments', context)) {
        wrong.push(`${place} takes ${min} to ${max} arguments, not ${fact.min} to ${fact.max}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('has every directive of a table, or that is listed as our own', () => {
    const names = [...new Set(rowsOf(modules).map(({ name }) => name))];
    const unlisted = names.filter((name) => !known.has(name) && !ownDirectives.includes(name));
    expect(unlisted, 'list them in src/config/differences.ts').toEqual([]);
    expect(ownDirectives.filter((name) => known.has(name))).toEqual([]);
  });

  it('has the contexts of every row, or these are listed as different', () => {
    const wrong: string[] = [];
    for (const { name, row, scope } of rowsOf(modules)) {
      if (!known.has(name)) continue;
      for (const context of contextsOf(row, scope)) {
        if (!byPlace.has(`${context} ${name}`) && !excused(name, 'contexts', context)) {
          wrong.push(`${name} in ${context}`);
        }
      }
    }
    expect(wrong, 'list them in src/config/differences.ts').toEqual([]);
  });

  it('has the defaults of every row, or these are listed as different', () => {
    const wrong: string[] = [];
    for (const [context, lines] of Object.entries(catalogue.defaults)) {
      for (const pair of lines.flatMap((line) => line.split(' '))) {
        const [name, theirs] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
        const entry = vocabulary.entries.get(context as Context)?.get(name);
        if (entry?.kind !== 'row' || entry.row.kind !== 'value' || entry.row.shown === undefined) continue;
        const ours = entry.row.shown;
        if (!same(ours, theirs) && !excused(name, 'default', context as Context)) {
          wrong.push(`${name} in ${context}: ${ours} instead of ${theirs}`);
        }
      }
    }
    expect(wrong, 'list them in src/config/differences.ts').toEqual([]);
  });

  it('has each difference once, and only of names that it knows', () => {
    const keys = differences.map(({ name, fact }) => `${name} ${fact}`);
    expect(keys.length).toBe(new Set(keys).size);
    expect(differences.filter(({ name }) => !known.has(name))).toEqual([]);
  });

  it('has no name twice in a context of the inert ones', () => {
    const seen = new Set<string>();
    const twice: string[] = [];
    for (const inert of inertNames) {
      for (const context of inert.contexts) {
        const place = `${context} ${inert.names}`;
        if (seen.has(place)) twice.push(place);
        seen.add(place);
      }
    }
    expect(twice).toEqual([]);
  });
});

function same(ours: string, theirs: string): boolean {
  if (ours.toLowerCase() === theirs.toLowerCase()) return true;
  const times = [parseTime(ours, true), parseTime(theirs, true)];
  if (times[0] !== null && times[0] === times[1]) return true;
  const sizes = [parseSize(ours, true), parseSize(theirs, true)];
  return sizes[0] !== null && sizes[0] === sizes[1];
}
