import { value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { Context, ReadContext } from '../../config/table.ts';
import { parseSize } from '../../config/values.ts';
import { constantOf, readTemplate, type Template } from '../values/template.ts';

const CONTEXTS: readonly Context[] = ['http', 'server', 'location', 'location_if'];

function readSize([word]: readonly Word[], context: ReadContext): Template {
  const template = readTemplate(word!, context);
  if (template.parts.some((part) => typeof part !== 'string' && part.variable === 'limit_rate')) {
    context.fail('$limit_rate is what is being said here', word!.at);
  }
  const text = constantOf(template);
  if (text !== null && parseSize(text) === null) {
    context.fail(`invalid value "${text}"`, word!.at, 'a size, for example 500k');
  }
  return template;
}

const NONE: Template = { parts: ['0'] };

/** Directives of answers that are sent slowly. */
export const paceTable = {
  limit_rate: value<Template>(
    readSize,
    NONE,
    'Bytes per second of an answer with a file or a text, for each request; 0: as fast as the client reads. Live streams are not slowed down.',
    'size',
    { contexts: CONTEXTS, shown: '0', example: 'limit_rate 500k;' },
  ),
  limit_rate_after: value<Template>(
    readSize,
    NONE,
    'The first bytes of an answer, which limit_rate does not slow down.',
    'size',
    { contexts: CONTEXTS, shown: '0', example: 'limit_rate_after 2m;' },
  ),
} as const;
