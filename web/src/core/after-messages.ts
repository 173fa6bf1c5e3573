/** Calls that wait for the messages that have already arrived. It orders nothing else. */

type Call = () => void;

/** One for all: a channel with a listener is never collected. */
let queue: ((call: Call) => void) | undefined;

/** Unlike timers, not slowed down in pages in the background. */
export function afterMessages(call: Call): void {
  queue ??= typeof document === 'undefined' ? (later) => void setTimeout(later, 0) : messageQueue();
  queue(call);
}

function messageQueue(): (call: Call) => void {
  const { port1, port2 } = new MessageChannel();
  const waiting: Call[] = [];
  port1.onmessage = () => waiting.shift()?.();
  return (call) => {
    waiting.push(call);
    port2.postMessage(undefined);
  };
}
