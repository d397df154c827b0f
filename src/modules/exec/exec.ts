import { orderedSettings } from '../../config/block.ts';
import type { Hub } from '../../core/hub.ts';
import type { Logger } from '../../core/logs/log.ts';
import { type Module, serverService, serviceWithin } from '../../core/module.ts';
import { hasPrograms, startApplication } from './application.ts';
import { checkExec } from './check.ts';
import { SharedStatics, startStatics } from './statics.ts';
import { applicationSettings, EXEC_GROUP, execTable, recordingTable } from './table.ts';
import { type Warden, WardenProcess } from './warden.ts';

/** What all programs of a process share. */
interface Shared {
  readonly warden: Warden;
  readonly statics: SharedStatics;
}

const perHub = new WeakMap<Hub, Shared>();

function sharedOf(hub: Hub, log: Logger): Shared {
  const known = perHub.get(hub);
  if (known !== undefined) return known;
  const shared = { warden: new WardenProcess(log), statics: new SharedStatics() };
  perHub.set(hub, shared);
  return shared;
}

/** Programs that are run for streams, players and the server itself. */
export const execModule: Module = {
  name: 'exec',
  tables: { application: execTable, recorder: recordingTable },
  check: checkExec,
  application: serviceWithin(
    applicationSettings,
    { name: 'recorder', table: recordingTable },
    {
      enabled: (conf) =>
        hasPrograms(orderedSettings(conf, EXEC_GROUP)) ||
        Object.values(conf.within).some((one) => hasPrograms(orderedSettings(one, EXEC_GROUP))),
      start: (conf, context) => startApplication(conf, context, sharedOf(context.hub, context.log).warden),
    },
  ),
  server: serverService(execTable, {
    enabled: (conf) => hasPrograms(orderedSettings(conf, EXEC_GROUP), ['rtmp', 'rtmp_server']),
    start(conf, context) {
      const { warden, statics } = sharedOf(context.hub, context.log);
      return startStatics(conf, context, warden, statics);
    },
  }),
};
