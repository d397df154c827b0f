/** What became of one thing in a reload. */
export type Outcome = 'kept' | 'updated' | 'restarted' | 'started' | 'closed' | 'failed';

/** One thing of the configuration, such as `application rtmp:1935/live` or `listen 0.0.0.0:8080`. */
export interface ReportEntry {
  readonly kind:
    | 'worker'
    | 'listen'
    | 'server'
    | 'application'
    | 'service'
    | 'http server'
    | 'location'
    | 'setting';
  readonly name: string;
  readonly outcome: Outcome;
  /** The directives whose values differ. */
  readonly changed?: readonly string[];
  /** Who it sends away. */
  readonly ends?: Ended;
  /** Of a worker: the connections it has, which it keeps until they end; of one that is started, it was retiring. */
  readonly connections?: number;
  /** Of one that is closed: ms after which the connections that are left are ended. */
  readonly patience?: number;
}

/** How many publishers and players are sent away. */
export interface Ended {
  readonly publishers: number;
  readonly players: number;
}

/** What a reload did. */
export class Report {
  readonly entries: ReportEntry[] = [];
  /** Settings that only a restart applies. */
  readonly restartNeeded: string[] = [];

  add(entry: ReportEntry): void {
    this.entries.push(entry);
  }

  count(outcome: Outcome, kind?: ReportEntry['kind']): number {
    return this.entries.filter((e) => e.outcome === outcome && (kind === undefined || e.kind === kind))
      .length;
  }

  /** Everything that is not as it was. */
  get changes(): readonly ReportEntry[] {
    return this.entries.filter((entry) => entry.outcome !== 'kept');
  }
}
