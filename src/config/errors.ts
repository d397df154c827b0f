/** Where something stands in a configuration file; line and column count from 1, columns and `length` in UTF-16 units. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** One finding about a configuration: the first line keeps nginx's wording, `help` says what to do about it. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning';
  /** A stable name for machines, such as `unknown-directive`. */
  readonly code: string;
  readonly message: string;
  readonly at?: Position;
  readonly help?: string;
  /** Text that would mend the mistake if it stood at `at` instead. */
  readonly replacement?: string;
}

/** The operator's mistake, with every finding of the run. Nothing has been changed when this is thrown. */
export class ConfigError extends Error {
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map((d) => d.message).join('\n'));
    this.name = 'ConfigError';
    this.diagnostics = diagnostics;
  }
}
