/** Freezes plain objects and lists all the way down; values of classes are left as they are. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const proto = Object.getPrototypeOf(value);
  if (proto !== Object.prototype && proto !== Array.prototype && proto !== null) return value;
  Object.freeze(value);
  for (const key of Reflect.ownKeys(value)) deepFreeze((value as Record<PropertyKey, unknown>)[key]);
  return value;
}

/** Puts a property on an object that comparisons, copies and JSON pass over. */
export function hide<T extends object, K extends string, V>(
  object: T,
  key: K,
  value: V,
): T & { readonly [P in K]: V } {
  return Object.defineProperty(object, key, { value, enumerable: false }) as T & { readonly [P in K]: V };
}
