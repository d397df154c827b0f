import type { PlayRequest } from '../../core/applications/request.ts';
import { maskedName } from '../../core/logs/log.ts';
import { PeerUrlError } from '../../rtmp/peer.ts';
import type { RelayGround } from './ground.ts';
import { plainLine, type RelayLine } from './line.ts';
import { peerOf, type RelayPeer, valuesOf } from './peer.ts';
import { Pull, type PullWish } from './pull.ts';
import type { Values } from './template.ts';

/** Why a stream is pulled: what its first player asked, null for one that nobody had to ask for. */
interface Reason {
  readonly values: Values;
  readonly via: readonly string[];
  /** From a gate; it goes before what the configuration says. */
  readonly source: string | undefined;
}

/** The pulls of an application by the name of the stream. */
export class Pulls {
  readonly #ground: RelayGround;
  readonly #pulls = new Map<string, { readonly pull: Pull; readonly reason: Reason | null; wish: string }>();

  constructor(ground: RelayGround) {
    this.#ground = ground;
  }

  /** An origin; see `core/applications/origins.ts`. */
  fetch(request: PlayRequest, mayWait: boolean): Promise<void> | null {
    const { name, client, source } = request;
    const running = this.#pulls.get(name);
    if (running !== undefined) return running.pull.ask(mayWait);
    const reason: Reason = {
      values: valuesOf(client, this.#ground.application.name, name, request.args),
      via: client.via ?? [],
      source,
    };
    const wish = this.#wish(name, reason);
    return wish.sources.length === 0 ? null : this.#start(name, wish, reason).ask(mayWait);
  }

  /** Starts, changes and ends pulls as the configuration and others want them now. */
  reconcile(): void {
    for (const [name, running] of this.#pulls) {
      const wish = this.#wish(name, running.reason);
      const written = JSON.stringify(wish);
      if (wish.sources.length === 0) {
        this.#pulls.delete(name);
        running.pull.close('the pull is no longer wanted');
      } else if (written !== running.wish && running.pull.refused) {
        running.pull.close('the pull is another now');
        this.#start(name, wish, running.reason);
      } else if (written !== running.wish) {
        running.wish = written;
        running.pull.update(wish);
      }
    }
    for (const name of this.#permanentNames()) {
      if (this.#pulls.has(name)) continue;
      const wish = this.#wish(name, null);
      if (wish.sources.length > 0) this.#start(name, wish, null);
    }
  }

  /** A player of the stream has left. */
  unplayed(name: string): void {
    this.#pulls.get(name)?.pull.release();
  }

  close(reason: string): void {
    for (const { pull } of this.#pulls.values()) pull.close(reason);
    this.#pulls.clear();
  }

  #start(name: string, wish: PullWish, reason: Reason | null): Pull {
    const pull = new Pull(this.#ground, name, wish, () => {
      if (this.#pulls.get(name)?.pull === pull) this.#pulls.delete(name);
    });
    this.#pulls.set(name, { pull, reason, wish: JSON.stringify(wish) });
    return pull;
  }

  #permanentNames(): Set<string> {
    const { application, conf, hub } = this.#ground;
    const names = new Set<string>();
    // Of several workers the first brings them.
    if (hub.workers.index === 1) for (const line of conf().pull) if (line.static) names.add(line.name);
    for (const { direction, stream } of application.relays.wanted)
      if (direction === 'pull') names.add(stream);
    return names;
  }

  #wish(name: string, reason: Reason | null): PullWish {
    const { application, conf, log } = this.#ground;
    const peers = new Map<string, RelayPeer>();
    const add = (line: RelayLine): void => {
      if (line.name !== '' && line.name !== name) return;
      try {
        const peer = peerOf(line, { app: application.name, name }, reason?.values ?? {});
        peers.set(JSON.stringify(peer), peer);
      } catch (error) {
        if (!(error instanceof PeerUrlError)) throw error;
        log.error({ stream: maskedName(name), reason: error.message }, 'pull refused');
      }
    };
    if (reason?.source !== undefined) add(plainLine(reason.source));
    for (const line of conf().pull) if (line.static) add(line);
    for (const { direction, stream, url } of application.relays.wanted) {
      if (direction === 'pull' && stream === name) add(plainLine(url));
    }
    const permanent = this.#permanentNames().has(name);
    if (reason !== null) for (const line of conf().pull) if (!line.static) add(line);
    return { sources: [...peers.values()], permanent, via: reason?.via ?? [] };
  }
}
