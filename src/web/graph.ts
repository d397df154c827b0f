const SPAN_MS = 60_000;
const WIDTH = 300;
const HEIGHT = 48;
const NAMESPACE = 'http://www.w3.org/2000/svg';
/** The scale is never finer than this, so that a flat line looks flat. */
const LEAST_TOP_MS = 1000;

/** A line of the last minute's delays in an SVG element. */
export class Graph {
  readonly #line = document.createElementNS(NAMESPACE, 'path');
  readonly #below = document.createElementNS(NAMESPACE, 'path');
  #points: { readonly at: number; readonly delay: number }[] = [];

  constructor(svg: SVGSVGElement) {
    this.#below.classList.add('below');
    svg.append(this.#below, this.#line);
  }

  add(at: number, delay: number): void {
    this.#points = this.#points.filter((point) => at - point.at <= SPAN_MS);
    this.#points.push({ at, delay });
    const top = Math.max(LEAST_TOP_MS, ...this.#points.map((point) => point.delay)) * 1.25;
    const places = this.#points.map(({ at: time, delay: value }) => {
      const x = WIDTH - ((at - time) / SPAN_MS) * WIDTH;
      const y = HEIGHT - (Math.max(0, value) / top) * HEIGHT;
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    const line = `M${places.join('L')}`;
    this.#line.setAttribute('d', line);
    const first = places[0]!.split(' ')[0]!;
    this.#below.setAttribute('d', `${line}L${WIDTH} ${HEIGHT}L${first} ${HEIGHT}Z`);
  }
}
