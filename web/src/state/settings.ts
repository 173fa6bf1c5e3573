/** The user's settings: stored as JSON and validated when read. Pure. */

import { VIDEO_CODECS } from '../core/session/codecs/codec-choice';
import { isRecord } from '../core/signaling/json';
import type { Layout } from './tiles/stage';
import type { ReceiveQuality } from './tiles/watching';

export const LANGUAGES = ['en', 'de', 'es'] as const;
export type Language = (typeof LANGUAGES)[number];

export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const LAYOUTS: readonly Layout[] = ['auto', 'grid', 'speaker'];
export const RECEIVE_QUALITIES: readonly ReceiveQuality[] = ['auto', 'saver', 'audioOnly'];
export const CAMERA_HEIGHTS = [1080, 720, 360, 180] as const;
export type CameraHeight = (typeof CAMERA_HEIGHTS)[number];

/** Automatic, or one of the codecs. */
export const CODEC_CHOICES = ['auto', ...VIDEO_CODECS] as const;
type CodecChoice = (typeof CODEC_CHOICES)[number];

export interface Settings {
  language: Language;
  theme: Theme;
  layout: Layout;
  receive: ReceiveQuality;
  cameraHeight: CameraHeight;
  videoCodec: CodecChoice;
  noiseSuppression: boolean;
  /** Has no effect on systems without support for it. */
  isBackgroundBlurred: boolean;
  isMirrored: boolean;
  hasSounds: boolean;
  /** Whether holding the space bar opens the microphone. */
  hasPushToTalk: boolean;
  /** The devices selected last. Others are opened if these are gone or the browser has changed their ids. */
  microphoneId: string | undefined;
  cameraId: string | undefined;
  speakerId: string | undefined;
}

/** Browsers' device ids have 64 characters; much longer ones are invalid. */
const MAX_DEVICE_ID = 512;

/** The default follows the browser's languages, in the user's order. */
function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const language = LANGUAGES.find((one) => one === tag.split('-')[0]?.toLowerCase());
    if (language !== undefined) return language;
  }
  return 'en';
}

export function readSettings(stored: string | null, browserLanguages: readonly string[]): Settings {
  const kept = parse(stored);
  const flag = (name: string, otherwise: boolean): boolean => (typeof kept[name] === 'boolean' ? kept[name] : otherwise);
  const device = (name: string): string | undefined => {
    const id = kept[name];
    return typeof id === 'string' && id.length <= MAX_DEVICE_ID ? id : undefined;
  };
  return {
    language: oneOf(LANGUAGES, kept['language']) ?? languageOf(browserLanguages),
    theme: oneOf(THEMES, kept['theme']) ?? 'system',
    layout: oneOf(LAYOUTS, kept['layout']) ?? 'auto',
    receive: oneOf(RECEIVE_QUALITIES, kept['receive']) ?? 'auto',
    cameraHeight: oneOf(CAMERA_HEIGHTS, kept['cameraHeight']) ?? 720,
    videoCodec: oneOf(CODEC_CHOICES, kept['videoCodec']) ?? 'auto',
    noiseSuppression: flag('noiseSuppression', true),
    isBackgroundBlurred: flag('isBackgroundBlurred', false),
    isMirrored: flag('isMirrored', true),
    hasSounds: flag('hasSounds', true),
    hasPushToTalk: flag('hasPushToTalk', true),
    microphoneId: device('microphoneId'),
    cameraId: device('cameraId'),
    speakerId: device('speakerId'),
  };
}

function parse(stored: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(stored ?? '{}');
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

function oneOf<T>(choices: readonly T[], value: unknown): T | undefined {
  return choices.find((one) => one === value);
}
