import { type Block, settingsOf } from '../config/block.ts';
import type { Config } from '../config/config.ts';
import { ConfigError, type Diagnostic } from '../config/errors.ts';
import { Listeners } from '../core/connections/listeners.ts';
import { mainTable, workerCount } from '../core/main.ts';
import type { Carrier, Census, Ready, ReloadNote } from './carrier.ts';
import { prepareAll } from './prepare.ts';
import { dropRights } from './process.ts';
import type { Serving } from './serving.ts';
import type { ReadConfig } from './sources.ts';

/** That a process which has begun to serve alone goes on so is told as long as the file says otherwise. */
function manyWanted(tree: Block): readonly Diagnostic[] {
  const count = workerCount(settingsOf(tree, mainTable));
  const at = tree.origins['worker_processes'];
  if (count === 1 || at === undefined) return [];
  return [
    {
      severity: 'warning',
      code: 'workers-restart',
      message: `one process goes on serving: it was started as the only one, and ${count} need a primary`,
      at,
      help: 'restart; a server that was started with 2 or more takes any number by a reload',
    },
  ];
}

/** One process that listens and serves. */
export class Single implements Carrier {
  readonly fixed = ['worker_processes'];
  readonly #serving: Serving;
  readonly #listeners: Listeners;
  readonly #endRotation: () => void;

  constructor(serving: Serving) {
    this.#serving = serving;
    this.#endRotation = serving.runtime.tickets.rotate();
    this.#listeners = new Listeners(
      (socket, door, unread) => serving.take(socket, door, unread),
      serving.runtime.log,
    );
  }

  get addresses(): readonly string[] {
    return this.#listeners.addresses;
  }

  async prepare(
    _: ReadConfig,
    { tree }: Config,
    trial: boolean,
    last: () => Promise<void> = async () => undefined,
  ): Promise<Ready> {
    const serving = this.#serving;
    const warnings = [...serving.check(tree), ...manyWanted(tree)];
    if (warnings.some(({ severity }) => severity === 'error')) throw new ConfigError(warnings);
    const ready = await prepareAll(
      serving.parts(tree),
      () => this.#listeners.prepare(serving.wanted(tree), trial),
      last,
    );
    return {
      warnings,
      plan: async () => ready.plan(),
      commit: async () => serving.commit(tree, ready),
      undo: async () => ready.undo(),
    };
  }

  dropRights(config: Config, files: readonly string[]): void {
    dropRights(config, [...files, ...this.#serving.runtime.logFiles.paths]);
  }

  note(note: ReloadNote): void {
    this.#serving.note(note);
  }

  async census(): Promise<Census> {
    return this.#serving.census();
  }

  async status(): Promise<object> {
    return this.#serving.census();
  }

  reopen(): void {
    this.#serving.runtime.logFiles.reopen();
  }

  drain(): void {
    this.#listeners.close();
    this.#serving.drain();
  }

  async stop(): Promise<void> {
    this.#endRotation();
    this.#listeners.close();
    await this.#serving.stop();
  }
}
