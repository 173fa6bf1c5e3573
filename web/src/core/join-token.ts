/**
 * The join token in the fragment of the page's address: taken out of it at once, and kept for this tab alone.
 *
 * It is never written anywhere else: addresses are shared, bookmarked and logged.
 */

const KEY = 'convene.join-token.';

interface TokenPlace {
  hash: string;
  pathname: string;
  search: string;
}

export interface TokenSurroundings {
  place: TokenPlace;
  /** Shows another address without loading it. */
  replaceAddress: (address: string) => void;
  /** Undefined where the browser forbids storage: then a reload asks for the link again. */
  storage: Pick<Storage, 'getItem' | 'setItem'> | undefined;
}

export function takeJoinToken({ place, replaceAddress, storage }: TokenSurroundings): string | undefined {
  const fragment = new URLSearchParams(place.hash.replace(/^#/u, ''));
  const fresh = fragment.get('token') ?? undefined;
  if (fresh === undefined) return storage?.getItem(KEY + place.pathname) ?? undefined;
  fragment.delete('token');
  const rest = fragment.toString();
  replaceAddress(`${place.pathname}${place.search}${rest === '' ? '' : `#${rest}`}`);
  if (fresh === '') return undefined;
  storage?.setItem(KEY + place.pathname, fresh);
  return fresh;
}
