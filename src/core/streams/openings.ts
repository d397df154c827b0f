import { AUDIO, type Kind, type MediaPacket, type Opening, VIDEO } from '../../media/packet.ts';

/** Sequence headers kept for newcomers: far more than real encoders have tracks. */
const MAX_HEADERS = 32;
const MAX_HEADER_BYTES = 512 * 1024;

const NOTHING: Opening = { version: 0, metadata: null, headers: [], hasAudio: false, hasVideo: false };

/** What a stream tells newcomers, across the publishers it has had. */
export class Openings {
  readonly #changing: () => void;
  #current: Opening = NOTHING;
  /** What the publisher before had said in the end: players know it. */
  #before: Opening = NOTHING;
  /** Sequence headers of the present publisher by kind and slot. */
  #headers = new Map<string, MediaPacket>();
  #headerBytes = 0;
  #version = 0;

  /** `changing` is called before the opening gets another version. */
  constructor(changing: () => void) {
    this.#changing = changing;
  }

  get current(): Opening {
    return this.#current;
  }

  /** Another publisher: nothing is known of its stream. */
  renew(): void {
    this.#changing();
    this.#before = this.#current;
    this.#headers = new Map();
    this.#headerBytes = 0;
    this.#current = { ...NOTHING, version: this.#nextVersion() };
  }

  metadata(metadata: MediaPacket | null): void {
    this.#change({ ...this.#current, metadata });
  }

  /**
   * Keeps a sequence header. One that would go over the bounds is only for those who are here, so that no publisher
   * fills the memory with headers. `replaced`: there was another in its place.
   */
  header(packet: MediaPacket, slot: number): 'known' | 'new' | 'replaced' {
    const id = `${packet.kind}/${slot}`;
    const known = this.#headers.get(id);
    if (known?.body.equals(packet.body) === true) return 'known';
    const bytes = this.#headerBytes + packet.body.length - (known?.body.length ?? 0);
    const full = known === undefined && this.#headers.size >= MAX_HEADERS;
    if (full || bytes > MAX_HEADER_BYTES) return 'known';
    this.#headerBytes = bytes;
    this.#headers.set(id, { ...packet, body: Buffer.from(packet.body) });
    const headers = [...this.#headers.values()].sort((a, b) => b.kind - a.kind);
    this.#change({ ...this.#current, headers });
    return known === undefined ? 'new' : 'replaced';
  }

  /** Media of a kind have come. */
  notice(kind: Kind): void {
    const { hasAudio, hasVideo } = this.#current;
    if (kind === AUDIO ? hasAudio : hasVideo) return;
    this.#current = {
      ...this.#current,
      hasAudio: hasAudio || kind === AUDIO,
      hasVideo: hasVideo || kind === VIDEO,
    };
  }

  /** An opening that says what players were told before the publisher changed has its version. */
  #change(opening: Opening): void {
    this.#changing();
    const before = this.#before;
    const version = sameOpening(opening, before) ? before.version : this.#nextVersion();
    this.#current = { ...opening, version };
  }

  #nextVersion(): number {
    this.#version += 1;
    return this.#version;
  }
}

/** Whether a decoder is told the same; which tracks have shown media does not matter. */
function sameOpening(a: Opening, b: Opening): boolean {
  if (a.headers.length !== b.headers.length || (a.metadata === null) !== (b.metadata === null)) return false;
  if (a.metadata !== null && !a.metadata.body.equals(b.metadata!.body)) return false;
  return a.headers.every((header, index) => {
    const other = b.headers[index]!;
    return header.kind === other.kind && header.body.equals(other.body);
  });
}
