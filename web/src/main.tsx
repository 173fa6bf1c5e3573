/** Wires everything up: the app model to the browser, the views to the page. Makes no decisions. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { consoleLog } from './core/log';
import { routeFinder } from './core/meeting/join';
import { takeJoinToken, ticketStore } from './core/meeting/join-token';
import { playChime } from './core/media/chime';
import { browserDevices } from './core/media/devices';
import { readEnvironment } from './core/media/environment';
import { holdByLocks, keptPeerIds } from './core/peer/kept-peer-id';
import { fetchMeeting, meetingFromPath, signalingUrl, type MeetingAddress } from './core/meeting/meeting';
import { watchMeeting } from './core/meeting/meeting-watch';
import { watchPresence } from './core/presence';
import type { VideoCodec } from './core/session/codecs/codec-choice';
import type { RouteFinder } from './core/session/connection/route';
import { Preparation } from './core/session/preparation';
import { Session } from './core/session/session';
import { loadTexts } from './i18n/catalogs';
import { AppModel } from './state/app/app-model';
import { readRecent } from './state/app/recent';
import { readSettings } from './state/settings';
import { installDebugHandle } from './debug-handle';
import { loadName, loadRecent, loadSettings, pageStorage, saveName, saveRecent, saveSettings, tabStorage } from './remembered';
import { App } from './ui/App';
import './ui/styles/index.css';

// First, so that the token is out of the URL before anything else can read it.
const joinToken = takeJoinToken({
  place: location,
  replaceAddress: (address) => history.replaceState(history.state, '', address),
  storage: tabStorage(),
});

const settings = readSettings(loadSettings(), navigator.languages);

const findRouteFor = (address: MeetingAddress, peerId: string): RouteFinder =>
  routeFinder({
    address,
    openUrl: signalingUrl(address, location, peerId),
    peerId,
    joinToken,
    tickets: ticketStore(location, tabStorage(), joinToken),
  });

const videoCodec = (): VideoCodec | undefined => {
  const chosen = model.state.get().settings.videoCodec;
  return chosen === 'auto' ? undefined : chosen;
};

const model: AppModel = new AppModel({
  address: meetingFromPath(location.pathname),
  page: location,
  environment: readEnvironment(),
  devices: browserDevices,
  log: consoleLog,
  fetchMeeting: (address) => fetchMeeting(address, fetch, joinToken),
  watchMeeting: (address, listener) => watchMeeting(address, listener, { joinToken }),
  prepare: ({ address, peerId, localMedia, onChange }) =>
    new Preparation({ peerId, findRoute: findRouteFor(address, peerId), localMedia, log: consoleLog, onChange, videoCodec }),
  createSession: ({ address, peerId, displayName, localMedia, preparation }) =>
    new Session({
      // A ticket that the preparation has is valid for later connections too.
      findRoute: preparation?.findRoute ?? findRouteFor(address, peerId),
      displayName,
      localMedia,
      log: consoleLog,
      watchReadiness: (listener) => watchMeeting(address, (info) => listener(info.status === 'found' && info.isReady), { joinToken }),
      videoCodec,
      preparation,
    }),
  watchPresence: (listener) => void watchPresence(listener),
  peerIds: keptPeerIds(location.pathname, pageStorage(), holdByLocks('locks' in navigator ? navigator.locks : undefined)),
  hasJoinToken: joinToken !== undefined,
  chime: playChime,
  now: () => performance.now(),
  loadName,
  saveName,
  settings,
  saveSettings,
  recent: readRecent(loadRecent()),
  saveRecent,
});

installDebugHandle(model);
window.addEventListener('pagehide', () => model.leave());

const root = document.getElementById('root');
if (root === null) throw new Error('could not find the element "root" in index.html');
const page = createRoot(root);
void loadTexts(settings.language).then((texts) =>
  page.render(
    <StrictMode>
      <App model={model} texts={texts} />
    </StrictMode>,
  ),
);
void model.open();
