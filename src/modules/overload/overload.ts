import { msecOrOff, value } from '../../config/rows.ts';
import { parseNumber } from '../../config/values.ts';
import { Refused } from '../../core/applications/refused.ts';
import { type ApplicationContext, applicationService, type Module } from '../../core/module.ts';

/** Directives about the state in which no more players are let in. */
const overloadTable = {
  overload_lag: msecOrOff(
    500,
    'New players are refused while the event loop is late by this much on average, so that those who play already do not suffer.',
    { shown: '500ms', example: 'overload_lag 250ms;' },
  ),
  overload_memory: value<number | null>(
    ([word], context) => {
      if (word!.value.toLowerCase() === 'off') return null;
      const match = /^([0-9]{1,3})%$/.exec(word!.value);
      const percent = match === null ? null : parseNumber(match[1]!);
      if (percent === null || percent < 1 || percent > 100) {
        return context.fail(
          `"${context.name}" directive invalid value "${word!.value}"`,
          word!.at,
          'a share of the memory, 1% to 100%, or off',
        );
      }
      return percent / 100;
    },
    0.9,
    'New players are refused while the process uses this much of the memory it may have: that of its control group or machine, or of its heap.',
    'percent% | off',
    { shown: '90%', example: 'overload_memory 80%;' },
  ),
} as const;

/** Refuses new players where more of them would make those suffer who play already. */
export const overloadModule: Module = {
  name: 'overload',
  tables: { application: overloadTable },
  application: applicationService(overloadTable, {
    enabled: ({ overload_lag: lag, overload_memory: memory }) => lag !== null || memory !== null,
    start: ({ overload_lag: mostLag, overload_memory: mostMemory }, { limit, hub }: ApplicationContext) => {
      limit(({ action, client }) => {
        // A stream on its way to another worker or server carries many players.
        if (action !== 'play' || client.origin !== 'client') return;
        const { lag, memory } = hub.audience.load;
        if (mostLag !== null && lag > mostLag) throw new Refused('overloaded', 'the server is overloaded');
        if (mostMemory !== null && memory > mostMemory) {
          throw new Refused('overloaded', 'the server is short of memory');
        }
      });
      return {};
    },
  }),
};
