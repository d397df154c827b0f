import type { Client } from '../../core/applications/request.ts';
import { localTime } from '../../http/values/clock.ts';

/** What a line tells of a session. */
export interface SessionNote {
  readonly client: Client;
  readonly app: string;
  /** Wall clock, ms, of its coming and of the line. */
  readonly since: number;
  readonly now: number;
  readonly published: boolean;
  readonly played: boolean;
  /** Of what was published or played last. */
  readonly name: string;
  readonly args: string;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

type Lookup = (note: SessionNote) => string;

const lookups: Readonly<Record<string, Lookup>> = {
  connection: ({ client }) => String(client.id),
  remote_addr: ({ client }) => client.address,
  app: ({ app }) => app,
  flashver: ({ client }) => client.flashver,
  swfurl: ({ client }) => client.swfurl,
  tcurl: ({ client }) => client.tcurl,
  pageurl: ({ client }) => client.pageurl,
  protocol: ({ client }) => client.protocol,
  command: ({ published, played }) =>
    published && played ? 'PLAY+PUBLISH' : published ? 'PUBLISH' : played ? 'PLAY' : 'NONE',
  name: ({ name }) => name,
  args: ({ args }) => args,
  bytes_sent: ({ bytesSent }) => String(bytesSent),
  bytes_received: ({ bytesReceived }) => String(bytesReceived),
  time_local: ({ now }) => localTime(now),
  msec: ({ now }) => (now / 1000).toFixed(3),
  session_time: (note) => String(secondsOf(note)),
  session_readable_time: (note) => readableTime(secondsOf(note)),
};

/** The names of all variables. */
export const VARIABLES: readonly string[] = Object.keys(lookups);

export function isVariable(name: string): boolean {
  return Object.hasOwn(lookups, name);
}

/** The value of a variable that `isVariable` knows. */
export function variableOf(name: string, note: SessionNote): string {
  return lookups[name]!(note);
}

function secondsOf({ since, now }: SessionNote): number {
  return Math.max(Math.floor((now - since) / 1000), 0);
}

/** `1d 2h 3m 4s`, without the units in front that are zero. */
function readableTime(seconds: number): string {
  const units = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = units.findIndex(([count]) => count > 0);
  return units
    .slice(first < 0 ? 3 : first)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
