import { type Block, settingsOf } from '../../config/block.ts';
import type { Settings } from '../../config/table.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Hub } from '../../core/hub.ts';
import { serveFile } from '../../http/answers/files.ts';
import { wholeOf } from '../../http/answers/streamed-body.ts';
import type { Handled } from '../../http/handler.ts';
import type { Answer, Exchange, StreamedBody } from '../../http/requests/exchange.ts';
import { checkShown, shownIn } from './check.ts';
import { type FilesApplication, type signFilesTable, signTable } from './directives.ts';
import { streamsOf } from './names.ts';
import { withArguments } from './playlist.ts';

/** The longest playlist that is read from the disk to be changed. */
const MOST_PLAYLIST_BYTES = 8 * 1024 * 1024;

/** Serves a file of an application to clients whose URL is signed for its stream. */
export async function serveSigned(
  exchange: Exchange,
  { sign_files: named }: Settings<typeof signFilesTable>,
): Promise<Handled> {
  const block = named === null ? undefined : applicationBlock(exchange.runtime.hub, named, exchange.host);
  if (block === undefined) return refusal(exchange, 'there is no such application');
  const conf = settingsOf(block, signTable);
  // A browser asks without its URL's query what it may ask for.
  if (!conf.sign.includes('play') || exchange.method === 'OPTIONS') return 'declined';
  const shown = shownIn(exchange.args, conf.sign_args);
  const names = streamsOf(pathBelow(exchange), block);
  try {
    if (names.length === 0) throw new Refused('denied', 'the path is that of no stream');
    checkShown(shown, { action: 'play', application: block.key, names }, exchange, conf);
  } catch (error) {
    if (error instanceof Refused) return refusal(exchange, error.message);
    throw error;
  }
  return /\.m3u8$/.test(exchange.uri) ? servePlaylist(exchange, shown!.query) : 'declined';
}

function applicationBlock(hub: Hub, { port, name }: FilesApplication, host: string): Block | undefined {
  const servers = port === null ? hub.servers : [hub.chooseByPort(port, host === '' ? null : host)];
  for (const server of servers) {
    const block = server?.spec.applications.find(({ key }) => key === name);
    if (block !== undefined) return block;
  }
  return undefined;
}

/** What follows the location's prefix. */
function pathBelow({ uri, place }: Exchange): string {
  const { match } = place;
  const prefix = match === null || match.kind === 'pattern' || match.kind === 'named' ? '/' : match.uri;
  return (uri.startsWith(prefix) ? uri.slice(prefix.length) : uri).replace(/^\//, '');
}

/** The page's script is to see the reason, so the added headers of the place go with it. */
function refusal(exchange: Exchange, reason: string): Answer {
  exchange.log.info({ reason }, 'signed file refused');
  return { status: 403, reason, addHeaders: 'always' };
}

async function servePlaylist(exchange: Exchange, query: string): Promise<Handled> {
  // A part of the file would be another part of what is sent.
  delete exchange.request.headers.range;
  const answer = await serveFile(exchange);
  if ('to' in answer) return 'declined';
  if (answer.status !== 200 || answer.body === undefined) return answer;
  const text = await textOf(answer.body);
  if (text === null) return { status: 500, reason: 'the playlist is too long' };
  return { ...answer, body: Buffer.from(withArguments(text, query)) };
}

async function textOf(body: Buffer | string | StreamedBody): Promise<string | null> {
  if (typeof body === 'string') return body;
  if (Buffer.isBuffer(body)) return body.toString('utf8');
  if (body.length > MOST_PLAYLIST_BYTES) {
    body.close();
    return null;
  }
  return (await wholeOf(body)).toString('utf8');
}
