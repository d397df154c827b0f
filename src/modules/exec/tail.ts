/** The last bytes of what a program prints. */
export class Tail {
  readonly #limit: number;
  #kept = Buffer.alloc(0);
  #cut = false;

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  add(chunk: Buffer): void {
    const all = Buffer.concat([this.#kept, chunk.subarray(-this.#limit)]);
    this.#cut ||= all.length > this.#limit || chunk.length > this.#limit;
    // A copy, so that what was cut off is let go.
    this.#kept = Buffer.from(all.subarray(-this.#limit));
  }

  /** As text, from the beginning of a line on where there is one; of a line that was written over, the last form. */
  get text(): string {
    let text = this.#kept.toString('utf8');
    if (this.#cut) text = text.slice(text.search(/[\r\n]/) + 1);
    return text
      .split('\n')
      .map((line) => line.replace(/\r$/, '').replace(/^.*\r/, ''))
      .join('\n')
      .trim();
  }
}
