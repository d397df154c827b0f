import { readFileSync } from 'node:fs';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** The version of this program. */
export const VERSION: string = version;

/** What `Server` and error pages call it, by `server_tokens`. */
export function softwareName(tokens: 'on' | 'off' | 'build'): string {
  return tokens === 'off' ? 'mediad' : `mediad/${VERSION}`;
}
