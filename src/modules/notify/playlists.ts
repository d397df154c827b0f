import type { PlaylistUpdate } from '../../core/applications/playlists.ts';
import type { Calls } from './calls.ts';
import { playlistMessage } from './fields.ts';

/**
 * Tells of playlists, each at most once at a time: of what changes meanwhile, the newest follows. So requests to an
 * endpoint that is slow do not pile up.
 */
export class PlaylistNotices {
  readonly #calls: Calls;
  readonly #url: () => string | null;
  /** By path: what is to follow the request under way. */
  readonly #busy = new Map<string, { update: PlaylistUpdate; name: string } | undefined>();

  constructor(calls: Calls, url: () => string | null) {
    this.#calls = calls;
    this.#url = url;
  }

  /** `name` is that of the publisher's command. */
  tell(update: PlaylistUpdate, name: string): void {
    const url = this.#url();
    if (url === null) return;
    const { path } = update;
    if (this.#busy.has(path)) {
      this.#busy.set(path, { update, name });
      return;
    }
    this.#busy.set(path, undefined);
    void this.#calls.mention('on_playlist', url, playlistMessage(update, name)).then(() => {
      const next = this.#busy.get(path);
      this.#busy.delete(path);
      if (next !== undefined) this.tell(next.update, next.name);
    });
  }
}
