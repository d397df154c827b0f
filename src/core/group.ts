import { type MediaPacket, VIDEO } from '../media/packet.ts';

/** How much of a group of pictures is kept. */
export interface GroupBounds {
  readonly gop_max_frame_count: number;
  readonly gop_max_video_count: number;
  readonly gop_max_audio_count: number;
  readonly gop_max_size: number;
}

/** The cached group of pictures: empty, or everything from a key frame on. Never a part of it. */
export class Group {
  #packets: MediaPacket[] = [];
  #bytes = 0;
  #video = 0;

  get packets(): readonly MediaPacket[] {
    return this.#packets;
  }

  /** Adds a packet, unless there is no key frame for it to follow. False where that goes over the bounds. */
  add(packet: MediaPacket, bounds: GroupBounds): boolean {
    if (this.#packets.length === 0 && !packet.key) return true;
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
