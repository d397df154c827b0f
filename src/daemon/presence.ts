import { ConfigError } from '../config/errors.ts';
import { errorText } from '../core/connections/bind.ts';
import { AlreadyRunning } from './already-running.ts';
import { type ControlReply, type ControlRequest, ControlSocket, controlPath } from './control.ts';
import { readPid, removePid, writePid } from './pid-file.ts';

/** How a server is found by its pid file: that file, and the control socket that belongs to it. */
export class Presence {
  readonly pidPath: string;
  #control: ControlSocket | undefined;
  #announced = false;

  constructor(pidPath: string) {
    this.pidPath = pidPath;
  }

  /**
   * Makes this process the one that answers. Throws AlreadyRunning; gives the error where there is no other server, but
   * no socket either.
   */
  async claim(answer: (request: ControlRequest) => Promise<ControlReply>): Promise<Error | null> {
    const state = readPid(this.pidPath);
    if (state.kind === 'running' && state.pid !== process.pid)
      throw new AlreadyRunning(state.pid, this.pidPath);
    try {
      this.#control = await ControlSocket.open(controlPath(this.pidPath), answer);
      return null;
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      return error as Error;
    }
  }

  /** Writes the pid file; throws ConfigError where it cannot be. */
  announce(): void {
    try {
      writePid(this.pidPath);
    } catch (error) {
      const message = `open() "${this.pidPath}" failed (${errorText(error as NodeJS.ErrnoException)})`;
      const help = 'put it where mediad may write: pid FILE;';
      throw new ConfigError([{ severity: 'error', code: 'pid-file', message, help }]);
    }
    this.#announced = true;
  }

  /** Every file it made, for the user that the process becomes. */
  get files(): readonly string[] {
    return this.#control === undefined ? [this.pidPath] : [this.pidPath, this.#control.path];
  }

  /** Takes back what it made. */
  leave(): void {
    this.#control?.close();
    if (this.#announced) removePid(this.pidPath);
    this.#announced = false;
  }
}
