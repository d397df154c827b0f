/**
 * Where the Lua code that starts at `offset` ends: at the brace that closes the block around it, or at the end of the
 * text. Braces in Lua's strings and comments do not count (Lua 5.1 manual, 2.1).
 */
export function endOfLua(text: string, offset: number): number {
  // A quoted string, a long one or a comment, or a single brace.
  const piece =
    /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|--\[\[[\s\S]*?\]\]|--[^\n]*|\[\[[\s\S]*?\]\]|[{}]/g;
  piece.lastIndex = offset;
  let depth = 1;
  for (let found = piece.exec(text); found !== null; found = piece.exec(text)) {
    if (found[0] === '{') depth += 1;
    if (found[0] === '}') depth -= 1;
    if (depth === 0) return found.index;
  }
  return text.length;
}
