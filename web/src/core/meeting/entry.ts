/** What people type or paste to get into a meeting: its code, or a link to it. Pure. */

import { meetingFromPath } from './meeting';

export type Entry =
  /** Path of the page, with what the link carries besides: a personal token is in the fragment. */
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

/** People also copy links without their scheme. */
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

/** What is encoded already stays as it is. */
function encoded(part: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(part));
  } catch {
    return encodeURIComponent(part);
  }
}
