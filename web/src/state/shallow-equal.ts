/** Shallow comparison of view data. Updates come several times a second and mostly concern one of many items: the others stay the same objects. Pure. */

/** Whether all properties are equal, except those in `ignored`. */
export function isShallowEqual<T extends object>(one: T, other: T, ignored: readonly (keyof T)[] = []): boolean {
  const keys = Object.keys(one) as (keyof T)[];
  return keys.length === Object.keys(other).length && keys.every((key) => ignored.includes(key) || isEqual(one[key], other[key]));
}

/** Compares plain objects, such as permissions, by their properties. */
function isEqual(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  return isPlain(one) && isPlain(other) && isShallowEqual(one, other);
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** The new list, reusing the old objects that are equal; the old list itself if all are. */
export function reuseEqual<T extends object>(before: readonly T[], now: readonly T[], keyOf: (one: T) => string): readonly T[] {
  const known = new Map(before.map((one) => [keyOf(one), one]));
  const kept = now.map((one) => {
    const old = known.get(keyOf(one));
    return old !== undefined && isShallowEqual(old, one) ? old : one;
  });
  return kept.length === before.length && kept.every((one, index) => one === before[index]) ? before : kept;
}
