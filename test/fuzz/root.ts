import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the project, wherever in it this code runs from. */
export const ROOT = rootAbove(import.meta.dirname);

function rootAbove(folder: string): string {
  if (existsSync(join(folder, 'vitest.config.ts'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error('this is not in the project');
  return rootAbove(above);
}
