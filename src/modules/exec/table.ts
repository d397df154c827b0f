import { constants } from 'node:os';
import type { SettingsWithin } from '../../config/block.ts';
import { flag, msec, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext, Settings, ValueRow } from '../../config/table.ts';
import { parseFlag, parseNumber } from '../../config/values.ts';
import type { WrittenLine } from './line.ts';

/** All lines of an application in one list, in the order of the file, as `exec_options` counts for those after it. */
export const EXEC_GROUP = 'exec_lines';

const MANY = Number.POSITIVE_INFINITY;

function readWords(words: readonly Word[], context: ReadContext): WrittenLine {
  return { level: context.context, words: words.map((word) => word.value) };
}

function readOptions(words: readonly Word[], context: ReadContext): WrittenLine {
  const [word] = words;
  const on =
    parseFlag(word!.value) ??
    context.fail(
      `invalid value "${word!.value}" in "${context.name}" directive, it must be "on" or "off"`,
      word!.at,
    );
  return { level: context.context, words: [on ? 'on' : 'off'] };
}

const EMPTY: WrittenLine = { level: 'rtmp', words: [] };

function program(help: string, example: string): ValueRow<WrittenLine> {
  return value(readWords, EMPTY, help, 'PROGRAM [ARGUMENT | [N]>FILE | [N]>>FILE | [N]<FILE | N>&M] ...', {
    max: MANY,
    repeat: 'list',
    merge: 'append',
    group: EXEC_GROUP,
    example,
  });
}

const SIGNALS = Object.keys(constants.signals) as NodeJS.Signals[];

function readSignal([word]: readonly Word[], context: ReadContext): NodeJS.Signals {
  const written = word!.value.toUpperCase().replace(/^SIG/, '');
  const number = parseNumber(written);
  return (
    SIGNALS.find((name) =>
      number === null ? name === `SIG${written}` : constants.signals[name] === number,
    ) ??
    context.fail(`unknown signal "${word!.value}"`, word!.at, 'a name without SIG, such as term, or a number')
  );
}

/** Directives of programs that are run. */
export const execTable = {
  exec: program(
    'Runs the program while a stream is published, and again when it ends; the same as exec_push. It may hold $name, $args, $app, $addr, $flashver, $swfurl, $tcurl, $pageurl and, in braces, variables of the environment; no shell is used. What it prints is not kept, but the end of what it says on descriptor 2 is logged when it fails.',
    'exec ffmpeg -i rtmp://localhost/$app/$name -c copy -f flv rtmp://localhost/hls/$name_src;',
  ),
  exec_push: program(
    'Runs the program while a stream is published, and again when it ends.',
    'exec_push recorder.sh $app $name 2>>logs/recorder-$name.log;',
  ),
  exec_pull: program(
    'Runs the program, which is to publish the stream, while somebody plays a name that nobody else publishes. It may hold $name and $app.',
    'exec_pull ffmpeg -re -i files/$name.mp4 -c copy -f flv rtmp://localhost/$app/$name;',
  ),
  exec_static: program(
    'Runs the program from the start of the server to its end, and again whenever it ends, whatever respawn says. Its arguments are taken as they stand.',
    'exec_static ffmpeg -re -f lavfi -i testsrc -f flv rtmp://localhost/live/test;',
  ),
  exec_publish: program(
    'Runs the program once when a stream begins to be published. It is left alone then.',
    'exec_publish notify.sh start $app/$name;',
  ),
  exec_publish_done: program(
    'Runs the program once when a publisher has ended.',
    'exec_publish_done notify.sh stop $app/$name;',
  ),
  exec_play: program('Runs the program once when a client begins to play.', 'exec_play count.sh + $name;'),
  exec_play_done: program(
    'Runs the program once when a client has ceased to play.',
    'exec_play_done count.sh - $name;',
  ),
  exec_options: value<WrittenLine>(
    readOptions,
    EMPTY,
    'Makes arguments such as name=NEWS of the lines that follow in the same block say for which streams they are; there may be several.',
    'on | off',
    {
      repeat: 'list',
      merge: 'append',
      group: EXEC_GROUP,
      shown: 'off',
      example: 'exec_options on; exec_push upload.sh $name name=news name=sport;',
    },
  ),
  respawn: flag(true, 'Whether programs of exec_push and exec_pull are run again when they end.', {
    example: 'respawn off;',
  }),
  respawn_timeout: msec(
    5000,
    'How long a program is left ended before it is run again; doubled, up to a minute, each time that it lasts less than 10 s.',
    { shown: '5s', example: 'respawn_timeout 1s;' },
  ),
  exec_kill_signal: value<NodeJS.Signals>(
    readSignal,
    'SIGTERM',
    'The signal that ends a program that is no longer wanted, with all that it has started. What is left of them after exec_kill_timeout is killed.',
    'NAME | number',
    { repeat: 'last', shown: 'term', example: 'exec_kill_signal int;' },
  ),
  exec_kill_timeout: msec(5000, 'How long a program may take to end after the signal before it is killed.', {
    shown: '5s',
    most: 60_000,
    example: 'exec_kill_timeout 2s;',
  }),
} as const;

/** Programs of recordings; those of a recorder take the place of its application's. */
export const recordingTable = {
  exec_record_started: program(
    'Runs the program once when the first frame of a recording comes. It may hold $path, $filename, $basename, $dirname and $recorder besides.',
    'exec_record_started notify.sh recording $path;',
  ),
  exec_record_done: program(
    'Runs the program once when a recording is whole on the disk. It may hold $path, $filename, $basename (without its ending), $dirname, $recorder, $size (bytes) and $duration (ms) besides.',
    'exec_record_done ffmpeg -i $path -c copy $dirname/$basename.mp4;',
  ),
} as const;

/** What the service of an application is run by. */
export const applicationSettings = { ...execTable, ...recordingTable } as const;
export type ApplicationSettings = SettingsWithin<typeof applicationSettings, typeof recordingTable>;
export type ExecSettings = Settings<typeof execTable>;
