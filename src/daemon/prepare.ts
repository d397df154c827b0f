import type { Prepared } from '../core/host.ts';

/**
 * Does everything that may fail, the sockets after all other parts and `last` at the very end, and undoes it on a
 * failure. What it gives is all of it as one, with the sockets first: a connection must find the configuration that it
 * was bound for.
 */
export async function prepareAll(
  parts: readonly (() => Prepared | Promise<Prepared>)[],
  sockets: () => Promise<Prepared>,
  last: () => Promise<void>,
): Promise<Prepared> {
  const prepared: Prepared[] = [];
  const undo = async (): Promise<void> => {
    for (const part of [...prepared].reverse()) await part.undo();
  };
  try {
    for (const part of parts) prepared.push(await part());
    prepared.unshift(await sockets());
    await last();
  } catch (error) {
    await undo();
    throw error;
  }
  return {
    undo,
    plan: () => prepared.flatMap((part) => part.plan()),
    commit: (report) => {
      for (const part of prepared) part.commit(report);
    },
  };
}
