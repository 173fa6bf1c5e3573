/** The settings dialog. */

import type { Texts } from '../en';

export const settings: Pick<Texts, 'settings'> = {
  settings: {
    title: 'Einstellungen',
    devices: 'Geräte',
    meeting: 'Besprechung',
    appearance: 'Darstellung',
    theme: 'Design',
    language: 'Sprache',
    layout: 'Ansicht',
    receive: 'Empfangene Videoqualität',
    camera: 'Kameraauflösung',
    cameraHeight: (height) => ({ 1080: 'Full HD (1080p)', 720: 'HD (720p)', 360: 'Standard (360p)', 180: 'Klein (180p)' })[height] ?? `${height}p`,
    codec: 'Video-Codec (gilt ab dem nächsten Start der Kamera)',
    codecAuto: 'Automatisch',
    noise: 'Geräuschunterdrückung',
    blur: 'Hintergrund weichzeichnen',
    mirror: 'Mein Video spiegeln',
    sounds: 'Benachrichtigungstöne',
    pushToTalk: 'Push-to-Talk: Leertaste zum Sprechen gedrückt halten',
    licenses: 'Open-Source-Lizenzen',
  },
};
