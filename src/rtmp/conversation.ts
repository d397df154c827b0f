import { type AmfValue, isAmfObject } from '../wire/amf.ts';
import { type Command, writeCommand } from '../wire/rtmp/commands.ts';
import type { OutMessage } from '../wire/rtmp/messages.ts';
import type { ClientPurpose } from './client.ts';

/** What a conversation does. */
export interface ConversationEnd {
  send(...messages: readonly OutMessage[]): void;
  /** Publishing or playing has begun. */
  accepted(): void;
  /** The stream played has ended for now. */
  ended(): void;
  /** The peer refused, or called it off. */
  failed(reason: string): void;
}

const CONNECT = 1;
const RELEASE_STREAM = 2;
const FC_PUBLISH = 3;
const CREATE_STREAM = 4;
const PUBLISH = 5;
const PLAY = 5;

/** Statuses that mean no although their level may say otherwise, in any letter case. */
const REFUSALS = new Set(
  [
    'NetStream.Publish.BadName',
    'NetStream.Publish.Denied',
    'NetStream.Publish.Failed',
    'NetStream.Publish.Rejected',
    'NetStream.Unpublish.Success',
    'NetStream.Play.StreamNotFound',
    'NetStream.Play.Failed',
    'NetStream.Play.FileStructureInvalid',
    'NetStream.Play.NoSupportedTrackFound',
    'NetStream.Authenticate.UsherToken',
    'NetConnection.Connect.Rejected',
    'NetConnection.Connect.Failed',
    'NetConnection.Connect.Closed',
    'NetConnection.Connect.AppShutdown',
    'NetConnection.Connect.InvalidApp',
  ].map((code) => code.toLowerCase()),
);

/**
 * The commands of an outgoing connection after `connect`, in the order encoders send them: releaseStream and FCPublish
 * for a publisher, createStream, then publish or play on the message stream the peer answers with.
 */
export class Conversation {
  /** The peer's message stream; 0 before it is known. */
  streamId = 0;
  readonly #purpose: ClientPurpose;
  readonly #end: ConversationEnd;
  #accepted = false;

  constructor(purpose: ClientPurpose, end: ConversationEnd) {
    this.#purpose = purpose;
    this.#end = end;
  }

  /** A command of the peer. */
  command(command: Command): void {
    switch (command.name.toLowerCase()) {
      case '_result':
        this.#result(command);
        return;
      case '_error':
        this.#error(command);
        return;
      case 'onstatus':
        this.#status(command.args);
        return;
      case 'onplaystatus':
        if (codeOf(command.args) === 'NetStream.Play.Complete') this.#end.failed('the stream is complete');
        return;
      case 'close':
        this.#end.failed('the peer called the connection off');
        return;
      default:
    }
  }

  /** Media have come: some peers send no status before them. */
  media(): void {
    if (this.#purpose.kind === 'play' && this.streamId !== 0) this.#accept();
  }

  /** The peer's StreamEOF. */
  endOfStream(): void {
    if (this.#purpose.kind === 'play' && this.#accepted) this.#end.ended();
  }

  /** What to say before the connection is closed. */
  farewell(): readonly OutMessage[] {
    if (this.streamId === 0) return [];
    const { kind, name } = this.#purpose;
    const bye = writeCommand('deleteStream', 0, [null, this.streamId]);
    return kind === 'publish' ? [writeCommand('FCUnpublish', 0, [null, name]), bye] : [bye];
  }

  #result({ transactionId, args }: Command): void {
    const { kind, name } = this.#purpose;
    if (transactionId === CONNECT) {
      const create = writeCommand('createStream', CREATE_STREAM, [null]);
      if (kind === 'play') this.#end.send(create);
      else
        this.#end.send(
          writeCommand('releaseStream', RELEASE_STREAM, [null, name]),
          writeCommand('FCPublish', FC_PUBLISH, [null, name]),
          create,
        );
    } else if (transactionId === CREATE_STREAM && this.streamId === 0) {
      const id = args[1];
      if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 0xffffffff) {
        this.#end.failed('the peer created no stream');
        return;
      }
      this.streamId = id;
      this.#begin(id);
    }
  }

  #begin(id: number): void {
    const purpose = this.#purpose;
    if (purpose.kind === 'publish') {
      this.#end.send({ ...writeCommand('publish', PUBLISH, [null, purpose.name, 'live'], id), csid: 4 });
    } else {
      const { name, start, duration } = purpose;
      this.#end.send({ ...writeCommand('play', PLAY, [null, name, start, duration], id), csid: 4 });
    }
  }

  #error({ transactionId, args }: Command): void {
    // Both are courtesies that not every server knows.
    if (transactionId === RELEASE_STREAM || transactionId === FC_PUBLISH) return;
    this.#end.failed(`refused by the peer: ${reasonOf(args)}`);
  }

  #status(args: readonly AmfValue[]): void {
    const code = codeOf(args);
    const info = infoOf(args);
    if (REFUSALS.has(code.toLowerCase()) || info['level'] === 'error') {
      this.#end.failed(`refused by the peer: ${reasonOf(args)}`);
      return;
    }
    switch (code) {
      case 'NetStream.Publish.Start':
        if (this.#purpose.kind === 'publish') this.#accept();
        return;
      case 'NetStream.Play.Start':
        if (this.#purpose.kind === 'play') this.#accept();
        return;
      case 'NetStream.Play.UnpublishNotify':
      case 'NetStream.Play.Stop':
        this.endOfStream();
        return;
      default:
    }
  }

  #accept(): void {
    if (this.#accepted || this.streamId === 0) return;
    this.#accepted = true;
    this.#end.accepted();
  }
}

function infoOf(args: readonly AmfValue[]): { readonly [key: string]: AmfValue } {
  for (const value of args) if (isAmfObject(value) && typeof value['code'] === 'string') return value;
  return {};
}

function codeOf(args: readonly AmfValue[]): string {
  const { code } = infoOf(args);
  return typeof code === 'string' ? code : '';
}

/** Code and description as a log line may show them. */
function reasonOf(args: readonly AmfValue[]): string {
  const { description } = infoOf(args);
  const parts = [codeOf(args), typeof description === 'string' ? description : ''].filter(
    (part) => part !== '',
  );
  const text = parts
    .join(': ')
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim();
  return text === '' ? 'without a reason' : text.slice(0, 256);
}
