/** Converts the server's notifications to events. Pure. */

import type { ServerNotification } from '../../../generated/messages';
import { shownName } from '../../peer/display-name';
import { sourceScoreOf } from '../../signaling/decode';
import { peerOf, permissionsOf, sendsOf, peerStatusOf } from '../../signaling/peers';
import type { RoomEvent } from '../events';

/** The event for listeners; undefined if the notification concerns only the connection. */
export function roomEventOf({ method, data }: ServerNotification): RoomEvent | undefined {
  switch (method) {
    case 'newPeer':
      return { type: 'peerJoined', peer: peerOf(data.peer) };
    case 'peerClosed':
      return { type: 'peerLeft', peerId: data.peerId, ...(data.viewer === true && { isViewer: true }) };
    case 'peerDisplayNameChanged':
      return { type: 'peerRenamed', peerId: data.peerId, displayName: shownName(data.displayName) };
    case 'peerChanged':
      return { type: 'peerChanged', peerId: data.peerId, peerStatus: peerStatusOf(data) };
    case 'peerSends':
      return { type: 'peerSends', peerId: data.peerId, sends: sendsOf(data.sends) };
    case 'handRaised':
      return { type: 'handRaised', peerId: data.peerId, isRaised: data.raised };
    case 'reaction':
      return { type: 'reaction', peerId: data.peerId ?? undefined, reaction: data.reaction };
    case 'viewers':
      return { type: 'viewers', count: data.count };
    case 'viewerHands':
      return {
        type: 'viewerHands',
        count: data.count,
        hands: data.hands.map(({ peerId, displayName }) => ({ peerId, displayName: shownName(displayName) })),
      };
    case 'permissions':
      return { type: 'permissions', permissions: permissionsOf(data) };
    case 'lobbyPeers':
      return {
        type: 'lobbyPeers',
        peers: data.peers.map(({ peerId, displayName }) => ({ peerId, displayName: displayName === '' ? '' : shownName(displayName) })),
      };
    case 'roomState':
      return { type: 'roomState', title: data.title, isLocked: data.locked, isLobbyOn: data.lobby };
    case 'mutedByModerator':
      return { type: 'mutedByModerator', source: data.source };
    case 'unmuteRequested':
      return { type: 'unmuteRequested' };
    case 'chatMessage':
      return { type: 'chatMessage', message: { ...data, displayName: shownName(data.displayName) } };
    case 'consumerScore':
      return { type: 'trackScore', consumerId: data.consumerId, score: data.score.score, sourceScore: sourceScoreOf(data.score) };
    case 'producerScore':
      return { type: 'ownScore', producerId: data.producerId, score: Math.max(0, ...data.score.map(({ score }) => score)) };
    case 'consumerLayersChanged':
      return { type: 'trackWithheld', consumerId: data.consumerId, isWithheld: typeof data.spatialLayer !== 'number' };
    case 'activeSpeaker':
      return { type: 'activeSpeaker', peerId: data.peerId ?? undefined };
    case 'speakingPeers':
      return { type: 'speakers', volumes: data.peerVolumes };
    case 'lobby':
    case 'session':
    case 'mediasoupVersion':
    case 'mediasoup-version':
    case 'dataConsumerClosed':
    case 'downlinkBwe':
    case 'consumerPaused':
    case 'consumerResumed':
    case 'consumerClosed':
    case 'producerLayers':
    case 'moving': // sent only to clients with `moves=1`
    case 'over':
    case 'transportsLost':
      return undefined;
  }
}
