/** Errors, and how a call ended. */

import type { DeviceWord, Texts } from '../en';

/** With the article, in the accusative: "Ihr Browser blockiert …". */
const DEVICES: Readonly<Record<DeviceWord, string>> = {
  microphone: 'das Mikrofon',
  camera: 'die Kamera',
  screen: 'den Bildschirm',
  screenSound: 'den Ton des Bildschirms',
  both: 'Kamera und Mikrofon',
};

const NO_DEVICE: Readonly<Record<DeviceWord, string>> = {
  microphone: 'Kein Mikrofon gefunden',
  camera: 'Keine Kamera gefunden',
  screen: 'Kein Bildschirm gefunden',
  screenSound: 'Kein Ton gefunden',
  both: 'Weder Kamera noch Mikrofon gefunden',
};

/** As in "Schließen Sie … an". */
const ONE: Readonly<Record<DeviceWord, string>> = {
  microphone: 'eines',
  camera: 'eine',
  screen: 'einen',
  screenSound: 'ein Gerät',
  both: 'ein Gerät',
};

const BROWSER_ADVICE = 'Öffnen Sie den Link in einer aktuellen Version von Chrome, Edge, Firefox oder Safari.';

export const problems: Pick<Texts, 'errors' | 'endings'> = {
  errors: {
    'insecure-context': () => ({
      title: 'Kamera und Mikrofon brauchen eine sichere Verbindung',
      advice: 'Verwenden Sie einen Link, der mit https:// beginnt, oder treten Sie bei, um nur zuzusehen und zuzuhören.',
    }),
    'webrtc-missing': () => ({ title: 'Dieser Browser unterstützt keine Videoanrufe', advice: BROWSER_ADVICE }),
    'browser-unsupported': () => ({ title: 'Dieser Browser wird nicht unterstützt', advice: BROWSER_ADVICE }),
    'meeting-missing': () => ({ title: 'Besprechung nicht gefunden', advice: 'Prüfen Sie den Link auf Tippfehler oder bitten Sie um einen neuen.' }),
    'meeting-over': () => ({ title: 'Die Besprechung ist zu Ende', advice: 'Danke für Ihre Teilnahme.' }),
    'token-required': () => ({
      title: 'Sie brauchen eine Einladung',
      advice: 'Nur eingeladene Personen können teilnehmen. Öffnen Sie den Link aus Ihrer Einladung oder bitten Sie um eine.',
    }),
    'token-invalid': () => ({
      title: 'Dieser Link ist ungültig',
      advice:
        'Er ist unvollständig oder gehört zu einer anderen Besprechung. Öffnen Sie den vollständigen Link aus Ihrer Einladung oder bitten Sie um einen neuen.',
    }),
    'token-expired': () => ({ title: 'Ihr Link ist abgelaufen', advice: 'Links sind nur begrenzte Zeit gültig. Bitten Sie um einen neuen.' }),
    'access-refused': () => ({
      title: 'Sie können an dieser Besprechung nicht teilnehmen',
      advice: 'Sie haben keinen Zugriff. Wenden Sie sich an die Person, die Sie eingeladen hat.',
    }),
    'permission-denied': (device) => ({
      title: `Ihr Browser blockiert ${DEVICES[device]}`,
      advice: `Erlauben Sie den Zugriff auf ${DEVICES[device]} über das Symbol neben der Adresszeile und versuchen Sie es noch einmal. Sie können auch so fortfahren.`,
    }),
    'device-missing': (device) => ({
      title: NO_DEVICE[device],
      advice: `Schließen Sie ${ONE[device]} an und versuchen Sie es noch einmal. Sie können auch so fortfahren.`,
    }),
    'device-in-use': (device) => ({
      title: `Wir können ${DEVICES[device]} gerade nicht verwenden`,
      advice: 'Möglicherweise verwendet eine andere App das Gerät. Schließen Sie diese App und versuchen Sie es noch einmal. Sie können auch so fortfahren.',
    }),
    'device-failed': (device) => ({
      title: `Wir konnten ${DEVICES[device]} nicht starten`,
      advice: 'Trennen Sie das Gerät und schließen Sie es wieder an, oder wählen Sie ein anderes. Sie können auch so fortfahren.',
    }),
    'server-unreachable': () => ({
      title: 'Die Besprechung ist nicht erreichbar',
      advice:
        'Prüfen Sie Ihre Internetverbindung und versuchen Sie es noch einmal. Wenn andere dasselbe Problem haben, wenden Sie sich an Ihre Administration.',
    }),
    'meeting-waits': () => ({
      title: 'Die Besprechung ist noch nicht bereit',
      advice: 'Sie wird noch vorbereitet. Bitte versuchen Sie es gleich noch einmal.',
    }),
    'meeting-busy': () => ({ title: 'Die Besprechung ist gerade überlastet', advice: 'Bitte versuchen Sie es gleich noch einmal.' }),
    'media-unreachable': () => ({
      title: 'Der Medienserver ist nicht erreichbar',
      advice: 'Möglicherweise blockiert Ihr Netzwerk Anrufe. Versuchen Sie es in einem anderen Netzwerk oder schalten Sie VPN oder Firewall aus.',
    }),
    'codec-unsupported': (device) => ({
      title: `Dieser Browser kann ${DEVICES[device]} nicht übertragen`,
      advice: `Browser und Server haben kein gemeinsames Medienformat. ${BROWSER_ADVICE}`,
    }),
    'request-refused': (device) => ({
      title: `Wir konnten ${DEVICES[device]} nicht übertragen`,
      advice:
        'Der Server hat es abgelehnt. Schalten Sie das Gerät aus und wieder ein. Wenn das nicht hilft, verlassen Sie die Besprechung und treten Sie wieder bei.',
    }),
    'join-refused': () => ({ title: 'Sie konnten nicht beitreten', advice: `Dieser Browser ist mit dieser Besprechung nicht kompatibel. ${BROWSER_ADVICE}` }),
    'request-timeout': () => ({ title: 'Der Server antwortet nicht rechtzeitig', advice: 'Bitte versuchen Sie es gleich noch einmal.' }),
    'answer-malformed': () => ({
      title: 'Diese Seite ist veraltet',
      advice: 'Laden Sie die Seite neu. Wenn das nicht hilft, wenden Sie sich an Ihre Administration.',
    }),
    'connection-closed': () => ({ title: 'Die Verbindung wurde geschlossen', advice: 'Bitte versuchen Sie es noch einmal.' }),
  },
  endings: {
    left: { title: 'Sie haben die Besprechung verlassen', advice: 'Solange sie läuft, können Sie wieder beitreten.' },
    'ended-by-moderator': { title: 'Die Besprechung wurde für alle beendet', advice: 'Die Moderation hat sie beendet. Danke für Ihre Teilnahme.' },
    'meeting-ended': { title: 'Die Besprechung ist zu Ende', advice: 'Danke für Ihre Teilnahme.' },
    'meeting-missing': { title: 'Besprechung nicht gefunden', advice: 'Möglicherweise wurde sie gelöscht. Bitten Sie um einen neuen Link.' },
    'meeting-full': { title: 'Diese Besprechung ist voll', advice: 'Versuchen Sie es noch einmal, wenn jemand gegangen ist.' },
    'meeting-locked': {
      title: 'Diese Besprechung ist gesperrt',
      advice: 'Gerade kann niemand neu beitreten. Bitten Sie jemanden in der Besprechung, sie zu entsperren.',
    },
    removed: {
      title: 'Sie wurden aus der Besprechung entfernt',
      advice: 'Die Moderation hat Sie entfernt. Mit diesem Browser oder Konto können Sie nicht wieder beitreten.',
    },
    refused: { title: 'Ihre Anfrage wurde abgelehnt', advice: 'Die Moderation hat Ihre Anfrage abgelehnt.' },
    'not-admitted': {
      title: 'Ihre Anfrage wurde nicht beantwortet',
      advice: 'Die Moderation muss Sie zulassen. Versuchen Sie es noch einmal, wenn sie da ist.',
    },
    'lobby-full': { title: 'Zu viele Personen möchten beitreten', advice: 'Versuchen Sie es in einigen Minuten noch einmal.' },
    replaced: { title: 'Sie sind auf einem anderen Gerät beigetreten', advice: 'Diese Seite wurde getrennt, damit Sie nicht doppelt teilnehmen.' },
    'peer-id-taken': { title: 'Sie konnten nicht beitreten', advice: 'Eine andere Verbindung verwendet Ihren Platz. Versuchen Sie es noch einmal.' },
    'invitation-used': { title: 'Diese Einladung wurde bereits verwendet', advice: 'Jede Einladung gilt für eine Person. Bitten Sie um eine neue.' },
    'token-required': {
      title: 'Sie brauchen eine Einladung',
      advice: 'Nur eingeladene Personen können teilnehmen. Öffnen Sie den Link aus Ihrer Einladung oder bitten Sie um eine.',
    },
    closed: { title: 'Ihre Verbindung wurde getrennt', advice: 'Die Besprechung hat Ihre Verbindung geschlossen.' },
  },
};
