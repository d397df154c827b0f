import { type Rendition, writeMasterPlaylist } from '../../wire/m3u8.ts';
import { audioCodecString } from './codecs.ts';
import { DiskQueue } from './disk.ts';
import { masterLayout } from './layout.ts';
import { type OutputGround, PLAYLIST_TYPE, type StreamOutput } from './output.ts';
import { Shelf } from './shelf.ts';
import { type Variant, variantOf } from './variant.ts';

/** Segments of a rendition after which renditions that have not come yet are no longer waited for. */
const PATIENCE = 3;
/** Measured bandwidth is rounded up to a multiple of this, bit/s, so that the playlist rarely changes. */
const BANDWIDTH_STEP = 50_000;

/** Writes the master playlists of an application's renditions. */
export class Masters {
  readonly #ground: Omit<OutputGround, 'listed' | 'visited' | 'expired'>;
  readonly #outputs: ReadonlyMap<string, StreamOutput>;
  readonly #shelf: Shelf;
  /** The text of each, by path. */
  readonly #texts = new Map<string, string>();

  constructor(
    ground: Omit<OutputGround, 'listed' | 'visited' | 'expired'>,
    outputs: ReadonlyMap<string, StreamOutput>,
  ) {
    this.#ground = ground;
    this.#outputs = outputs;
    const disk = new DiskQueue(ground.disk, ground.trouble, () => ground.conf().hls_dir_access);
    this.#shelf = new Shelf(ground.files, disk);
  }

  /** A rendition has a new segment: its master may be due, or list something new. */
  listed(output: StreamOutput): void {
    const conf = this.#ground.conf();
    const found = variantOf(output.name, conf.hls_variant);
    if (found === null) return;
    const { base } = found;
    const { path, uri } = masterLayout(conf, this.#ground.prefix, base);
    // A stream whose own playlist has that name keeps it.
    if (this.#outputs.get(base)?.playlistPath === path) return;
    const running = conf.hls_variant.flatMap((variant) => {
      const member = this.#outputs.get(base + variant.suffix);
      const mine = member !== undefined && variantOf(member.name, conf.hls_variant)?.variant === variant;
      return mine && member.attached && member.newest !== null ? [{ variant, member }] : [];
    });
    const complete = running.length === conf.hls_variant.length;
    if (!complete && !running.some(({ member }) => member.segments.length >= PATIENCE)) return;
    const independent = running.every(({ member }) => member.segments.every((one) => one.independent));
    const renditions = running.map(
      ({ variant, member }): Rendition => ({
        uri: uri(member.name),
        attributes: attributesOf(variant, member),
      }),
    );
    const text = writeMasterPlaylist(renditions, independent);
    if (this.#texts.get(path) === text) return;
    this.#texts.set(path, text);
    this.#shelf.put(path, Buffer.from(text), PLAYLIST_TYPE);
  }

  /** A rendition is forgotten; with the last one its master leaves the memory. */
  expired(output: StreamOutput): void {
    const conf = this.#ground.conf();
    const found = variantOf(output.name, conf.hls_variant);
    if (found === null) return;
    if (conf.hls_variant.some(({ suffix }) => this.#outputs.has(found.base + suffix))) return;
    const { path } = masterLayout(conf, this.#ground.prefix, found.base);
    this.#texts.delete(path);
    this.#shelf.retire(path, 0);
    this.#shelf.sweep();
  }

  protects(path: string): boolean {
    return this.#shelf.has(path);
  }

  /** Forgets all of them. */
  close(): void {
    this.#texts.clear();
    this.#shelf.clear();
  }

  idle(): Promise<void> {
    return this.#shelf.idle();
  }
}

/** The attributes as written in the configuration, and after them those that can be measured and were not. */
function attributesOf(variant: Variant, member: StreamOutput): Rendition['attributes'] {
  const attributes = [...variant.attributes];
  const missing = (name: string): boolean => !attributes.some(([other]) => other === name);
  if (missing('BANDWIDTH')) {
    const bandwidth = Math.ceil(member.peak / BANDWIDTH_STEP) * BANDWIDTH_STEP;
    attributes.push(['BANDWIDTH', String(bandwidth)]);
  }
  const segment = member.newest;
  const picture = segment?.video?.picture;
  if (picture && missing('RESOLUTION')) attributes.push(['RESOLUTION', `${picture.width}x${picture.height}`]);
  const codecs: string[] = [];
  if (segment?.video) codecs.push(segment.video.codec);
  if (segment?.audio) codecs.push(audioCodecString(segment.audio));
  if (codecs.length > 0 && missing('CODECS')) attributes.push(['CODECS', `"${codecs.join(',')}"`]);
  return attributes;
}
