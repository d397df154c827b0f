import { flag, list, value } from '../../config/rows.ts';
import { readTrusted } from '../../core/net/networks.ts';

/** Directives of the client's address behind proxies. */
export const realIpTable = {
  set_real_ip_from: list<string>(
    readTrusted,
    'Proxies that are believed when they tell a client’s address; see real_ip_header.',
    'address | CIDR | unix:',
    { contexts: ['http', 'server', 'location'], example: 'set_real_ip_from 10.0.0.0/8;' },
  ),
  real_ip_header: value<string>(
    ([word], context) => {
      const name = word!.value.toLowerCase();
      if (!/^[a-z0-9!#$%&'*+\-.^_`|~]+$/.test(name)) {
        context.fail(`invalid header name "${word!.value}"`, word!.at);
      }
      return name;
    },
    'x-real-ip',
    'The header field with the client’s address, or proxy_protocol for that of the PROXY header.',
    'field | proxy_protocol',
    {
      contexts: ['http', 'server', 'location'],
      shown: 'X-Real-IP',
      example: 'real_ip_header X-Forwarded-For;',
    },
  ),
  real_ip_recursive: flag(
    false,
    'Passes over trusted addresses from the right: the client is the last one that is not a trusted proxy.',
    { contexts: ['http', 'server', 'location'], example: 'real_ip_recursive on;' },
  ),
} as const;
