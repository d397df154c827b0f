import { AVC_AUD, AVC_SPS } from '../../media/avc.ts';
import { copyBytes } from '../slab.ts';
import { AUDIO_PID, PACKET, type Tracks, VIDEO_PID, writePat, writePmt } from './tables.ts';

/** Ticks of the 90 kHz clock in which all times here are given. */
export const TICKS_PER_MS = 90;
/** By how much decoding and presentation times are ahead of the clock reference: 700 ms for the decoder's buffer. */
const DELAY = 700 * TICKS_PER_MS;
/** Longest time between clock references; the limit is 100 ms (ISO/IEC 13818-1, 2.7.2). */
const CLOCK_EVERY = 90 * TICKS_PER_MS;
/** A larger hole in time is left as it is rather than filled with clock references. */
const CLOCK_HOLE = 5000 * TICKS_PER_MS;
/** How far sound may drive the clock of a stream whose pictures pause. */
const CLOCK_LAG = 500 * TICKS_PER_MS;

const PAYLOAD = PACKET - 4;
/** Flags of the adaptation field. */
const DISCONTINUITY = 0x80;
const RANDOM_ACCESS = 0x40;
const CLOCK = 0x10;

/** By how much a segment that is larger than expected grows each time, a whole number of packets. */
const PIECE = 348 * PACKET;
/** A segment gets memory for what the last one took and a little more; of that at most an eighth stays unused. */
const SLACK = 1 / 16;
const LEAST_USE = 7 / 8;
const NONE = Buffer.alloc(0);
const DELIMITER = Buffer.from([0, 0, 0, 1, AVC_AUD, 0xf0]);
const START_CODE = Buffer.from([0, 0, 0, 1]);
/** Largest value of the length field of a PES packet. */
const PES_LENGTH = 0xffff;
/** Bytes of sound in one PES packet: its length field also counts 8 bytes of header. */
export const PES_AUDIO_BYTES = PES_LENGTH - 8;

/** One coded picture as FLV and MP4 carry it. */
export interface AccessUnit {
  /** Decoding and presentation time in ticks, not wrapped. */
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  /** NAL units from `offset` on, each after its length of `lengthSize` bytes. */
  readonly data: Buffer;
  readonly offset: number;
  readonly lengthSize: number;
  /** SPS and PPS with start codes, put before key frames that bring none of their own. */
  readonly parameterSets: Buffer;
}

/**
 * Packs one H.264 and one audio stream into MPEG-TS (ISO/IEC 13818-1), a segment at a time: each begins with PAT and
 * PMT; counters and table versions go on from segment to segment.
 */
export class TransportMuxer {
  /** Access units whose NAL lengths did not add up. */
  damaged = 0;
  /** The piece being filled, how far, the full ones before it, and the bytes of those. */
  #out: Buffer = NONE;
  #at = 0;
  #full: Buffer[] = [];
  #before = 0;
  /** Size of a segment's first piece: what all of it is expected to take. */
  #expected = PIECE;
  #tracks: Tracks = { video: null, audio: null };
  #version = -1;
  #tableCounter = 0;
  #videoCounter = 0;
  #audioCounter = 0;
  /** The newest clock reference, -1 before the first. */
  #clock = -1;
  #broken = false;
  /** Bytes that the packet under way still takes, and bytes of the PES packet that follow it. */
  #room = 0;
  #left = 0;
  #pid = 0;
  readonly #nals: number[] = [];
  readonly #head = Buffer.alloc(19);

  /** Bytes of the segment so far. */
  get length(): number {
    return this.#before + this.#at;
  }

  get tracks(): Tracks {
    return this.#tracks;
  }

