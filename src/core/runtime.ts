import type { Elsewhere } from './applications/elsewhere.ts';
import { DiskFiles } from './files/disk-files.ts';
import { Hub } from './hub.ts';
import type { Logger } from './logs/log.ts';
import { LogFiles } from './logs/log-files.ts';
import { Measures } from './measures/measures.ts';
import { noRequests } from './measures/requests.ts';
import { Reloads } from './reload/reloads.ts';
import { inherit } from './statistics/estate.ts';
import { FIGURES, type Figures } from './statistics/figures.ts';
import { ownFigures } from './statistics/whole.ts';
import { Audience } from './streams/flush.ts';
import { MemoryFiles } from './workers/memory-files.ts';
import { TicketSecret } from './workers/tickets.ts';
import { alone, type Workers } from './workers/workers.ts';

/** What the protocols' hosts and the handlers of requests share: one per process, made once, never replaced. */
export class Runtime {
  readonly log: Logger;
  /** What parts of the server count and time of their own work. */
  readonly measures = new Measures();
  readonly audience = new Audience(this.measures);
  /** Connections and requests of HTTP. */
  readonly requests = noRequests();
  readonly files: MemoryFiles;
  readonly disk = new DiskFiles();
  /** Access logs; reopened when logs are rotated. */
  readonly logFiles: LogFiles;
  readonly hub: Hub;
  readonly reloads = new Reloads();
  /** For sessions of TLS. */
  readonly tickets = new TicketSecret();
  /** The processes that serve together. */
  readonly workers: Workers;
  /** The installation prefix. */
  readonly prefix: string;
  readonly startedAt = Date.now();
  /** Figures of workers that have retired. */
  readonly estates: Figures[] = [];

  /** `elsewhere` is given where `workers` are several. */
  constructor(prefix: string, log: Logger, workers: Workers = alone, elsewhere?: Elsewhere) {
    this.prefix = prefix;
    this.log = log;
    this.workers = workers;
    this.files = new MemoryFiles(workers);
    this.hub = new Hub(this.audience, log, workers, this.measures, elsewhere);
    workers.answer(FIGURES, () => ownFigures(this));
    inherit(this);
    this.logFiles = new LogFiles((file, err, lost) =>
      log.error({ file, err, lost }, 'a log could not be written'),
    );
  }

  /** The number of a new connection. */
  nextClientId(): number {
    return this.hub.nextClientId();
  }
}
