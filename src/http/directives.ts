import { value } from '../config/rows.ts';
import { statusPage } from './answers/stub-status.ts';
import { contentHandler, type HttpModule } from './handler.ts';
import { authBasicTable, satisfyTable } from './tables/auth-basic-table.ts';
import { gzipTable } from './tables/gzip-table.ts';
import { locationBlock, locationTable } from './tables/location-table.ts';
import { accessLogTable, logFormatTable } from './tables/log-table.ts';
import { mapBlock } from './tables/map-table.ts';
import { realIpTable } from './tables/real-ip-table.ts';
import { ifBlock, rewriteTable } from './tables/rewrite-table.ts';
import { secureLinkTable } from './tables/secure-link-table.ts';
import { httpBlock, serverBlock, serverTable } from './tables/server-table.ts';
import { tlsTable } from './tables/tls-table.ts';

const stubStatusTable = {
  stub_status: value<boolean>(
    () => true,
    false,
    'Answers with the counters of connections and requests.',
    '',
    {
      min: 0,
      contexts: ['server', 'location'],
    },
  ),
} as const;

/** The directives of the HTTP server itself. */
export const httpModule: HttpModule = {
  name: 'http',
  tables: {
    main: { http: httpBlock },
    http: { server: serverBlock, map: mapBlock, ...logFormatTable },
    server: { ...serverTable, ...tlsTable, if: ifBlock('server') },
    location: {
      location: locationBlock,
      ...locationTable,
      ...accessLogTable,
      ...rewriteTable,
      ...stubStatusTable,
      ...realIpTable,
      ...secureLinkTable,
      ...authBasicTable,
      ...satisfyTable,
      ...gzipTable,
      if: ifBlock('location'),
    },
  },
  content: contentHandler(stubStatusTable, {
    enabled: (conf) => conf.stub_status,
    handle: (exchange) => statusPage(exchange),
  }),
};
