/** `window.convene`: a read-only handle for tests and for people who help others. */

import type { ReceivedStats } from './core/session/connection/stats';
import type { AppModel } from './state/app-model';

interface DebugHandle {
  /** One entry for each track that is received now. */
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
