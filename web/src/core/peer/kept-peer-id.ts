/**
 * Peer ids for one meeting in this browser. The id of a page that ended without leaving (it or its browser crashed) is reused by the
 * next page: the server recognizes the browser by cookie or ticket, and replaces the participant that is left over.
 *
 * A live page is never replaced: each holds a lock on its id, which the browser releases when the page is gone. Without the Web Locks
 * API every page takes a new id.
 */

import { newPeerId } from './peer-id';

export interface PeerIds {
  /** The id that `take` will probably return, for what is prepared before the join. */
  next(): string;
  /** The id for the next join. */
  take(): string;
  /** The participant left: there is nothing to reuse. */
  forget(): void;
}

/** The part of a browser's storage that is used here. */
export type IdStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

/** Locks a name for the lifetime of the page; false if another page holds it. Undefined without the Web Locks API. */
export type HoldName = ((name: string) => Promise<boolean>) | undefined;

const KEY = 'convene.peer-id.';
const ID = /^[a-z]{8}$/u;

export function keptPeerIds(path: string, storage: IdStorage | undefined, hold: HoldName): PeerIds {
  const key = KEY + path;
  let orphan: string | undefined;
  let own: string | undefined;
  let upcoming: string | undefined;
  const left = hold === undefined ? undefined : readId(storage, key);
  if (left !== undefined) void hold?.(key + left).then((isFree) => (orphan = isFree ? left : undefined));
  return {
    // Not stored yet: until the join, the stored id is that of a page which is in the meeting.
    next: () => orphan ?? (upcoming ??= newPeerId()),
    take: () => {
      const id = orphan ?? upcoming ?? newPeerId();
      orphan = upcoming = undefined;
      own = id;
      write(storage, key, id);
      if (id !== left) void hold?.(key + id);
      return id;
    },
    forget: () => {
      // Another page of this meeting may have stored its own id since.
      if (storage !== undefined && storage.getItem(key) === own) storage.removeItem(key);
    },
  };
}

export function holdByLocks(locks: LockManager | undefined): HoldName {
  if (locks === undefined) return undefined;
  return (name) =>
    new Promise((resolve) => {
      const held = locks.request(name, { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock === null ? undefined : new Promise(() => undefined);
      });
      held.catch(() => resolve(false));
    });
}

function readId(storage: IdStorage | undefined, key: string): string | undefined {
  const id = storage?.getItem(key) ?? '';
  return ID.test(id) ? id : undefined;
}

function write(storage: IdStorage | undefined, key: string, id: string): void {
  try {
    storage?.setItem(key, id);
  } catch {
    // The storage is full: the leftover participant of this page ends with the server's timeout.
  }
}
