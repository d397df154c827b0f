import { settingsOf } from '../config/block.ts';
import type { Application } from '../core/applications/application.ts';
import { Refused } from '../core/applications/refused.ts';
import type { Client } from '../core/applications/request.ts';
import { maskedName } from '../core/logs/log.ts';
import type { RtmpServer } from '../core/server.ts';
import { AUDIO, DATA, VIDEO } from '../media/packet.ts';
import { type AmfValue, isAmfObject } from '../wire/amf.ts';
import { ProtocolError } from '../wire/protocol-error.ts';
import { type Command, readCommand } from '../wire/rtmp/commands.ts';
import {
  AGGREGATE,
  COMMAND_AMF0,
  COMMAND_AMF3,
  DATA_AMF3,
  pingResponse,
  type RtmpMessage,
  readControl,
  setPeerBandwidth,
  USER_CONTROL,
  windowAckSize,
} from '../wire/rtmp/messages.ts';
import { onStatus, printable, replies, result } from './answers.ts';
import { type ConnectFields, connectInfo, hostOfUrl, readConnect, serverFields } from './connect.ts';
import type { Connection } from './connection.ts';
import { rtmpServerTable } from './directives.ts';
import { Playing } from './playing.ts';
import { Publishing } from './publishing.ts';
import { refuseConnect, refuseStream, sendElsewhere } from './refusing.ts';
import { renamed, streamName } from './stream-name.ts';

/** Message streams one connection may have open at a time. */
const MAX_MESSAGE_STREAMS = 16;

type Use = Publishing | Playing | null;

