/** A second server of the same pid file; nothing was touched. */
export class AlreadyRunning extends Error {
  constructor(pid: number | null, pidPath: string) {
    super(`mediad is already running (${pid === null ? '' : `pid ${pid}, `}pid file ${pidPath})`);
    this.name = 'AlreadyRunning';
  }
}
