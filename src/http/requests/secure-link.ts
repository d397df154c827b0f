import { createHash, timingSafeEqual } from 'node:crypto';
import { settingsOf } from '../../config/block.ts';
import { secureLinkTable } from '../tables/secure-link-table.ts';
import type { Template } from '../values/template.ts';
import type { Exchange } from './exchange.ts';

/**
 * `$secure_link` of a request: `1`, `0` where the link has expired, the link itself in the form with a secret word, or
 * empty where it is wrong. `textOf` gives the text of a template for the request.
 */
export function checkLink(exchange: Exchange, textOf: (template: Template) => string): string {
  // An expression that names $secure_link itself.
  if (exchange.link.checking) return '';
  exchange.link = { checking: true, expires: '' };
  const state = stateOf(exchange, textOf);
  exchange.link = { ...exchange.link, checking: false };
  return state;
}

function stateOf(exchange: Exchange, textOf: (template: Template) => string): string {
  const conf = settingsOf(exchange.place.block, secureLinkTable);
  if (conf.secure_link_secret !== '') return inPath(exchange.uri, conf.secure_link_secret);
  if (conf.secure_link === null || conf.secure_link_md5 === null) return '';
  const [hash, expires] = splitAt(textOf(conf.secure_link), ',');
  const second = expires === null ? null : /^[0-9]{1,15}$/.test(expires) ? Number(expires) : 0;
  if (second === 0) return '';
  // What is hashed may name $secure_link_expires, which is known from here on.
  exchange.link = { checking: true, expires: expires ?? '' };
  const given = /^[A-Za-z0-9_-]{22}(?:==)?$/.test(hash) ? Buffer.from(hash, 'base64url') : null;
  const wanted = createHash('md5').update(textOf(conf.secure_link_md5)).digest();
  if (given === null || given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
    return '';
  }
  return second !== null && second < Math.floor(Date.now() / 1000) ? '0' : '1';
}

function splitAt(text: string, separator: string): readonly [string, string | null] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
}

function inPath(uri: string, secret: string): string {
  const match = /^\/[^/]*\/([0-9A-Fa-f]{32})\/(.+)$/s.exec(uri);
  if (match === null) return '';
  const given = Buffer.from(match[1]!, 'hex');
  const wanted = createHash('md5').update(match[2]!).update(secret).digest();
  return timingSafeEqual(given, wanted) ? match[2]! : '';
}
