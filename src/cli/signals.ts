import type { Logger } from '../core/logs/log.ts';
import type { Daemon } from '../daemon.ts';

/** Does what nginx's signals ask for; those that come during the start count once it is over. */
export function handleSignals(starting: Promise<Daemon>): void {
  const on = (signal: NodeJS.Signals, action: (daemon: Daemon) => unknown): void => {
    process.on(signal, () => {
      // A failed start tells its reason by itself.
      starting.then(action, () => undefined);
    });
  };
  on('SIGHUP', (daemon) => daemon.reload('SIGHUP'));
  on('SIGUSR1', (daemon) => daemon.reopen());
  on('SIGQUIT', (daemon) => daemon.quit());
  on('SIGTERM', (daemon) => daemon.stop());
  on('SIGINT', (daemon) => daemon.stop());
  on('SIGUSR2', ({ log }) =>
    log.warn('SIGUSR2: a running server is not replaced by a new program; restart it'),
  );
}

/**
 * Errors that reached nobody are faults of the program. They belong to one session, whose own boundary did not catch
 * them, while thousands of others are well: so they are logged with their stack, and the server goes on.
 */
export function handleFaults(log: Logger): void {
  process.on('uncaughtException', (error) => log.fatal({ err: error }, 'an error was caught by nobody'));
  process.on('unhandledRejection', (reason) =>
    log.fatal({ err: reason }, 'a rejection was handled by nobody'),
  );
}
