import { orderedSettings } from '../../config/block.ts';
import { value } from '../../config/rows.ts';
import type { Word } from '../../config/statement.ts';
import type { ReadContext, ValueRow } from '../../config/table.ts';
import { Refused } from '../../core/applications/refused.ts';
import type { Request } from '../../core/applications/request.ts';
import { applicationService, type Module } from '../../core/module.ts';
import { networkTest, readNetwork } from '../../core/net/networks.ts';

const GROUP = 'stream_access';

/** One `allow` or `deny` of an application. */
interface Rule {
  /** Null: both. */
  readonly action: Request['action'] | null;
  readonly network: string;
}

function readRule(words: readonly Word[], context: ReadContext): Rule {
  const [first, second] = words;
  if (second === undefined) return { action: null, network: readNetwork(first!, context) };
  const action = first!.value.toLowerCase();
  if (action !== 'publish' && action !== 'play') {
    return context.fail(`invalid parameter "${first!.value}"`, first!.at, 'publish or play, then an address');
  }
  return { action, network: readNetwork(second, context) };
}

function rule(help: string, example: string): ValueRow<Rule> {
  return value(readRule, { action: null, network: 'all' }, help, '[publish | play] address | CIDR | all', {
    max: 2,
    repeat: 'list',
    merge: 'append',
    group: GROUP,
    example,
  });
}

const table = {
  allow: rule(
    'Clients that may publish or play. Allow and deny are tried in order, inner blocks first; the first that fits decides.',
    'allow publish 192.168.0.0/16;',
  ),
  deny: rule(
    'Clients that may not publish or play. Tried before any callback, exec or push starts.',
    'deny publish all;',
  ),
} as const;

/** Who may publish and play, by address. */
export const accessModule: Module = {
  name: 'access',
  tables: { application: table },
  application: applicationService(table, {
    enabled: (conf) => orderedSettings(conf, GROUP).length > 0,
    start(conf, context) {
      const rules = orderedSettings(conf, GROUP).map(({ name, value: setting }) => {
        const { action, network } = setting as Rule;
        return { allow: name === 'allow', action, matches: networkTest(network) };
      });
      context.gate((request) => {
        const { origin, address } = request.client;
        if (origin !== 'client') return;
        const first = rules.find(
          (r) => (r.action ?? request.action) === request.action && r.matches(address),
        );
        if (first?.allow === false) throw new Refused('denied', `${request.action} is not allowed from here`);
      });
      return {};
    },
  }),
};
