import { maskedName } from '../../core/logs/log.ts';
import type { ExecGround } from './child.ts';
import type { Command } from './command.ts';
import { launch } from './launch.ts';

/** Runs a program that is then left alone; how it ends is only logged. */
export function runOnce({ log }: ExecGround, command: Command): void {
  const { directive, stream } = command;
  const fields = { directive, ...(stream === '' ? {} : { stream: maskedName(stream) }) };
  const launched = launch(command, log, ({ how, failed, stderr }) => {
    const told = { ...fields, exit: how, ...(stderr === '' ? {} : { stderr }) };
    if (failed) log.warn(told, 'program failed');
    else log.debug(told, 'program ended');
  });
  if (launched === undefined) return;
  launched.process.unref();
  log.info({ ...fields, pid: launched.pid, command: command.shown }, 'program started');
}
