import type { PlaylistUpdate } from '../../core/applications/playlists.ts';
import type { Recording, RecordingEnd } from '../../core/applications/recordings.ts';
import type { Client, PlayRequest, PublishRequest, Request } from '../../core/applications/request.ts';

export type Field = readonly [name: string, value: string | number];

/** What one request says: fields in the order of nginx-rtmp, then the client's own arguments. */
export interface Message {
  readonly fields: readonly Field[];
  /** The client's query as it sent it. */
  readonly args: string;
}

/** The longest way to publish that is passed on. */
const MAX_TYPE = 31;

/** The fields that every callback but on_connect begins with. */
function base(app: string, client: Client): Field[] {
  const { flashver, swfurl, tcurl, pageurl, address, id } = client;
  return [
    ['app', app],
    ['flashver', flashver],
    ['swfurl', swfurl],
    ['tcurl', tcurl],
    ['pageurl', pageurl],
    ['addr', address],
    ['clientid', id],
  ];
}

export function connectMessage(app: string, client: Client): Message {
  const fields = base(app, client).filter(([name]) => name !== 'clientid');
  return {
    fields: [...fields, ['epoch', client.since ?? Date.now()], ['call', 'connect']],
    args: client.connectArgs,
  };
}

/** `app` stands twice, as it always has. */
export function disconnectMessage(app: string, client: Client): Message {
  return {
    fields: [...base(app, client), ['call', 'disconnect'], ['app', app]],
    args: client.connectArgs,
  };
}

/** `name` is that of the client's command. */
export function publishMessage(request: PublishRequest, name: string): Message {
  return {
    fields: [...ofRequest(request, 'publish'), ['name', name], ['type', request.type.slice(0, MAX_TYPE)]],
    args: request.args,
  };
}

export function playMessage(request: PlayRequest, name: string): Message {
  const { start, duration, reset, args } = request;
  return {
    fields: [
      ...ofRequest(request, 'play'),
      ['name', name],
      // As printed there: 32 bits without a sign, so -2 is 4294967294.
      ['start', start >>> 0],
      ['duration', duration >>> 0],
      ['reset', reset ? 1 : 0],
    ],
    args,
  };
}

export function doneMessage(
  request: Request,
  call: 'publish_done' | 'play_done' | 'done',
  name: string,
): Message {
  return { fields: [...ofRequest(request, call), ['name', name]], args: request.args };
}

/** `name` is that of the publisher's command, `end` null where the file has only begun. */
export function recordMessage(
  { request, recorder, path }: Recording,
  name: string,
  end: RecordingEnd | null,
): Message {
  return {
    fields: [
      ...ofRequest(request, end === null ? 'record_started' : 'record_done'),
      ...([
        ['recorder', recorder],
        ['name', name],
        ['path', path],
      ] as const),
      ...(end === null
        ? []
        : ([
            ['size', end.size],
            ['duration', end.duration],
          ] as const)),
    ],
    args: request.args,
  };
}

/** `name` is that of the publisher's command. */
export function playlistMessage({ request, module, path }: PlaylistUpdate, name: string): Message {
  return {
    fields: [...ofRequest(request, 'playlist'), ['module', module], ['name', name], ['path', path]],
    args: request.args,
  };
}

/** `time` in seconds since the session began, `timestamp` that of the stream's newest media in ms. */
export function updateMessage(request: Request, name: string, time: number, timestamp: number): Message {
  return {
    fields: [
      ...ofRequest(request, `update_${request.action}`),
      ['time', time],
      ['timestamp', timestamp],
      ['name', name],
    ],
    args: request.args,
  };
}

function ofRequest({ application, client }: Request, call: string): Field[] {
  return [...base(application.name, client), ['call', call]];
}
