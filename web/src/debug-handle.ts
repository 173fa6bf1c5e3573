/** `window.convene`: a read-only handle for tests and support. */

import type { ReceivedStats } from './core/session/connection/stats';
import type { AppModel } from './state/app/app-model';

interface DebugHandle {
  /** Statistics of each received track. */
  stats(): Promise<ReceivedStats[]>;
}

declare global {
  interface Window {
    readonly convene: DebugHandle;
  }
}

export function installDebugHandle(model: AppModel): void {
  const handle: DebugHandle = Object.freeze({ stats: async () => (await model.stats())?.received ?? [] });
  Object.defineProperty(window, 'convene', { value: handle, writable: false });
}
