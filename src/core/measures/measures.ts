/** What tells the values of one measure apart; few and bounded: no ids, no addresses. */
export type Labels = Readonly<Record<string, string>>;

/** A total that only grows while the process runs. */
export class Total {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

/** How many values were at most each of some bounds, and their sum. Observing one allocates nothing. */
export class Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Values by the first bound that is not below them; those above all bounds come last. */
  readonly counts: number[];
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    const { bounds } = this;
    let at = 0;
    while (at < bounds.length && value > bounds[at]!) at += 1;
    this.counts[at]! += 1;
    this.sum += value;
  }
}

interface Described {
  /** Without the prefix that all names have. */
  readonly name: string;
  readonly help: string;
}

/** A measure with its values, as plain data. */
export type Measured = Described &
  (
    | { readonly kind: 'total'; readonly series: readonly { labels: Labels; value: number }[] }
    | {
        readonly kind: 'histogram';
        readonly bounds: readonly number[];
        readonly series: readonly { labels: Labels; counts: readonly number[]; sum: number }[];
      }
  );

type Family = Described &
  (
    | { readonly kind: 'total'; readonly series: Map<string, { labels: Labels; total: Total }> }
    | {
        readonly kind: 'histogram';
        readonly bounds: readonly number[];
        readonly series: Map<string, { labels: Labels; histogram: Histogram }>;
      }
  );

/** Seconds, from a millisecond to ten. */
export const SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * What parts of the server count and time of their own work: each asks once for the counters that it then adds to, and
 * statistics list them all. A name with labels gives the same counter whoever asks, also after a reload.
 */
export class Measures {
  readonly #families = new Map<string, Family>();

  /** Throws where the name is that of a histogram. */
  total(name: string, help: string, labels: Labels = {}): Total {
    const family = this.#family({ name, help, kind: 'total', series: new Map() });
    if (family.kind !== 'total') throw new Error(`the measure ${name} is no total`);
    const key = keyOf(labels);
    const known = family.series.get(key);
    if (known !== undefined) return known.total;
    const total = new Total();
    family.series.set(key, { labels, total });
    return total;
  }

  /** Throws where the name is that of a total. */
  histogram(name: string, help: string, bounds: readonly number[], labels: Labels = {}): Histogram {
    const family = this.#family({ name, help, bounds, kind: 'histogram', series: new Map() });
    if (family.kind !== 'histogram') throw new Error(`the measure ${name} is no histogram`);
    const key = keyOf(labels);
    const known = family.series.get(key);
    if (known !== undefined) return known.histogram;
    const histogram = new Histogram(family.bounds);
    family.series.set(key, { labels, histogram });
    return histogram;
  }

  #family(family: Family): Family {
    const known = this.#families.get(family.name);
    if (known !== undefined) return known;
    this.#families.set(family.name, family);
    return family;
  }

  list(): readonly Measured[] {
    return [...this.#families.values()].map((family): Measured => {
      const { name, help } = family;
      if (family.kind === 'total') {
        const series = [...family.series.values()].map(({ labels, total }) => ({
          labels,
          value: total.value,
        }));
        return { name, help, kind: 'total', series };
      }
      const series = [...family.series.values()].map(({ labels, histogram: { counts, sum } }) => ({
        labels,
        counts: [...counts],
        sum,
      }));
      return { name, help, kind: 'histogram', bounds: family.bounds, series };
    });
  }
}

function keyOf(labels: Labels): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
