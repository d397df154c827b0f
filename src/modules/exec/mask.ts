import { maskedName } from '../../core/logs/log.ts';

const URL_IN_TEXT = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s'"<>|]+)/gi;

/** A text of which the URLs show no user, query or stream key. */
export function maskUrls(text: string): string {
  return text.replace(URL_IN_TEXT, (_whole, scheme: string, rest: string) => {
    const [place = '', query] = rest.split(/\?(.*)/s);
    const [host = '', ...path] = place.split('/');
    const shown = [host.replace(/^.*@/, '***@'), ...path.map(maskedName)].join('/');
    return `${scheme}${shown}${query === undefined ? '' : '?***'}`;
  });
}
