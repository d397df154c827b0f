import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Site, startSite } from './harness.ts';

interface Case {
  readonly target: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly location?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const golden = (name: string): string => readFileSync(new URL(`../goldens/${name}`, import.meta.url), 'utf8');

/** What nginx 1.22 answers under the same configuration; `body` stands only where the configuration wrote it. */
const cases = JSON.parse(golden('http-routing.json')) as readonly Case[];

describe('locations, rewriting, headers and error pages answer as nginx does', () => {
  let site: Site;
  beforeAll(async () => {
    site = await startSite(golden('http-routing.conf'));
  });
  afterAll(() => site.close());

  it.each(
    cases.map(
      (one) =>
        [
          `${one.method ?? 'GET'} ${one.host ?? ''}${one.target} ${one.headers === undefined ? '' : 'with fields'}`,
          one,
        ] as const,
    ),
  )('%s', async (_name, { target, status, location, fields = {}, body, ...request }) => {
    const answer = await site.get(target, request);
    const sent = answer.fields.filter(
      ([name]) => /^x-|^cache-control$/i.test(name) && !/^x-content/i.test(name),
    );
    expect({
      status: answer.status,
      location: answer.headers.get('location')?.replace(`:${site.port}`, ':PORT'),
      fields: Object.fromEntries(sent),
    }).toEqual({ status, location, fields });
    if (body !== undefined) expect(answer.body).toBe(body);
  });
});
