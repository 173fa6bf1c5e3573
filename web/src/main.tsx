/** Puts the parts together: the app model gets the browser, the page gets the views. Nothing is decided here. */

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { consoleLog } from './core/log';
import { browserDevices } from './core/media/devices';
import { readEnvironment } from './core/media/environment';
import { fetchMeeting, meetingFromPath, signalingUrl } from './core/meeting';
import { Session } from './core/session/session';
import { AppModel } from './state/app-model';
import { installDebugHandle } from './debug-handle';
import { loadName, saveName } from './remembered-name';
import { App } from './ui/App';
import './ui/styles/base.css';
import './ui/styles/pre-join.css';
import './ui/styles/call.css';

const model = new AppModel({
  address: meetingFromPath(location.pathname),
  environment: readEnvironment(),
  devices: browserDevices,
  log: consoleLog,
  fetchMeeting: (address) => fetchMeeting(address),
  createSession: ({ address, peerId, displayName, localMedia }) =>
    new Session({ url: signalingUrl(address, location, peerId), displayName, localMedia, log: consoleLog }),
  loadName,
  saveName,
});

installDebugHandle(model);
window.addEventListener('pagehide', () => model.leave());

const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id "root"');
createRoot(root).render(
  <StrictMode>
    <App model={model} />
  </StrictMode>,
);
void model.open();