  /** Begins a segment. `discontinuity`: its times and streams have nothing to do with the segment before. */
  start(tracks: Tracks, discontinuity: boolean): void {
    if (tracks.video !== this.#tracks.video || tracks.audio !== this.#tracks.audio) {
      this.#version = (this.#version + 1) & 31;
      this.#tracks = tracks;
    }
    if (discontinuity) {
      this.#clock = -1;
      this.#broken = true;
    }
    writePat(this.#piece(), this.#at, this.#tableCounter);
    this.#at += PACKET;
    writePmt(this.#piece(), this.#at, this.#tableCounter, tracks, this.#version);
    this.#at += PACKET;
    this.#tableCounter = (this.#tableCounter + 1) & 15;
  }

  /** Adds a picture. False where nothing of it could be used. */
  video(unit: AccessUnit): boolean {
    const { data } = unit;
    const nals = this.#nals;
    const hasSets = this.#findNals(unit);
    if (nals.length === 0) return false;
    const sets = unit.key && !hasSets ? unit.parameterSets : null;
    let size = DELIMITER.length + (sets === null ? 0 : sets.length);
    for (let i = 0; i < nals.length; i += 2) size += START_CODE.length + nals[i + 1]!;
    const sameTime = unit.pts === unit.dts;
    const head = this.#head;
    const headSize = sameTime ? 14 : 19;
    const total = headSize + size;
    head.writeUInt32BE(0x1e0, 0);
    head.writeUInt16BE(total - 6 > PES_LENGTH ? 0 : total - 6, 4);
    head[6] = 0x84; // data alignment: an access unit begins here
    head[7] = sameTime ? 0x80 : 0xc0;
    head[8] = sameTime ? 5 : 10;
    writeTime(head, 9, sameTime ? 2 : 3, unit.pts + DELAY);
    if (!sameTime) writeTime(head, 14, 1, unit.dts + DELAY);
    this.#begin(VIDEO_PID, total, unit.dts, unit.key);
    this.#put(head, 0, headSize);
    this.#put(DELIMITER, 0, DELIMITER.length);
    if (sets !== null) this.#put(sets, 0, sets.length);
    for (let i = 0; i < nals.length; i += 2) {
      this.#put(START_CODE, 0, START_CODE.length);
      this.#put(data, nals[i]!, nals[i + 1]!);
    }
    return true;
  }

  /** Adds a PES packet of whole audio frames: the first `length` bytes of `data`, at most PES_AUDIO_BYTES. */
  audio(pts: number, data: Buffer, length: number): void {
    const head = this.#head;
    const total = 14 + length;
    head.writeUInt32BE(0x1c0, 0);
    head.writeUInt16BE(total - 6, 4);
    head[6] = 0x84;
    head[7] = 0x80;
    head[8] = 5;
    writeTime(head, 9, 2, pts + DELAY);
    this.#begin(AUDIO_PID, total, pts, true);
    this.#put(head, 0, 14);
    this.#put(data, 0, length);
  }

  /** Ends the segment and gives its bytes in memory of their own. */
  finish(): Buffer {
    const { length } = this;
    this.#expected = Math.ceil((length * (1 + SLACK)) / PACKET) * PACKET;
    const fits = this.#full.length === 0 && this.#at >= this.#out.length * LEAST_USE;
    const segment = fits ? this.#out.subarray(0, length) : this.#copy(length);
    // A piece that was copied from serves again, unless it is far too large.
    if (fits || this.#full.length > 0 || this.#out.length > 2 * this.#expected) this.#out = NONE;
    this.#full = [];
    this.#before = 0;
    this.#at = 0;
    return segment;
  }

  /** What was written so far, in memory of its own. */
  #copy(length: number): Buffer {
    const segment = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const piece of this.#full) at += piece.copy(segment, at);
    this.#out.copy(segment, at, 0, this.#at);
    return segment;
  }

  /** Notes offset and size of the NAL units to keep, in pairs; true where a parameter set is among them. */
  #findNals(unit: AccessUnit): boolean {
    const { data, lengthSize } = unit;
    const nals = this.#nals;
    nals.length = 0;
    let hasSets = false;
    let at = unit.offset;
    while (at + lengthSize <= data.length) {
      const size = data.readUIntBE(at, lengthSize);
      at += lengthSize;
      if (at + size > data.length) break;
      if (size > 0) {
        const type = data[at]! & 31;
        if (type === AVC_SPS) hasSets = true;
        if (type !== AVC_AUD) nals.push(at, size);
      }
      at += size;
    }
    if (at !== data.length) this.damaged += 1;
    return hasSets;
  }

  /** Opens the first packet of a PES packet of `total` bytes, with the clock where its PID carries it. */
  #begin(pid: number, total: number, time: number, random: boolean): void {
    const clockPid = this.#tracks.video === null ? AUDIO_PID : VIDEO_PID;
    const now = pid === clockPid ? time : time - CLOCK_LAG;
    this.#fillClock(clockPid, now);
    let flags = random && (pid === VIDEO_PID || clockPid === AUDIO_PID) ? RANDOM_ACCESS : 0;
    let clock = -1;
    if (pid === clockPid && now > this.#clock) {
      flags |= CLOCK;
      clock = now;
      if (this.#broken) {
        this.#broken = false;
        flags |= DISCONTINUITY;
      }
    }
    this.#pid = pid;
    this.#left = total;
    this.#open(0x40, flags, clock);
  }

