import type { Subscription } from '../core/applications/subscription.ts';
import type { StreamListener } from '../core/streams/stream.ts';
import { writeData } from '../wire/rtmp/commands.ts';
import { rtmpFormat } from '../wire/rtmp/format.ts';
import { streamBegin, streamEof } from '../wire/rtmp/messages.ts';
import { type Account, secondsSince } from './account.ts';
import { onStatus } from './answers.ts';
import type { Connection } from './connection.ts';

/** A player on one message stream of a connection: the statuses it is told, and the tracks it wants. */
export class Playing {
  readonly streamId: number;
  /** To be given to the play request; tells the player what becomes of its stream. */
  readonly listener: StreamListener = {
    started: () => this.#started(),
    stopped: () => this.#stopped(),
  };
  readonly #connection: Connection;
  readonly #bytesBefore: number;
  #subscription: Subscription | undefined;
  #paused = false;
  #audio = true;
  #video = true;

  constructor(connection: Connection, streamId: number) {
    this.#connection = connection;
    this.#bytesBefore = connection.bytesOut;
    this.streamId = streamId;
  }

  /** What it came to, for the log. */
  get account(): Account {
    const since = this.#subscription?.since ?? Date.now();
    return { seconds: secondsSince(since), bytesOut: this.#connection.bytesOut - this.#bytesBefore };
  }

  get name(): string {
    return this.#subscription?.stream.name ?? '';
  }

  /** The player was let in: statuses first, then media, in one piece where there are any yet. */
  begin(subscription: Subscription, reset: boolean): void {
    this.#subscription = subscription;
    const { streamId } = this;
    const connection = this.#connection;
    const restarts = subscription.request.application.settings.play_restart;
    connection.sink.together(() => {
      if (subscription.live) connection.send(streamBegin(streamId));
      if (reset)
        connection.send(
          onStatus(streamId, 'status', 'NetStream.Play.Reset', 'Playing and resetting stream.'),
        );
      if (subscription.live || !restarts) this.#announce();
      this.#sit();
    });
  }

  pause(paused: boolean): void {
    if (paused === this.#paused) return;
    this.#paused = paused;
    const { streamId } = this;
    if (paused) {
      this.#subscription?.stand();
      this.#connection.send(
        onStatus(streamId, 'status', 'NetStream.Pause.Notify', 'Paused live'),
        streamEof(streamId),
      );
    } else {
      this.#connection.send(
        onStatus(streamId, 'status', 'NetStream.Unpause.Notify', 'Unpaused live'),
        streamBegin(streamId),
      );
      this.#sit();
    }
  }

  /** receiveAudio and receiveVideo. */
  receive(track: 'audio' | 'video', wanted: boolean): void {
    if (track === 'audio') {
      if (this.#audio === wanted) return;
      this.#audio = wanted;
    } else {
      if (this.#video === wanted) return;
      this.#video = wanted;
    }
    this.#sit();
  }

  close(): void {
    this.#subscription?.close();
  }

  #sit(): void {
    const subscription = this.#subscription;
    if (subscription === undefined || this.#paused) return;
    const connection = this.#connection;
    if (!this.#audio && !this.#video) {
      subscription.stand();
      return;
    }
    const tracks = !this.#video ? 'audio' : !this.#audio ? 'video' : 'both';
    const { out_queue_size: bytes } = subscription.request.application.settings;
    const { timeout: stall } = connection.settings;
    const format = rtmpFormat(connection.writer.chunkSize, tracks, this.streamId);
    subscription.sit(format, connection.sink, 'plain', { bytes, stall });
  }

  #announce(): void {
    const { streamId } = this;
    this.#connection.send(
      onStatus(streamId, 'status', 'NetStream.Play.Start', 'Start live'),
      writeData(streamId, ['|RtmpSampleAccess', true, true]),
    );
  }

  #started(): void {
    const settings = this.#subscription?.request.application.settings;
    if (settings === undefined) return;
    this.#connection.send(streamBegin(this.streamId));
    if (settings.play_restart) this.#announce();
    if (settings.publish_notify) {
      this.#connection.send(
        onStatus(this.streamId, 'status', 'NetStream.Play.PublishNotify', 'Start publishing'),
      );
    }
  }

  #stopped(): void {
    const settings = this.#subscription?.request.application.settings;
    if (settings === undefined) return;
    this.#connection.send(streamEof(this.streamId));
    if (settings.play_restart) {
      this.#connection.send(onStatus(this.streamId, 'status', 'NetStream.Play.Stop', 'Stop live'));
    }
    if (settings.publish_notify) {
      this.#connection.send(
        onStatus(this.streamId, 'status', 'NetStream.Play.UnpublishNotify', 'Stop publishing'),
      );
    }
  }
}
