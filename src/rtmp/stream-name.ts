import { splitOnce } from '../core/net/addresses.ts';
import type { AmfValue } from '../wire/amf.ts';
import type { Command } from '../wire/rtmp/commands.ts';

/** A publish command as if it had named another stream. */
export function renamed(command: Command, name: string): Command {
  return { ...command, args: command.args.with(1, name) };
}

/** The name and the query of a stream as the client wrote it. */
export function streamName(value: AmfValue): readonly [string, string] {
  const [name, args] = splitOnce(typeof value === 'string' ? value : '', '?');
  return [name, args ?? ''];
}
