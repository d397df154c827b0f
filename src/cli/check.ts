import { type Config, dump, LoadError } from '../config/config.ts';
import type { Diagnostic } from '../config/errors.ts';
import { print as printed } from '../config/print.ts';
import { checkTree } from '../daemon/check.ts';
import { readConfig } from '../daemon/sources.ts';
import { modules } from '../modules/index.ts';
import { locate } from './location.ts';
import { complain, print, wantsColour } from './output.ts';
import type { Invocation } from './usage.ts';

/** `-t`, `-T` and `check`: reads the configuration, tells every finding, and gives the exit code. */
export function check(invocation: Invocation): number {
  const { format, quiet, strict, task } = invocation;
  const options = locate(invocation);
  const { result, files } = readConfig({ ...options, sources: modules });
  const failed = result instanceof LoadError;
  const findings = failed ? result.diagnostics : [...result.warnings, ...checkTree(result.tree)];
  const errors = count(findings, 'error');
  const warnings = count(findings, 'warning');
  const ok = errors === 0 && !(strict && warnings > 0);

  const forPrograms = format !== 'text';
  const text = printed(format, options.file, findings, { files, colour: wantsColour(process.stderr) });
  if (forPrograms) print(text);
  else complain(text);
  if (task.name === 'dump' && !failed) print(dump(files));
  if (task.name === 'check' && !failed && !forPrograms) complain(ignoredLines(result.ignored));
  if (forPrograms) return ok ? 0 : 1;
  if (!ok) {
    complain(`mediad: configuration file ${options.file} test failed: ${summary(errors, warnings)}\n`);
    return 1;
  }
  if (!quiet) {
    complain(`mediad: the configuration file ${options.file} syntax is ok\n`);
    complain(`mediad: configuration file ${options.file} test is successful\n`);
  }
  return 0;
}

function summary(errors: number, warnings: number): string {
  if (errors > 0) return `${errors} error${errors === 1 ? '' : 's'}`;
  return `${warnings} warning${warnings === 1 ? '' : 's'}, with --strict`;
}

function count(findings: readonly Diagnostic[], severity: Diagnostic['severity']): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

function ignoredLines(ignored: Config['ignored']): string {
  return ignored
    .map(
      ({ name, at, reason }) =>
        `mediad: [notice] "${name}" has no effect: ${reason} in ${at.file}:${at.line}:${at.column}\n`,
    )
    .join('');
}
