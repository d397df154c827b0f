import { AUDIO, type MediaPacket, VIDEO } from '../../media/packet.ts';

/** How much of a group of pictures is kept. */
export interface GroupBounds {
  readonly gop_max_frame_count: number;
  readonly gop_max_video_count: number;
  readonly gop_max_audio_count: number;
  readonly gop_max_size: number;
}

/** None, or everything from a place on that players may begin with. Never a part of it. */
class Run {
  #packets: MediaPacket[] = [];
  #bytes = 0;
  #video = 0;

  get packets(): readonly MediaPacket[] {
    return this.#packets;
  }

  /** Adds a packet, unless it is no `entry` and there is none for it to follow. False where that goes over the bounds. */
  add(packet: MediaPacket, entry: boolean, bounds: GroupBounds): boolean {
    if (this.#packets.length === 0 && !entry) return true;
    this.#packets.push(packet);
    this.#bytes += packet.body.length;
    if (packet.kind === VIDEO) this.#video += 1;
    const frames = this.#packets.length;
    return (
      frames <= bounds.gop_max_frame_count &&
      this.#video <= bounds.gop_max_video_count &&
      frames - this.#video <= bounds.gop_max_audio_count &&
      this.#bytes <= bounds.gop_max_size
    );
  }

  clear(): void {
    this.#packets = [];
    this.#bytes = 0;
    this.#video = 0;
  }
}

/** What newcomers begin with: the newest group of pictures, and, for those who wait from the beginning, all before it. */
export class Group {
  readonly #newest = new Run();
  readonly #early = new Run();

  get packets(): readonly MediaPacket[] {
    return this.#newest.packets;
  }

  /** What came before the newest group, as long as that is kept. */
  get early(): readonly MediaPacket[] {
    return this.#early.packets;
  }

  /**
   * A packet of media, which may be an `entry` for players. `waited`: some may be waiting for all there was. False where
   * the group that was there is gone and there is no other.
   */
  add(packet: MediaPacket, entry: boolean, waited: boolean, bounds: GroupBounds): boolean {
    if (waited) this.#keep(packet, entry, bounds);
    const had = this.#newest.packets.length > 0;
    if (entry) this.#newest.clear();
    // The group of a video that is gone is nothing to begin with.
    if (entry && !packet.key) return !had;
    if (this.#newest.add(packet, packet.key, bounds)) return true;
    this.#newest.clear();
    return false;
  }

  /** Nobody waits from the beginning any more. */
  settle(): void {
    this.#early.clear();
  }

  clear(): void {
    this.#newest.clear();
    this.#early.clear();
  }

  /** What leaves the newest group, or comes while there is none; not sound that came before its picture. */
  #keep(packet: MediaPacket, entry: boolean, bounds: GroupBounds): void {
    if (packet.kind === VIDEO && this.early[0]?.kind === AUDIO) this.#early.clear();
    const past = packet.key ? this.packets : this.packets.length === 0 ? [packet] : [];
    for (const one of past) if (!this.#early.add(one, entry, bounds)) this.#early.clear();
  }
}
