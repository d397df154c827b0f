/**
 * Whether one value can take the place of another: equal all the way down, and plain data without hidden properties,
 * such as the place in the file that some values know. Whatever else there is only equals itself.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const proto = Object.getPrototypeOf(a);
  if (proto !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a)) {
    return (
      proto === Array.prototype &&
      Reflect.ownKeys(a).length === a.length + 1 &&
      Reflect.ownKeys(b).length === a.length + 1 &&
      a.length === (b as readonly unknown[]).length &&
      a.every((one, index) => sameValue(one, (b as readonly unknown[])[index]))
    );
  }
  return (proto === Object.prototype || proto === null) && sameValues(a, b);
}

/** The same of two plain objects whose properties stand in the same order. */
export function sameValues(a: object, b: object): boolean {
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length) return false;
  if (Reflect.ownKeys(a).length !== names.length || Reflect.ownKeys(b).length !== names.length) return false;
  return names.every(
    (name, index) =>
      name === others[index] &&
      sameValue((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name]),
  );
}
