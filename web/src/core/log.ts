/** Where the core logs for developers. Injected, so that tests can check it and stay quiet. */

export interface Log {
  info(message: string, detail?: unknown): void;
  warn(message: string, detail?: unknown): void;
}

/* eslint-disable no-console -- the one place that may */
export const consoleLog: Log = {
  info: (message, detail) => console.info(`[convene] ${message}`, detail ?? ''),
  warn: (message, detail) => console.warn(`[convene] ${message}`, detail ?? ''),
};

export const silentLog: Log = {
  info: () => undefined,
  warn: () => undefined,
};