  /** Clock references for the time since the last one where nothing else carried them. */
  #fillClock(pid: number, now: number): void {
    if (this.#clock < 0 || now - this.#clock > CLOCK_HOLE) return;
    while (now - this.#clock > CLOCK_EVERY) {
      const out = this.#piece();
      const at = this.#at;
      const clock = this.#clock + CLOCK_EVERY;
      const counter = ((pid === VIDEO_PID ? this.#videoCounter : this.#audioCounter) + 15) & 15;
      out[at] = 0x47;
      out[at + 1] = pid >> 8;
      out[at + 2] = pid & 255;
      out[at + 3] = 0x20 | counter;
      out[at + 4] = PAYLOAD - 1;
      out[at + 5] = CLOCK;
      writeClock(out, at + 6, clock);
      out.fill(0xff, at + 12, at + PACKET);
      this.#at += PACKET;
      this.#clock = clock;
    }
  }

  /** Writes a packet header; stuffing goes into the adaptation field of the last packet (2.4.3.4). */
  #open(unitStart: number, flags: number, clock: number): void {
    const out = this.#piece();
    const at = this.#at;
    let field = flags === 0 ? 0 : clock >= 0 ? 8 : 2;
    const used = field;
    if (this.#left < PAYLOAD - field) field = PAYLOAD - this.#left;
    const pid = this.#pid;
    let counter: number;
    if (pid === VIDEO_PID) {
      counter = this.#videoCounter;
      this.#videoCounter = (counter + 1) & 15;
    } else {
      counter = this.#audioCounter;
      this.#audioCounter = (counter + 1) & 15;
    }
    out[at] = 0x47;
    out[at + 1] = unitStart | (pid >> 8);
    out[at + 2] = pid & 255;
    out[at + 3] = (field > 0 ? 0x30 : 0x10) | counter;
    if (field > 0) {
      out[at + 4] = field - 1;
      if (field > 1) out[at + 5] = flags;
      if (clock >= 0) {
        writeClock(out, at + 6, clock);
        this.#clock = clock;
      }
      const from = Math.max(used, 2);
      if (field > from) out.fill(0xff, at + 4 + from, at + 4 + field);
    }
    this.#at = at + 4 + field;
    this.#room = PAYLOAD - field;
    this.#left -= this.#room;
  }

  #put(source: Buffer, start: number, length: number): void {
    let from = start;
    const end = start + length;
    while (from < end) {
      if (this.#room === 0) this.#open(0, 0, -1);
      const size = Math.min(this.#room, end - from);
      copyBytes(this.#out, this.#at, source, from, size);
      this.#at += size;
      this.#room -= size;
      from += size;
    }
  }

  /** The piece that the next packet goes into. */
  #piece(): Buffer {
    if (this.#at === this.#out.length) {
      if (this.#at > 0) this.#full.push(this.#out);
      this.#before += this.#at;
      this.#out = Buffer.allocUnsafeSlow(this.#before === 0 ? this.#expected : PIECE);
      this.#at = 0;
    }
    return this.#out;
  }
}

const WRAP = 2 ** 33;

/** PTS or DTS of 33 bits in five bytes (2.4.3.6). */
function writeTime(target: Buffer, at: number, mark: number, time: number): void {
  const wrapped = ((time % WRAP) + WRAP) % WRAP;
  const high = Math.floor(wrapped / 2 ** 30);
  const low = wrapped % 2 ** 30;
  target[at] = (mark << 4) | (high << 1) | 1;
  target[at + 1] = low >> 22;
  target[at + 2] = ((low >> 14) & 0xfe) | 1;
  target[at + 3] = (low >> 7) & 0xff;
  target[at + 4] = ((low << 1) & 0xfe) | 1;
}

/** A clock reference without its 27 MHz part (2.4.3.5). */
function writeClock(target: Buffer, at: number, time: number): void {
  const wrapped = ((time % WRAP) + WRAP) % WRAP;
  const high = Math.floor(wrapped / 2);
  target[at] = high >>> 24;
  target[at + 1] = (high >>> 16) & 0xff;
  target[at + 2] = (high >>> 8) & 0xff;
  target[at + 3] = high & 0xff;
  target[at + 4] = ((wrapped % 2) << 7) | 0x7e;
  target[at + 5] = 0;
}

/** NAL units with start codes before them, as one Buffer. */
export function annexB(nals: readonly Buffer[]): Buffer {
  return Buffer.concat(nals.flatMap((nal) => [START_CODE, nal]));
}
