import { readFileSync } from 'node:fs';
import type { Module } from '../core/module.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** The version of this program. */
export const VERSION: string = version;

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
