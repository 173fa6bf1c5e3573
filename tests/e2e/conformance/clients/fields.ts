// Reads messages as strictly as an application that breaks when a field is missing.

type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is not an object`);
  return value as Fields;
}

export function textOf(of: Fields, key: string): string {
  const value = of[key];
  if (typeof value !== 'string' || value === '') throw new Error(`${key} is missing`);
  return value;
}

export function numberOf(of: Fields, key: string): number {
  const value = of[key];
  if (typeof value !== 'number') throw new Error(`${key} is missing`);
  return value;
}

export function booleanOf(of: Fields, key: string): boolean {
  const value = of[key];
  if (typeof value !== 'boolean') throw new Error(`${key} is missing`);
  return value;
}

export function listOf(of: Fields, key: string): readonly unknown[] {
  const value = of[key];
  if (!Array.isArray(value)) throw new Error(`${key} is missing`);
  return value;
}

/** For mediasoup-client, which validates the contents itself. */
export function objectOf<T>(of: Fields, key: string): T {
  return fields(of[key], key) as T;
}

export function kindOf(of: Fields): 'audio' | 'video' {
  const kind = textOf(of, 'kind');
  if (kind !== 'audio' && kind !== 'video') throw new Error(`kind is ${kind}`);
  return kind;
}
