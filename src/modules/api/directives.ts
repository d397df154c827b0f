import { flag } from '../../config/rows.ts';

/** Directives of the JSON interface. */
export const apiTable = {
  api: flag(
    false,
    'Answers in JSON below the location: streams, clients, relays, execs, recordings, hooks, reload, config, and events as they happen. Without an allow or deny that counts there, only this machine itself may ask, by localhost or a loopback address.',
    {
      contexts: ['server', 'location'],
      merge: 'own',
      example: 'location /api/ { api on; allow 192.168.0.0/16; deny all; }',
    },
  ),
  api_control: flag(false, 'Lets DELETE LOCATION/clients/ID disconnect that client.', {
    contexts: ['http', 'server', 'location'],
    example: 'api_control on;',
  }),
} as const;
