/** The current value of a store. */

import { useSyncExternalStore } from 'react';
import type { Store } from '../../state/store';

export function useStore<T>(store: Pick<Store<T>, 'get' | 'subscribe'>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
