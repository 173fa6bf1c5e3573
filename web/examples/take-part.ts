/** The smallest client that takes part in a meeting: `src/core` without any framework. Compiled with the app, so that it stays up to date. */
/* eslint-disable no-console -- an example that prints events */

import { routeFinder } from '../src/core/meeting/join';
import { consoleLog } from '../src/core/log';
import { browserDevices } from '../src/core/media/devices';
import { LocalMedia } from '../src/core/media/local-media';
import { signalingUrl } from '../src/core/meeting/meeting';
import { newPeerId } from '../src/core/peer/peer-id';
import { Session } from '../src/core/session/session';

export async function takePart(meeting: string, displayName: string, joinToken?: string): Promise<Session> {
  const address = { rest: meeting };
  const peerId = newPeerId();
  const localMedia = new LocalMedia(browserDevices, consoleLog);
  const openUrl = signalingUrl(address, location, peerId);
  const findRoute = routeFinder({ address, openUrl, peerId, joinToken });
  const session = new Session({ findRoute, displayName, localMedia, log: consoleLog });

  session.subscribe((news) => {
    if (news.type === 'connection') console.info('the connection is', news.connection.status);
    if (news.type === 'chatMessage') console.info(news.message.displayName, 'says', news.message.text);
    if (news.type !== 'trackAdded') return;
    const element = document.createElement(news.remote.kind);
    element.srcObject = new MediaStream([news.remote.track]);
    element.autoplay = true;
    document.body.append(element);
  });

  await Promise.all([localMedia.turnOn('microphone'), localMedia.turnOn('camera')]);
  session.start();
  return session;
}
