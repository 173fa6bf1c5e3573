// Shapes of messages, for tables. Additional keys are always allowed: a server may answer in two dialects at once.

/** Errors of the value at that path; none if it matches. */
export type Shape = (value: unknown, path: string) => string[];

const show = (value: unknown): string => JSON.stringify(value)?.slice(0, 80) ?? 'undefined';

const simple =
  (name: string, fits: (value: unknown) => boolean): Shape =>
  (value, path) =>
    fits(value) ? [] : [`${path} is ${show(value)}, not ${name}`];

export const text = simple('a text', (value) => typeof value === 'string' && value !== '');
export const anyText = simple('a text', (value) => typeof value === 'string');
export const number = simple('a number', (value) => typeof value === 'number');
export const flag = simple('true or false', (value) => typeof value === 'boolean');
export const anything: Shape = () => [];
export const absent = simple('absent', (value) => value === undefined);
export const nothing = simple('an empty object', (value) => typeof value === 'object' && value !== null && Object.keys(value).length === 0);

export const is = (...wanted: readonly unknown[]): Shape => simple(wanted.map(show).join(' or '), (value) => wanted.includes(value));

export const optional =
  (shape: Shape): Shape =>
  (value, path) =>
    value === undefined ? [] : shape(value, path);

export const nullable =
  (shape: Shape): Shape =>
  (value, path) =>
    value === null ? [] : shape(value, path);

export const list =
  (shape: Shape, atLeast = 0): Shape =>
  (value, path) => {
    if (!Array.isArray(value)) return [`${path} is ${show(value)}, not a list`];
    if (value.length < atLeast) return [`${path} has ${String(value.length)} entries, not ${String(atLeast)} or more`];
    return value.flatMap((one, index) => shape(one, `${path}[${String(index)}]`));
  };

export const object =
  (keys: Readonly<Record<string, Shape>>): Shape =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is ${show(value)}, not an object`];
    return Object.entries(keys).flatMap(([key, shape]) => shape((value as Record<string, unknown>)[key], `${path}.${key}`));
  };

export function assertShape(shape: Shape, value: unknown, what: string): void {
  const problems = shape(value, what);
  if (problems.length > 0) throw new Error(`${problems.join('\n')}\nin ${JSON.stringify(value)}`);
}
