/** Calls that wait for the messages that have already arrived. It orders nothing else. */

/** Unlike timers, not slowed down in pages in the background. */
export function afterMessages(): (call: () => void) => void {
  if (typeof document === 'undefined') return (call) => void setTimeout(call, 0);
  const { port1, port2 } = new MessageChannel();
  const waiting: (() => void)[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (call) => {
    waiting.push(call);
    port2.postMessage(undefined);
  };
}
