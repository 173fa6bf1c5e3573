/**
 * The join token in the fragment of the page's address: taken out of it at once, and kept for this tab alone. The last ticket is kept
 * beside it.
 *
 * Neither is ever written anywhere else: addresses are shared, bookmarked and logged.
 */

import type { TicketStore } from './join';

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

const TICKET_KEY = 'convene.ticket.';

/** Where the last ticket is kept: for this tab, this page's meeting, and the token it was given for. The end of a token tells it from others. */
export function ticketStore({ pathname }: Pick<TokenPlace, 'pathname'>, storage: TokenSurroundings['storage'], joinToken?: string): TicketStore | undefined {
  if (storage === undefined) return undefined;
  const key = `${TICKET_KEY}${pathname}#${joinToken?.slice(-16) ?? ''}`;
  return {
    load: () => storage.getItem(key) ?? undefined,
    save: (ticket) => {
      try {
        storage.setItem(key, ticket);
      } catch {
        // The storage is full: a reload is then known by its cookie alone.
      }
    },
  };
}
