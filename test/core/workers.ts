import type { Workers } from '../../src/core/workers/workers.ts';
import { Channel, workersOf } from '../../src/daemon/channel.ts';
import { Exchange } from '../../src/daemon/exchange.ts';

/** Workers in one process, joined as those of a server are; letters are cloned and arrive in later turns. */
export interface Crew {
  readonly exchange: Exchange;
  readonly channels: readonly Channel[];
  readonly workers: readonly Workers[];
  /** Topics whose handlers have thrown. */
  readonly failures: string[];
}

/** As many workers as asked for. */
export function makeCrew(count: number): Crew {
  const failures: string[] = [];
  const members = Array.from({ length: count }, (_, at) => at + 1);
  const failed = (topic: string): void => void failures.push(topic);
  const exchange = new Exchange(failed);
  const channels = members.map((index) => {
    const channel: Channel = new Channel(
      index,
      (letter) => {
        const copy = structuredClone(letter);
        setImmediate(() => exchange.receive(index, copy));
      },
      failed,
    );
    exchange.join(index, {
      send: (letter) => {
        const copy = structuredClone(letter);
        setImmediate(() => channel.receive(copy));
      },
    });
    return channel;
  });
  return { exchange, channels, workers: channels.map((one) => workersOf(one, () => members)), failures };
}
