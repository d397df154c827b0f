/** Who fetches a stream as files, and so has no session. */
export interface Viewer {
  readonly stream: string;
  readonly address: string;
}

/** Told of viewers; must not throw. */
export interface ViewerObserver {
  came(viewer: Viewer): void;
  left(viewer: Viewer): void;
}

/** Those who fetch streams of an application as files now. */
export class Viewers {
  readonly #all = new Set<Viewer>();
  readonly #observers = new Set<ViewerObserver>();

  /** Tells of those there are, and of all changes until it is undone. */
  observe(observer: ViewerObserver): () => void {
    for (const viewer of this.#all) observer.came(viewer);
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  came(viewer: Viewer): void {
    this.#all.add(viewer);
    for (const observer of this.#observers) observer.came(viewer);
  }

  left(viewer: Viewer): void {
    if (!this.#all.delete(viewer)) return;
    for (const observer of this.#observers) observer.left(viewer);
  }
}
