import { describeDirectives, describeList, describeText } from '../config/describe.ts';
import { modules } from '../modules/index.ts';
import { complain, print } from './output.ts';

/** `directives [NAME]`: what the tables say about the directives; gives the exit code. */
export function directives(name: string | null, json: boolean): number {
  if (json) {
    const found = describeDirectives(modules).filter((entry) => name === null || entry.name === name);
    print(`${JSON.stringify(found, null, 2)}\n`);
    return found.length === 0 ? 1 : 0;
  }
  if (name === null) {
    print(describeList(modules));
    return 0;
  }
  const { text, near } = describeText(modules, name);
  if (text !== null) {
    print(text);
    return 0;
  }
  complain(`mediad: unknown directive "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}\n`);
  return 1;
}
