// protoo-client ships no types: what the clients use of it.
declare module 'protoo-client' {
  export interface ProtooRequest {
    readonly method: string;
    readonly data: unknown;
  }

  export class WebSocketTransport {
    constructor(url: string);
  }

  export class Peer {
    constructor(transport: WebSocketTransport);
    readonly connected: boolean;
    readonly closed: boolean;
    on(event: 'open' | 'disconnected' | 'close', listener: () => void): void;
    on(event: 'failed', listener: (attempt: number) => void): void;
    on(
      event: 'request',
      listener: (request: ProtooRequest, accept: (data?: object) => void, reject: (code: number | Error, reason?: string) => void) => void,
    ): void;
    on(event: 'notification', listener: (notification: ProtooRequest) => void): void;
    request(method: string, data?: object): Promise<unknown>;
    notify(method: string, data?: object): Promise<void>;
    close(): void;
  }
}
