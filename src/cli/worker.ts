import type { Socket } from 'node:net';
import { terminalPretty } from '../daemon/logging.ts';
import { Worker } from '../daemon/worker.ts';
import { WORKER_MARK } from '../daemon/worker-mark.ts';
import type { FromWorker, ToWorker } from '../daemon/worker-process.ts';
import { tameYoungSpace } from '../daemon/young-space.ts';
import { modules } from '../modules/index.ts';
import { makeHosts } from './hosts.ts';

/** Serves for the primary until it says that it is over, or is gone. */
export async function work(): Promise<never> {
  tameYoungSpace();
  const index = Number(process.env[WORKER_MARK]);
  // Programs that are run must not take themselves for workers.
  delete process.env[WORKER_MARK];
  // Signals are for the primary, which tells what is to be done; a terminal sends them to everybody.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM', 'SIGUSR2'] as const) {
    process.on(signal, () => undefined);
  }
  const pretty = await terminalPretty();
  await new Promise<void>((ended) => {
    const worker = new Worker({
      index,
      sources: modules,
      hosts: makeHosts,
      send: (message: FromWorker) => {
        if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
      },
      ended,
      ...(pretty === undefined ? {} : { pretty }),
    });
    process.on('message', (message: ToWorker, socket: unknown) =>
      worker.receive(message, socket as Socket | undefined),
    );
    process.on('disconnect', () => void worker.stop());
  });
  process.exit(0);
}
