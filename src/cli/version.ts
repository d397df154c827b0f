import type { Module } from '../core/module.ts';
import { VERSION } from '../core/version.ts';

/** As nginx words it. */
export function versionLine(): string {
  return `mediad version: mediad/${VERSION}`;
}

/** What `-V` prints. */
export function buildLines(modules: readonly Module[]): string {
  return [
    versionLine(),
    `running on node ${process.versions.node} (${process.platform} ${process.arch})`,
    `modules: ${modules.map(({ name }) => name).join(' ')}`,
    '',
  ].join('\n');
}
