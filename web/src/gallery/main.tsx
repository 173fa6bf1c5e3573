/**
 * The gallery: `?scene=NAME`, with `theme=light|dark` and `language=en|de|es`; without a scene, a list of all scenes.
 *
 * For measurements, `camera` shows live camera video instead of drawings, and `galleryEmit` emits further events.
 */

import { createRoot } from 'react-dom/client';
import { silentLog } from '../core/log';
import type { SessionEvent } from '../core/session/events';
import type { MeetingInfo } from '../core/meeting/meeting';
import { newPeerId } from '../core/peer/peer-id';
import { loadTexts } from '../i18n/catalogs';
import { AppModel } from '../state/app/app-model';
import { readSettings } from '../state/settings';
import { App } from '../ui/App';
import '../ui/styles/index.css';
import { showCamera } from './drawings';
import { SceneSession, sceneDevices } from './fakes';
import type { Scene } from './scene';
import { SCENES } from './scenes';

const FOUND: MeetingInfo = {
  status: 'found',
  title: 'Quarterly planning',
  isReady: true,
  isOver: false,
  waitingFor: undefined,
  startsAt: undefined,
  participants: 4,
  needsToken: false,
  isViewer: false,
  isRecorded: false,
  isLoopbackOnly: false,
};

async function show(root: HTMLElement, scene: Scene, query: URLSearchParams): Promise<void> {
  const chosen = JSON.stringify({ theme: query.get('theme'), language: query.get('language') ?? 'en', hasSounds: false });
  const settings = { ...readSettings(chosen, []), ...scene.settings };
  const session = new SceneSession();
  const model = new AppModel({
    address: scene.isFrontDoor === true ? undefined : { rest: 'team-a/planning' },
    page: { host: location.host, protocol: location.protocol, pathname: '/', assign: () => undefined },
    environment: {
      isSecureContext: true,
      hasPeerConnection: scene.hasPeerConnection ?? true,
      hasMediaDevices: true,
      reachesLoopback: scene.reachesLoopback ?? true,
      // There is no server with which to prepare a join.
      savesData: true,
    },
    devices: sceneDevices(scene.deviceFailure, scene.hasNoSpeakers),
    log: silentLog,
    fetchMeeting: () => Promise.resolve({ ...FOUND, ...scene.info } as MeetingInfo),
    watchMeeting: () => () => undefined,
    createSession: () => session,
    prepare: () => {
      throw new Error('a page that saves data prepares nothing');
    },
    watchPresence: () => undefined,
    peerIds: { next: newPeerId, take: newPeerId, forget: () => undefined },
    hasJoinToken: scene.hasJoinToken ?? false,
    chime: () => undefined,
    now: () => performance.now(),
    loadName: () => scene.name ?? 'Ada Lovelace',
    saveName: () => undefined,
    settings,
    saveSettings: () => undefined,
    recent: scene.recent ?? [],
    saveRecent: () => undefined,
  });
  if (query.has('camera')) await takeCamera();
  createRoot(root).render(<App model={model} texts={await loadTexts(settings.language)} />);
  const opened = model.open();
  // The preview never opens if the permission prompt is not answered.
  if (scene.deviceFailure !== 'never') await opened;
  scene.play?.({ model, session });
  if (scene.press !== undefined) await press(scene.press);
  Object.assign(globalThis, { galleryEmit: (...events: SessionEvent[]) => session.emit(...events) });
  document.documentElement.dataset['scene'] = 'shown';
}

async function takeCamera(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 180, frameRate: 15 } });
  const [track] = stream.getVideoTracks();
  if (track !== undefined) showCamera(track);
}

/** By keyboard, on which menus open immediately. Nothing opens if a screen is too small for the button. */
async function press(testId: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  const button = [...document.querySelectorAll<HTMLElement>(`[data-testid="${testId}"]`)].find(({ clientWidth }) => clientWidth > 0);
  button?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
}

function List(): React.ReactNode {
  return (
    <main className="page">
      <h1>Gallery</h1>
      <ul>
        {Object.keys(SCENES).map((name) => (
          <li key={name}>
            <a href={`?scene=${name}`}>{name}</a>
          </li>
        ))}
      </ul>
    </main>
  );
}

const root = document.getElementById('root');
if (root === null) throw new Error('could not find the element "root" in gallery.html');
const query = new URLSearchParams(location.search);
const scene = SCENES[query.get('scene') ?? ''];
if (scene === undefined) createRoot(root).render(<List />);
else void show(root, scene, query);
