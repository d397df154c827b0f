import { type Module, serverService, serviceWithin } from '../../core/module.ts';
import { startConnections } from './connections.ts';
import { startStreams } from './streams.ts';
import { connectionSettings, notifyTables, recordingTable, streamSettings } from './table.ts';

/** HTTP callbacks: endpoints are asked about connections, publishers and players, and told of their end. */
export const notifyModule: Module = {
  name: 'notify',
  tables: notifyTables,
  server: serverService(connectionSettings, {
    enabled: (conf) => conf.on_connect !== null || conf.on_disconnect !== null,
    start: startConnections,
  }),
  application: serviceWithin(
    streamSettings,
    { name: 'recorder', table: recordingTable },
    {
      enabled: (conf) =>
        [
          conf.on_publish,
          conf.on_play,
          conf.on_publish_done,
          conf.on_play_done,
          conf.on_done,
          conf.on_update,
          conf.on_playlist,
          ...[conf, ...Object.values(conf.within)].flatMap((one) => [
            one.on_record_started,
            one.on_record_done,
          ]),
        ].some((url) => url !== null),
      start: startStreams,
    },
  ),
};
