/** Writes what was asked for to stdout; a reader that has gone away ends the program without a word. */
export function print(text: string): void {
  process.stdout.write(text);
}

/** Writes messages to stderr. */
export function complain(text: string): void {
  process.stderr.write(text);
}

/** Colours are for terminals, and for those who want them (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }): boolean {
  return stream.isTTY === true && (process.env['NO_COLOR'] ?? '') === '';
}

/** Takes care of `mediad -T | head`: the end of the pipe is no error. */
export function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
  process.stderr.on('error', () => undefined);
}
