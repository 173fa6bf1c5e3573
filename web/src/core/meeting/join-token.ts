/**
 * The join token in the fragment of the page's URL: removed from the URL immediately and stored for this tab only. The last ticket is stored
 * next to it.
 *
 * Neither is ever written anywhere else: URLs are shared, bookmarked and logged.
 */

import type { TicketStore } from './join';

const KEY = 'convene.join-token.';

interface TokenLocation {
  hash: string;
  pathname: string;
  search: string;
}

export interface TokenEnvironment {
  place: TokenLocation;
  /** Replaces the URL without loading it. */
  replaceAddress: (address: string) => void;
  /** Undefined where the browser forbids storage: then a reload needs the link again. */
  storage: Pick<Storage, 'getItem' | 'setItem'> | undefined;
}

export function takeJoinToken({ place, replaceAddress, storage }: TokenEnvironment): string | undefined {
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

/** Stores the last ticket for this tab, meeting and join token. The end of a token is enough to tell it from others. */
export function ticketStore({ pathname }: Pick<TokenLocation, 'pathname'>, storage: TokenEnvironment['storage'], joinToken?: string): TicketStore | undefined {
  if (storage === undefined) return undefined;
  const key = `${TICKET_KEY}${pathname}#${joinToken?.slice(-16) ?? ''}`;
  return {
    load: () => storage.getItem(key) ?? undefined,
    save: (ticket) => {
      try {
        storage.setItem(key, ticket);
      } catch {
        // The storage is full: after a reload only the cookie identifies the guest.
      }
    },
  };
}
