/** Parses what users enter to join a meeting: a code or a link. Pure. */

import { meetingFromPath } from './meeting';

export type Entry =
  /** The path with the link's query and fragment; the fragment may hold a join token. */
  | { kind: 'meeting'; path: string }
  /** A link to another service. */
  | { kind: 'elsewhere' }
  | { kind: 'unreadable' };

const CODE = /^\/?(?:m\/)?([^/\s?#]+(?:\/[^/\s?#]+)?)\/?$/u;

export function readEntry(text: string, page: Pick<Location, 'host' | 'protocol'>): Entry {
  const trimmed = text.trim();
  const url = linkOf(trimmed, page.protocol);
  if (url !== undefined) return fromLink(url, page.host);
  const code = CODE.exec(trimmed)?.[1];
  return code === undefined ? { kind: 'unreadable' } : { kind: 'meeting', path: `/m/${code.split('/').map(encoded).join('/')}` };
}

/** Links are also copied without their scheme. */
function linkOf(text: string, protocol: string): URL | undefined {
  const address = /^https?:\/\//iu.test(text) ? text : /^[^/\s]+\/m\/./u.test(text) ? `${protocol}//${text}` : undefined;
  try {
    return address === undefined ? undefined : new URL(address);
  } catch {
    return undefined;
  }
}

function fromLink({ host, pathname, search, hash }: URL, ownHost: string): Entry {
  if (meetingFromPath(pathname) === undefined) return { kind: 'unreadable' };
  return host === ownHost ? { kind: 'meeting', path: `${pathname}${search}${hash}` } : { kind: 'elsewhere' };
}

/** Does not encode twice. */
function encoded(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part));
  } catch {
    return encodeURIComponent(part);
  }
}
