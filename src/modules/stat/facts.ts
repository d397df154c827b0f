import { statSync } from 'node:fs';
import { trafficOf } from '../../core/statistics/figures.ts';
import type { ServerStatistics } from '../../core/statistics/statistics.ts';
import type { Whole } from '../../core/statistics/whole.ts';
import { VERSION } from '../../core/version.ts';

/** What a statistics page is to show. */
export interface Shown {
  readonly live: boolean;
  readonly clients: boolean;
  readonly records: boolean;
}

/** What both forms of the page are written from. */
export interface StatFacts {
  /** Wall clock, ms. */
  readonly now: number;
  readonly scalars: readonly (readonly [name: string, value: string | number])[];
  /** How many workers there should be, and of how many this is. */
  readonly workers: Whole['workers'];
  readonly servers: readonly ServerStatistics[];
  readonly shown: Shown;
  readonly root: 'rtmp' | 'http-flv';
  /** Where sessions can be dropped, as a path on the same server; empty where nowhere. */
  readonly control: string;
}

/** Collects what a page shows; the names of the first elements are those that scrapers know from nginx. */
export function statFacts(
  { figures, workers }: Whole,
  shown: Shown,
  root: StatFacts['root'],
  control: string,
): StatFacts {
  const now = Date.now();
  const { pid, startedAt, rates, servers } = figures;
  const { accepted, bytesIn, bytesOut } = trafficOf(figures);
  return {
    now,
    scalars: [
      ['nginx_version', `mediad/${VERSION}`],
      [root === 'rtmp' ? 'nginx_rtmp_version' : 'nginx_http_flv_version', VERSION],
      ['compiler', `Node.js ${process.versions.node}`],
      ['built', builtAt()],
      ['pid', pid],
      ['uptime', Math.floor((now - startedAt) / 1000)],
      ['naccepted', accepted],
      ['bw_in', rates.in],
      ['bytes_in', bytesIn],
      ['bw_out', rates.out],
      ['bytes_out', bytesOut],
    ],
    workers,
    servers,
    shown,
    root,
    control,
  };
}

let built = '';

/** When this program was built, as nginx writes it: `Feb 13 2023 11:56:56`. */
function builtAt(): string {
  if (built === '') {
    const [, month, day, year, time] = statSync(new URL(import.meta.url))
      .mtime.toString()
      .split(' ');
    built = `${month} ${day} ${year} ${time}`;
  }
  return built;
}
