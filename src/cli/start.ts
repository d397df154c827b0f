import { settingsOf } from '../config/block.ts';
import { LoadError } from '../config/config.ts';
import { printText } from '../config/print.ts';
import { mainTable, workerCount } from '../core/main.ts';
import { VERSION } from '../core/version.ts';
import { AlreadyRunning } from '../daemon/already-running.ts';
import { diagnose } from '../daemon/failures.ts';
import type { PrimaryOptions } from '../daemon/primary.ts';
import { type ReadConfig, readConfig } from '../daemon/sources.ts';
import { WORKER_MARK } from '../daemon/worker-mark.ts';
import { tameYoungSpace } from '../daemon/young-space.ts';
import type { DaemonOptions } from '../daemon.ts';
import { modules } from '../modules/index.ts';
import { detach, isDetached, tellParent } from './detach.ts';
import { locate } from './location.ts';
import { complain, wantsColour } from './output.ts';
import type { Invocation } from './usage.ts';

/** Starts the server and stays until it has stopped; gives the exit code. */
export async function start(invocation: Invocation): Promise<number> {
  if (process.env[WORKER_MARK] !== undefined && process.send !== undefined)
    return (await import('./worker.ts')).work();
  const config = { ...locate(invocation), sources: modules };
  tameYoungSpace();
  const read = readConfig(config);
  if (read.result instanceof LoadError) return failed(read.result, read);
  const detached = isDetached();
  if (settingsOf(read.result.tree, mainTable).daemon && !detached) return detach();

  const [{ Daemon }, { makeHosts }, { terminalPretty }, { handleFaults, handleSignals }] = await Promise.all([
    import('../daemon.ts'),
    import('./hosts.ts'),
    import('../daemon/logging.ts'),
    import('./signals.ts'),
  ]);
  const pretty = detached ? undefined : await terminalPretty();
  const { errorLog } = invocation;
  const count = workerCount(settingsOf(read.result.tree, mainTable));
  const given = { config, detached, ...(errorLog === undefined ? {} : { errorLog }) };
  const carrier = count === 1 ? undefined : await primary(given);
  const starting = Daemon.start(
    {
      ...given,
      hosts: makeHosts,
      version: VERSION,
      ...(carrier === undefined ? {} : { carrier }),
      ...(pretty === undefined ? {} : { pretty }),
    },
    read,
  );
  handleSignals(starting);
  try {
    const daemon = await starting;
    handleFaults(daemon.log);
    if (detached) tellParent({ ok: true, text: '' });
    else if (process.stderr.isTTY) complain((await import('./banner.ts')).banner(daemon, VERSION));
    await daemon.ended;
    // Whatever a library may have left behind must not keep a stopped server alive.
    process.exit(0);
  } catch (error) {
    return failed(error, read);
  }
}

/** What serves by workers. */
async function primary(options: Omit<PrimaryOptions, 'start'>): Promise<DaemonOptions['carrier']> {
  const [{ Primary }, { forkWorker }] = await Promise.all([
    import('../daemon/primary.ts'),
    import('../daemon/worker-process.ts'),
  ]);
  return (_, { logger }) => new Primary({ ...options, start: forkWorker }, logger);
}

/** Tells why there is no server, to whoever started it. */
function failed(error: unknown, read: ReadConfig): number {
  const detached = isDetached();
  const text = `${reasons(error, read, !detached && wantsColour(process.stderr))}`;
  if (detached) tellParent({ ok: false, text });
  else complain(text);
  return 1;
}

function reasons(error: unknown, read: ReadConfig, colour: boolean): string {
  if (error instanceof AlreadyRunning) {
    return `mediad: [emerg] ${error.message}\n   = to apply changes: mediad -s reload; to end it: mediad -s stop\n`;
  }
  const diagnostics = diagnose(error);
  if (diagnostics === null) {
    return `mediad: [emerg] internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  }
  return printText(diagnostics, { files: read.files, colour });
}
