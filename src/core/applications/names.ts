import { Refused } from './refused.ts';

/** Longest stream name, in UTF-8 bytes: what a file name may have. */
const MAX_NAME = 255;

/**
 * Checks a stream name that a client chose. Names become parts of paths, playlists and log lines, so a name that
 * climbs, hides or breaks a line is refused, whatever the application does with it.
 */
export function checkName(name: string): void {
  if (name === '') throw new Refused('bad-name', 'the stream name is empty');
  if (Buffer.byteLength(name) > MAX_NAME) {
    throw new Refused('bad-name', `the stream name is longer than ${MAX_NAME} bytes`);
  }
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]/.test(name)) {
    throw new Refused('bad-name', 'the stream name contains control characters or a backslash');
  }
  if (name.split('/').some((part) => part === '' || part.startsWith('.'))) {
    throw new Refused('bad-name', 'the stream name contains an empty, hidden or climbing path part');
  }
}
