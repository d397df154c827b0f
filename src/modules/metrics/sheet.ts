import type { Labels } from '../../core/measures/measures.ts';

/** One sample; `suffix` follows the metric's name, as of the buckets of a histogram. */
interface Sample {
  readonly suffix: string;
  readonly labels: Labels;
  value: number;
}

type Kind = 'counter' | 'gauge' | 'histogram' | 'summary';

interface Metric {
  readonly help: string;
  readonly kind: Kind;
  readonly samples: Map<string, Sample>;
}

/** Takes the figures of one scrape, and writes them in the text format of Prometheus (0.0.4). */
export class Sheet {
  readonly #metrics = new Map<string, Metric>();

  /** Totals that only grow; values with the same labels are added up. */
  counter(name: string, help: string): (labels: Labels, value: number) => void {
    const metric = this.#metric(name, help, 'counter');
    return (labels, value) => add(metric, '', labels, value);
  }

  /** What goes up and down; values with the same labels are added up. */
  gauge(name: string, help: string): (labels: Labels, value: number) => void {
    const metric = this.#metric(name, help, 'gauge');
    return (labels, value) => add(metric, '', labels, value);
  }

  /** `counts` are the values in each bucket alone; those above all bounds come last. */
  histogram(
    name: string,
    help: string,
  ): (labels: Labels, bounds: readonly number[], counts: readonly number[], sum: number) => void {
    const metric = this.#metric(name, help, 'histogram');
    return (labels, bounds, counts, sum) => {
      let below = 0;
      counts.forEach((count, at) => {
        below += count;
        add(metric, '_bucket', { ...labels, le: at < bounds.length ? String(bounds[at]) : '+Inf' }, below);
      });
      add(metric, '_sum', labels, sum);
      add(metric, '_count', labels, below);
    };
  }

  /** A sample as it is. */
  sample(name: string, help: string, kind: Kind, suffix: string, labels: Labels, value: number): void {
    add(this.#metric(name, help, kind), suffix, labels, value);
  }

  #metric(name: string, help: string, kind: Kind): Metric {
    const known = this.#metrics.get(name);
    if (known !== undefined) return known;
    const metric: Metric = { help, kind, samples: new Map() };
    this.#metrics.set(name, metric);
    return metric;
  }

  text(): string {
    const lines: string[] = [];
    for (const [name, { help, kind, samples }] of this.#metrics) {
      if (samples.size === 0) continue;
      lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${kind}`);
      for (const { suffix, labels, value } of samples.values()) {
        lines.push(`${name}${suffix}${labelText(labels)} ${numberText(value)}`);
      }
    }
    return `${lines.join('\n')}\n`;
  }
}

function add({ samples }: Metric, suffix: string, labels: Labels, value: number): void {
  const key = JSON.stringify([suffix, labels]);
  const known = samples.get(key);
  if (known === undefined) samples.set(key, { suffix, labels, value });
  else known.value += value;
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels);
  if (pairs.length === 0) return '';
  return `{${pairs.map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`).join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}
