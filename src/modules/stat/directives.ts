import { anyOf, oneOf, text } from '../../config/rows.ts';

/** Directives of the statistics page. */
export const statTable = {
  rtmp_stat: anyOf(
    ['all', 'global', 'live', 'clients', 'record'],
    [],
    'Makes the location a page of statistics as XML: live lists streams, clients adds who publishes and plays them, record what is recorded, all is everything.',
    {
      contexts: ['http', 'server', 'location'],
      merge: 'own',
      max: Number.POSITIVE_INFINITY,
      example: 'location = /stat { rtmp_stat all; rtmp_stat_stylesheet stat.xsl; }',
    },
  ),
  rtmp_stat_stylesheet: text(
    '',
    'The address of the stylesheet that shows the XML as a page; conf/stat.xsl is one.',
    {
      example: 'rtmp_stat_stylesheet /stat.xsl;',
      contexts: ['http', 'server', 'location'],
      shown: '""',
      syntax: 'path',
    },
  ),
  rtmp_stat_format: oneOf(['xml', 'json'], 'xml', 'The form of the statistics.', {
    example: 'rtmp_stat_format json;',
    contexts: ['http', 'server', 'location'],
    merge: 'own',
  }),
  rtmp_stat_root: oneOf(
    ['auto', 'rtmp', 'http-flv'],
    'auto',
    'Whose page it is like, down to the name of its root: rtmp as of nginx-rtmp, http-flv as of nginx-http-flv; auto is rtmp in XML and http-flv in JSON.',
    { contexts: ['http', 'server', 'location'], example: 'rtmp_stat_root http-flv;' },
  ),
} as const;