/** What the messages of one connection mean: commands and their answers, publishers and players. */
export class Session {
  /** How many commands have come. */
  commands = 0;
  readonly #connection: Connection;
  #server: RtmpServer | undefined;
  #application: Application | undefined;
  #client: Client | undefined;
  #connecting = false;
  /** What each created message stream is used for. */
  readonly #streams = new Map<number, Use>();
  #closed = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get connected(): boolean {
    return this.#application !== undefined;
  }

  /** Nobody publishes or plays here. */
  get idle(): boolean {
    return [...this.#streams.values()].every((use) => use === null);
  }

  get plays(): boolean {
    return [...this.#streams.values()].some((use) => use instanceof Playing);
  }

  /** Its application is no longer in the configuration. */
  get orphan(): boolean {
    return this.#application?.closed === true;
  }

  message(message: RtmpMessage): void {
    switch (message.type) {
      case AUDIO:
      case VIDEO:
      case DATA:
      case DATA_AMF3:
      case AGGREGATE:
        this.#publishing(message.streamId)?.media(message, performance.now());
        return;
      case COMMAND_AMF0:
      case COMMAND_AMF3:
        this.#command(readCommand(message.type, message.body, this.#connection.amf), message.streamId);
        return;
      default:
        this.#control(message);
    }
  }

  /** Whose media these are. Some encoders send them on another message stream than they publish on. */
  #publishing(streamId: number): Publishing | undefined {
    const use = this.#streams.get(streamId);
    if (use instanceof Publishing) return use;
    const all = [...this.#streams.values()].filter((other) => other instanceof Publishing);
    return all.length === 1 ? all[0] : undefined;
  }

  /** As that of the stream; only who does nothing but publish may rest. */
  endOfRead(now: number, mayRest: boolean): number {
    let used = 0;
    for (const use of this.#streams.values()) if (use !== null) used += 1;
    let patience = 0;
    for (const use of this.#streams.values()) {
      if (use instanceof Publishing) patience = use.endOfRead(now, mayRest && used === 1);
    }
    return patience;
  }

  /** The connection has ended or is about to. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const streamId of [...this.#streams.keys()]) this.#release(streamId, reason);
    if (this.#client !== undefined) this.#server?.disconnect(this.#client);
  }

  #control(message: RtmpMessage): void {
    const control = readControl(message.type, message.body);
    if (control === null) return;
    if (control.kind === 'windowAckSize') this.#connection.setAckWindow(control.size);
    else if (message.type === USER_CONTROL && control.kind === 'pingRequest') {
      this.#connection.send(pingResponse(control.timestamp));
    }
  }

  #command(command: Command, streamId: number): void {
    const name = command.name.toLowerCase();
    this.commands += 1;
    if (this.#application === undefined && name !== 'connect') {
      throw new ProtocolError(`command ${printable(command.name)} before connect`);
    }
    switch (name) {
      case 'connect':
        this.#connect(command);
        return;
      case 'createstream':
        this.#createStream(command);
        return;
      case 'initstream':
      case 'seek':
        return;
      case 'publish':
        this.#publish(command, streamId);
        return;
      case 'play':
        this.#play(command, streamId, command.args[1], command.args[2]);
        return;
      case 'play2': {
        const options = isAmfObject(command.args[1]) ? command.args[1] : {};
        this.#release(streamId, 'play2');
        this.#play(command, streamId, options['streamName'], options['start']);
        return;
      }
      case 'pause':
      case 'pauseraw': {
        const use = this.#streams.get(streamId);
        if (use instanceof Playing) use.pause(command.args[1] === true);
        return;
      }
      case 'receiveaudio':
      case 'receivevideo': {
        const use = this.#streams.get(streamId);
        const track = name === 'receiveaudio' ? 'audio' : 'video';
        if (use instanceof Playing) use.receive(track, command.args[1] !== false);
        return;
      }
      case 'closestream':
        this.#release(streamId, 'the client closed the stream');
        return;
      case 'deletestream': {
        const id = typeof command.args[1] === 'number' ? command.args[1] : streamId;
        this.#release(id, 'the client deleted the stream');
        this.#streams.delete(id);
        return;
      }
      case 'fcunpublish':
        this.#connection.send(...replies(command));
        this.#fcUnpublish(command);
        return;
      default:
        this.#connection.send(...replies(command));
    }
  }

  #connect(command: Command): void {
    if (this.#connecting || this.#application !== undefined) throw new ProtocolError('second connect');
    this.#connecting = true;
    this.#connection.connecting();
    const fields = readConnect(command.args[0]);
    const connection = this.#connection;
    const { listen, socket, runtime } = connection;
    const server = runtime.hub.choose(listen, socket.localAddress, hostOfUrl(fields.tcurl));
    if (server === undefined) {
      refuseConnect(connection, command, 'no server for this address');
      return;
    }
    this.#server = server;
    const client: Client = {
      id: connection.id,
      protocol: 'rtmp',
      origin: connection.listen.path === '' ? 'client' : 'unix',
      address: connection.address,
      flashver: fields.flashver,
      tcurl: fields.tcurl,
      swfurl: fields.swfurl,
      pageurl: fields.pageurl,
      connectArgs: fields.args,
      via: fields.via,
      since: connection.since,
      traffic: connection,
      log: connection.log,
    };
    connection.wait(
      server.connect(client, fields.app).then(
        (application) => this.#connected(command, fields, server, application, client),
        (error: unknown) => {
          if (!(error instanceof Refused)) throw error;
          connection.log.info({ app: fields.app, reason: error.message }, 'connect refused');
          if (error.redirect === '') refuseConnect(connection, command, error.message);
          else sendElsewhere(connection, command, fields.flashver, error);
        },
      ),
    );
  }

  #connected(
    command: Command,
    fields: ConnectFields,
    server: RtmpServer,
    application: Application,
    client: Client,
  ): void {
    const connection = this.#connection;
    if (this.#closed) {
      server.disconnect(client);
      return;
    }
    this.#application = application;
    this.#client = client;
    const settings = settingsOf(server.spec.block, rtmpServerTable);
    connection.log = application.log.child({ session: connection.id, remote: connection.address });
    connection.established(settings);
    connection.send(windowAckSize(settings.ack_window), setPeerBandwidth(settings.ack_window, 'dynamic'));
    connection.setChunkSize(settings.chunk_size);
    connection.send(result(command.transactionId, serverFields(), connectInfo(fields)));
    connection.log.debug({ flashver: fields.flashver }, 'client connected');
  }

  get #flashver(): string {
    return this.#client?.flashver ?? '';
  }

  #createStream(command: Command): void {
    let id = 1;
    while (this.#streams.has(id)) id += 1;
    if (id > MAX_MESSAGE_STREAMS) throw new ProtocolError('too many message streams');
    this.#streams.set(id, null);
    this.#connection.send(result(command.transactionId, null, id));
  }

  /** Makes a message stream free for a new use. Old clients publish and play on streams they never created. */
  #prepare(streamId: number): boolean {
    if (!this.#streams.has(streamId) && this.#streams.size >= MAX_MESSAGE_STREAMS) return false;
    const use = this.#streams.get(streamId);
    if (use instanceof Publishing) return false;
    this.#release(streamId, 'another command took the stream');
    this.#streams.set(streamId, null);
    return true;
  }

  #publish(command: Command, streamId: number): void {
    const connection = this.#connection;
    const [name, args] = streamName(command.args[1]);
    const type = typeof command.args[2] === 'string' ? command.args[2] : '';
    const application = this.#application!;
    if (!this.#prepare(streamId)) throw new ProtocolError('publish on a message stream that is in use');
    const admission = application.publish({
      action: 'publish',
      client: this.#client!,
      application,
      name,
      args,
      type: type.toLowerCase(),
      dismiss: (reason) => this.#dismiss(streamId, reason),
      hearOut: () => connection.hearOut(),
      redirect: (to) => this.#redirect(streamId, () => this.#publish(renamed(command, to), streamId)),
      tell: (level, code, description) => connection.send(onStatus(streamId, level, code, description)),
    });
    connection.wait(
      admission.then(
        (publication) => {
          if (this.#closed) {
            publication.close();
            return;
          }
          this.#streams.set(streamId, new Publishing(publication, streamId, connection.amf));
          connection.log.info({ stream: maskedName(publication.stream.name), type }, 'publish started');
          connection.send(onStatus(streamId, 'status', 'NetStream.Publish.Start', 'Start publishing'));
        },
        (error: unknown) =>
          refuseStream(connection, command, 'publish', streamId, name, this.#flashver, error),
      ),
    );
  }

  #play(command: Command, streamId: number, streamNameValue: AmfValue, startValue: AmfValue): void {
    const connection = this.#connection;
    const [name, args] = streamName(streamNameValue);
    const application = this.#application!;
    if (!this.#prepare(streamId)) throw new ProtocolError('play on a message stream that is in use');
    const reset = command.args[4] === undefined ? true : command.args[4] !== false && command.args[4] !== 0;
    const playing = new Playing(connection, streamId);
    const admission = application.play(
      {
        action: 'play',
        client: this.#client!,
        application,
        name,
        args,
        start: typeof startValue === 'number' ? startValue : 0,
        duration: typeof command.args[3] === 'number' ? command.args[3] : 0,
        reset: command.args[4] !== undefined && reset,
        listener: playing.listener,
        dismiss: (reason) => this.#dismiss(streamId, reason),
        redirect: (to) => this.#redirect(streamId, () => this.#play(command, streamId, to, startValue)),
      },
      application.settings.idle_streams,
    );
    connection.wait(
      admission.then(
        (subscription) => {
          if (this.#closed) {
            subscription.close();
            return;
          }
          this.#streams.set(streamId, playing);
          connection.log.info({ stream: maskedName(subscription.stream.name) }, 'play started');
          playing.begin(subscription, reset);
        },
        (error: unknown) => refuseStream(connection, command, 'play', streamId, name, this.#flashver, error),
      ),
    );
  }

  /** The server ends a publication or subscription. */
  #dismiss(streamId: number, reason: string): void {
    const use = this.#streams.get(streamId);
    if (use instanceof Playing) {
      this.#connection.send(onStatus(streamId, 'status', 'NetStream.Play.Stop', 'Stop live'));
    } else if (use instanceof Publishing) {
      this.#connection.send(onStatus(streamId, 'status', 'NetStream.Unpublish.Success', reason));
    }
    this.#connection.close(reason);
  }

  /** The server has a message stream used for another name. */
  #redirect(streamId: number, again: () => void): boolean {
    if (this.#closed || this.#connection.waiting) return false;
    this.#release(streamId, 'redirected to another name');
    again();
    return true;
  }

  /** Ends what a message stream is used for. */
  #release(streamId: number, reason: string): void {
    const use = this.#streams.get(streamId);
    if (use === undefined || use === null) return;
    this.#streams.set(streamId, null);
    use.close();
    const kind = use instanceof Publishing ? 'publish ended' : 'play ended';
    this.#connection.log.info({ stream: maskedName(nameOf(use)), reason, ...use.account }, kind);
    if (use instanceof Publishing && !this.#closed) {
      this.#connection.send(onStatus(streamId, 'status', 'NetStream.Unpublish.Success', 'Stop publishing'));
    }
  }

  #fcUnpublish(command: Command): void {
    const [name] = streamName(command.args[1]);
    for (const [streamId, use] of this.#streams) {
      if (use instanceof Publishing && (name === '' || use.publication.request.name === name)) {
        this.#release(streamId, 'the client stopped publishing');
      }
    }
  }
}

function nameOf(use: Publishing | Playing): string {
  return use instanceof Publishing ? use.publication.stream.name : use.name;
}
