import { type ClientRequest, get } from 'node:http';
import { get as getSecurely } from 'node:https';
import { connectTo } from '../rtmp/client.ts';
import type { Ground } from './variants.ts';

const PATIENCE_MS = 10_000;

/** New connections to the addresses that stay, so many a second, in turn by RTMP, HTTP and HTTPS. */
export class Visitors {
  came = 0;
  /** Why some were not served. */
  readonly refused: string[] = [];
  readonly #kept: Ground['kept'];
  readonly #clock: NodeJS.Timeout;
  readonly #under = new Set<Promise<void>>();

  constructor(kept: Ground['kept'], aSecond: number) {
    this.#kept = kept;
    const since = performance.now();
    this.#clock = setInterval(() => {
      // Timers come late in a process that does much else.
      const due = ((performance.now() - since) * aSecond) / 1000;
      while (this.came < due) this.#visit();
    }, 10);
  }

  #visit(): void {
    const { rtmp, http, tls, wide } = this.#kept;
    const options = { host: '127.0.0.1', path: '/ok', agent: false, rejectUnauthorized: false } as const;
    const kinds = [
      async () => (await connectTo(rtmp, 'live')).destroy(),
      () => answered(get({ ...options, port: http })),
      () => answered(getSecurely({ ...options, port: tls })),
      () => answered(get({ ...options, port: wide })),
    ] as const;
    const kind = this.came % kinds.length;
    this.came += 1;
    const visit = kinds[kind]!()
      .catch((error: NodeJS.ErrnoException) => {
        const name = ['rtmp', 'http', 'https', 'http of all addresses'][kind];
        this.refused.push(`${name}: ${error.code ?? error.message}`);
      })
      .finally(() => this.#under.delete(visit));
    this.#under.add(visit);
  }

  /** Sends nobody any more, and waits for those under way. */
  async stop(): Promise<void> {
    clearInterval(this.#clock);
    await Promise.all(this.#under);
  }
}

function answered(request: ClientRequest): Promise<void> {
  return new Promise((resolve, reject) => {
    request.on('response', (answer) => {
      answer.resume();
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`status ${answer.statusCode}`)),
      );
      answer.on('error', reject);
    });
    request.setTimeout(PATIENCE_MS, () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}
