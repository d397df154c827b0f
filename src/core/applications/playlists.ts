import type { PublishRequest } from './request.ts';

/** A playlist that has been written to the disk anew. */
export interface PlaylistUpdate {
  /** What it is for. */
  readonly module: 'hls';
  /** Absolute. */
  readonly path: string;
  /** Who publishes the stream, or did at last. */
  readonly request: PublishRequest;
}

/** Those who are told of an application's playlists; they must not throw. */
export class Playlists {
  readonly #observers = new Set<(update: PlaylistUpdate) => void>();

  observe(observer: (update: PlaylistUpdate) => void): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  written(update: PlaylistUpdate): void {
    for (const observer of this.#observers) observer(update);
  }
}
