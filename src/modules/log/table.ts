import { list, msec, size, value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext } from '../../config/table.ts';
import { readTemplate, type Template, templateOf } from '../../http/values/template.ts';
import { isVariable, VARIABLES } from './variables.ts';

/** How values are made safe in a line. */
export type Escape = 'default' | 'json' | 'none';

/** One `log_format`. */
export interface SessionFormat {
  readonly name: string;
  readonly escaping: Escape;
  readonly line: Template;
}

/** One `access_log`; null is `off`. */
export type SessionLog = { readonly path: string; readonly format: string } | null;

/** The format of the name that needs no `log_format`. */
export const COMBINED: SessionFormat = {
  name: 'combined',
  escaping: 'default',
  line: templateOf(
    '$remote_addr [$time_local] $command "$app" "$name" "$args" - $bytes_received $bytes_sent "$pageurl" "$flashver" ($session_readable_time)',
  )!,
};

/** Directives of the log of sessions. */
export const logTable = {
  access_log: list<SessionLog>(
    ([path, format]) =>
      path!.value === 'off' && format === undefined
        ? null
        : { path: path!.value, format: (format?.value ?? COMBINED.name).toLowerCase() },
    'A file that gets one line for each session that ends; several may stand together, inner ones replace outer ones.',
    'path [format] | off',
    { max: 2, shown: 'off', example: 'access_log logs/rtmp.log;' },
  ),
  log_format: value<readonly SessionFormat[]>(
    readFormat,
    [],
    `A form of the lines, by a name that access_log refers to. Variables: $${VARIABLES.join(', $')}.`,
    'name [escape=default|json|none] string ...',
    {
      min: 2,
      max: Number.POSITIVE_INFINITY,
      repeat: 'list',
      merge: 'append',
      example: 'log_format short "$remote_addr $protocol $command $app/$name $session_time";',
    },
  ),
  log_interval: msec(
    0,
    'Writes a line for each session that publishes or plays this often, too; its bytes are then those since the line before. 0: never.',
    { shown: '0', example: 'log_interval 1m;' },
  ),
  log_size: size(1024 * 1024, 'Longer lines are cut.', { example: 'log_size 4k;', shown: '1m', least: 1 }),
} as const;

function readFormat(words: readonly Word[], context: ReadContext): readonly SessionFormat[] {
  const [name, second, ...rest] = words;
  const escaping = /^escape=(.*)$/.exec(second!.value)?.[1];
  if (escaping !== undefined && escaping !== 'default' && escaping !== 'json' && escaping !== 'none') {
    context.fail(`unknown log format escaping "${escaping}"`, second!.at, 'default, json or none');
  }
  const strings = escaping === undefined ? [second!, ...rest] : rest;
  const parts = strings.flatMap((word) => {
    const template = readTemplate(word, context);
    for (const part of template.parts) {
      if (typeof part !== 'string' && !isVariable(part.variable)) {
        context.fail(`unknown variable "$${part.variable}"`, word.at, `there are $${VARIABLES.join(', $')}`);
      }
    }
    return template.parts;
  });
  return [{ name: name!.value.toLowerCase(), escaping: (escaping ?? 'default') as Escape, line: { parts } }];
}
