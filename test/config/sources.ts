import { type Config, LoadError, loadConfig } from '../../src/config/config.ts';
import { memoryFiles } from '../../src/config/files.ts';
import { printText } from '../../src/config/print.ts';
import {
  anyOf,
  flag,
  list,
  msec,
  msecOrOff,
  number,
  oneOf,
  sec,
  size,
  text,
  value,
} from '../../src/config/rows.ts';
import type { BlockRow, Context, TableSource } from '../../src/config/table.ts';

function block<T>(
  opens: Context,
  contexts: readonly Context[],
  rest: Pick<BlockRow<T>, 'read' | 'key'> & Partial<BlockRow<T>>,
): BlockRow<T> {
  return { kind: 'block', opens, contexts, min: 0, max: 0, syntax: '{ ... }', help: 'A block.', ...rest };
}

const name = { read: ([word]: readonly { value: string }[]) => word!.value, min: 1, max: 1 };

const unsupported = { min: 1, max: 1, block: false, disposition: 'unsupported' } as const;

/** A small language with every kind of row, in the shape of the real one. */
export const sources: readonly TableSource[] = [
  {
    name: 'core',
    inert: [
      {
        ...unsupported,
        names: 'not_yet',
        contexts: ['application', 'location'],
        later: true,
        reason: 'do it by hand',
      },
      { ...unsupported, names: 'never', contexts: ['http', 'location'], reason: '' },
      {
        ...unsupported,
        names: 'harmless',
        contexts: ['http'],
        disposition: 'ignored',
        reason: 'nobody needs it',
      },
      { ...unsupported, names: 'other_world', contexts: ['main'], min: 0, max: 0, block: true, reason: '' },
      {
        ...unsupported,
        names: 'idle_world',
        contexts: ['http'],
        block: true,
        disposition: 'ignored',
        reason: 'nobody needs it',
      },
    ],
    tables: {
      main: {
        worker_processes: number(1, 'Processes.'),
        error_log: list(([word]) => word!.value, 'The log.', 'FILE', {
          contexts: ['main', 'http', 'server'],
        }),
        rtmp: block('rtmp', ['main'], { read: () => null, key: () => '' }),
        http: block('http', ['main'], { read: () => null, key: () => '' }),
      },
    },
  },
  {
    name: 'rtmp',
    tables: {
      rtmp: { server: block('rtmp_server', ['rtmp'], { read: () => null, key: null }) },
      rtmp_server: {
        listen: list(
          ([word, ...more], context) =>
            more.length === 0
              ? word!.value
              : context.fail(`invalid parameter "${more[0]!.value}"`, more[0]!.at),
          'Listens.',
          'port',
          { contexts: ['rtmp_server'], min: 1, max: Number.POSITIVE_INFINITY },
        ),
        chunk_size: number(4096, 'Bytes of a chunk.', { least: 128, most: 65536 }),
        application: block<string>('application', ['rtmp_server'], { ...name, key: (app) => app }),
      },
      application: {
        live: flag(false, 'Live streams.'),
        meta: oneOf(['on', 'off', 'copy'], 'on', 'Metadata.'),
        sync: msec(300, 'Lag.', { shown: '300ms' }),
        drop_idle_publisher: msecOrOff(null, 'Idle.'),
        buflen: sec(1, 'Buffer.'),
        out_queue: size(256, 'Queue.'),
        push: list(([word]) => word!.value, 'Relays.', 'url', { contexts: ['application'], merge: 'own' }),
        exec: list((words) => words.map((word) => word.value), 'Programs.', 'program', {
          merge: 'append',
          max: Number.POSITIVE_INFINITY,
        }),
        on_publish: text('', 'Asks.', { repeat: 'last' }),
        allow: value(([word]) => word!.value, '', 'Lets in.', 'address', {
          group: 'access',
          merge: 'append',
        }),
        deny: value(([word]) => word!.value, '', 'Keeps out.', 'address', {
          group: 'access',
          merge: 'append',
        }),
        recorder: block<string>('recorder', ['application'], {
          ...name,
          key: (id) => id,
          duplicates: 'ignored',
        }),
      },
      recorder: {
        record: anyOf(['off', 'all', 'audio', 'video', 'keyframes', 'manual'], [], 'Records.'),
        record_path: text('', 'Where.'),
      },
    },
  },
  {
    name: 'http',
    tables: {
      http: {
        server: block('server', ['http'], { read: () => null, key: null }),
        map: block<readonly string[]>('map', ['http'], {
          read: (words) => words.map((word) => word.value),
          min: 2,
          max: 2,
          key: null,
          repeat: 'list',
          initial: [],
          data: (words, statements) => [
            { words, cases: statements.map((statement) => [statement.name, statement.args[0]?.value ?? '']) },
          ],
        }),
      },
      server: {
        if: block<string>('server_if', ['server'], {
          read: (words) => words.map((word) => word.value).join(' '),
          min: 1,
          max: Number.POSITIVE_INFINITY,
          key: null,
          group: 'rewrite',
        }),
        location: block<string>('location', ['server', 'location'], {
          read: (words) => words.map((word) => word.value).join(' '),
          min: 1,
          max: 2,
          key: (path) => path,
        }),
      },
      location: {
        root: text('html', 'Files.', { contexts: ['http', 'server', 'location', 'location_if'] }),
        flv_live: flag(false, 'Streams.', { contexts: ['location'] }),
        add_header: list((words) => words.map((word) => word.value), 'Headers.', 'name value', {
          min: 2,
          max: 3,
        }),
        types: block<null>('types', ['http', 'server', 'location'], {
          read: () => null,
          key: null,
          repeat: 'or',
          initial: { html: 'text/html' },
          data: (_, statements) =>
            Object.fromEntries(
              statements.flatMap((statement) => statement.args.map((word) => [word.value, statement.name])),
            ),
        }),
        return: value(([word]) => word!.value, '', 'Answers.', 'code', {
          contexts: ['server', 'location', 'server_if', 'location_if'],
          group: 'rewrite',
        }),
        if: block<string>('location_if', ['location'], {
          read: (words) => words.map((word) => word.value).join(' '),
          min: 1,
          max: Number.POSITIVE_INFINITY,
          key: null,
          group: 'rewrite',
        }),
      },
    },
  },
];

/** Loads a configuration from memory; `main` is /srv/conf/media.conf. */
export function load(
  main: string,
  others: Readonly<Record<string, string | Uint8Array>> = {},
  globals = '',
): Config {
  return loadConfig({
    file: '/srv/conf/media.conf',
    globals,
    sources,
    files: memoryFiles({ '/srv/conf/media.conf': main, ...others }),
  });
}

/** The findings of a configuration as printed, whether it holds or not. */
function printed(
  main: string,
  others: Readonly<Record<string, string | Uint8Array>> = {},
  globals = '',
): string {
  const show = (text: string) => text.replaceAll('/srv/conf/media.conf', 'media.conf');
  try {
    const config = load(main, others, globals);
    return show(printText(config.warnings, { files: config.files }));
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return show(printText(error.diagnostics, { files: error.files }));
  }
}

/** The first lines of all findings, without the program's name. */
export function messages(
  main: string,
  others: Readonly<Record<string, string | Uint8Array>> = {},
  globals = '',
): string[] {
  return printed(main, others, globals)
    .split('\n')
    .filter((line) => line.startsWith('mediad: '))
    .map((line) => line.slice('mediad: '.length));
}
