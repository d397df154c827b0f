import { VERSION } from '../../core/version.ts';

/** What `Server` and error pages call it, by `server_tokens`. */
export function softwareName(tokens: 'on' | 'off' | 'build'): string {
  return tokens === 'off' ? 'mediad' : `mediad/${VERSION}`;
}
