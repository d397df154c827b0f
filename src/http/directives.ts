import { value } from '../config/rows.ts';
import { authBasicTable, satisfyTable } from './auth-basic-table.ts';
import { gzipTable } from './gzip-table.ts';
import { contentHandler, type HttpModule } from './handler.ts';
import { locationBlock, locationTable } from './location-table.ts';
import { accessLogTable, logFormatTable } from './log-table.ts';
import { mapBlock } from './map-table.ts';
import { realIpTable } from './real-ip-table.ts';
import { ifBlock, rewriteTable } from './rewrite-table.ts';
import { secureLinkTable } from './secure-link-table.ts';
import { httpBlock, serverBlock, serverTable } from './server-table.ts';
import { statusPage } from './stub-status.ts';
import { tlsTable } from './tls-table.ts';

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
