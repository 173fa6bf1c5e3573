/**
 * Requests of users to their room, whichever server it is on: they go to the next one as soon as it has accepted the client, and wait where
 * a move does not let them through.
 *
 * It never repeats what may have been carried out.
 */

import type { MuteParticipant } from '../../../generated/messages';
import { ConveneError } from '../../errors';
import type { Log } from '../../log';
import type { RoomRequests } from '../../signaling/requester';
import type { RoomConnection } from '../connection/room-connection';
import { followUps, isHeld, silentFor } from './held';
import type { Both } from './merge';
import type { Move } from './move';
import { Repeats } from './repeat';

export interface RequestsContext {
  connection: () => Pick<RoomConnection, 'request' | 'contents' | 'hasJoined'> | undefined;
  move: () => Pick<Move, 'joined' | 'both'> | undefined;
  /** Whether the connection is gone, and the next one has not joined yet. */
  isAlone: () => boolean;
  log: Log;
}

export class Requests {
  readonly #context: RequestsContext;
  readonly #repeats = new Repeats();
  /** Of a move that this client has finished before others. */
  #finished: Both | undefined;

  constructor(context: RequestsContext) {
    this.#context = context;
  }

  /** Throws a ConveneError. */
  send<M extends keyof RoomRequests>(method: M, data: RoomRequests[M]): Promise<unknown> {
    const { connection, isAlone } = this.#context;
    const silent = silentFor(method, data, this.#both?.old ?? connection()?.contents);
    return this.#repeats.run(
      () => isAlone() || isHeld(method, data, this.#both),
      async () => {
        const late = this.#isOnOld ? [] : followUps(method, data, this.#both).filter(({ peerId }) => !silent.has(peerId));
        const answer = await this.#serverFor(method).request(method, data);
        for (const one of late) void this.#muteLater(one);
        return answer;
      },
    );
  }

  /** This client has moved, and requests about others still wait until they have; undefined: they no longer do. */
  expect(others: Both | undefined): void {
    this.#finished = others;
    this.hurry();
  }

  /** There may be a server now that accepts them. */
  hurry(): void {
    this.#repeats.hurry();
  }

  /** Whether requests go to the server that the meeting leaves, which knows all participants. */
  get #isOnOld(): boolean {
    const move = this.#context.move();
    return move !== undefined && move.joined === undefined;
  }

  get #both(): Both | undefined {
    return this.#context.move()?.both ?? this.#finished;
  }

  /** A server refuses requests before it has answered the join. */
  #serverFor(method: string): Pick<RoomConnection, 'request'> {
    const { connection, move } = this.#context;
    const server = move()?.joined ?? connection();
    if (server?.hasJoined !== true) throw new ConveneError('connection-closed', `"${method}": not connected`);
    return server;
  }

  async #muteLater(late: MuteParticipant & { peerId: string }): Promise<void> {
    try {
      await this.send('muteParticipant', late);
    } catch (error) {
      this.#context.log.info('could not mute a participant who has moved later', error);
    }
  }
}
