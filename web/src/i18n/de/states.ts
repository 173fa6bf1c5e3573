/** One text for each value of a type: states, commands, reactions, choices. */

import type { Texts } from '../en';

export const states: Pick<
  Texts,
  'connection' | 'interruptions' | 'waiting' | 'commands' | 'reactions' | 'mutedBy' | 'refusals' | 'layouts' | 'themes' | 'receive' | 'languages'
> = {
  connection: {
    idle: 'Nicht verbunden',
    connecting: 'Verbindung wird hergestellt …',
    lobby: 'Beitritt angefragt …',
    connected: 'Verbunden',
    reconnecting: 'Verbindung wird wiederhergestellt …',
    closed: 'Getrennt',
    failed: 'Verbindung fehlgeschlagen',
  },
  interruptions: {
    signaling: 'Verbindung wird wiederhergestellt … Die Besprechung läuft weiter.',
    media: 'Der Medienserver ist nicht erreichbar. Neuer Versuch …',
  },
  waiting: {
    scheduled: 'Die Besprechung hat noch nicht begonnen.',
    starting: 'Die Besprechung wird vorbereitet. Das dauert einige Sekunden.',
    image: 'Der Server lädt benötigte Dateien herunter. Das kann eine Minute dauern.',
    capacity: 'Alle Plätze sind belegt. Sie treten bei, sobald einer frei wird.',
    broken: 'Die Besprechung kann wegen eines Problems mit dem Dienst nicht beginnen. Geben Sie bitte der Person Bescheid, die Sie eingeladen hat.',
    other: 'Die Besprechung ist noch nicht bereit.',
  },
  commands: {
    microphone: 'Mikrofon ein- oder ausschalten',
    camera: 'Kamera ein- oder ausschalten',
    share: 'Bildschirm teilen',
    chat: 'Chat öffnen oder schließen',
    people: 'Personen anzeigen oder ausblenden',
    hand: 'Hand heben oder senken',
    layout: 'Ansicht wechseln',
    fullScreen: 'Vollbild',
    help: 'Tastenkombinationen',
    statistics: 'Statistik',
    talk: 'Bei stummem Mikrofon: zum Sprechen gedrückt halten',
  },
  reactions: { like: 'Gefällt mir', clap: 'Applaus', heart: 'Herz', laugh: 'Lachen', surprised: 'Überrascht', party: 'Feiern' },
  mutedBy: {
    audio: 'Die Moderation hat Sie stummgeschaltet.',
    video: 'Die Moderation hat Ihre Kamera ausgeschaltet.',
    share: 'Die Moderation hat Ihre Bildschirmfreigabe beendet.',
  },
  refusals: {
    notAllowed: 'Sie haben dafür keine Berechtigung.',
    notNow: 'Das ist gerade nicht möglich.',
    gone: 'Das ist nicht mehr verfügbar.',
    tooLarge: 'Das ist zu groß zum Senden.',
    tooOften: 'Warten Sie einen Moment und versuchen Sie es noch einmal.',
    noAnswer: 'Der Server antwortet nicht. Versuchen Sie es noch einmal.',
    offline: 'Sie sind gerade nicht verbunden.',
    other: 'Versuchen Sie es gleich noch einmal.',
  },
  layouts: { auto: 'Automatisch', grid: 'Galerie', speaker: 'Sprecheransicht' },
  themes: { system: 'Systemstandard', light: 'Hell', dark: 'Dunkel' },
  receive: { auto: 'Automatisch', saver: 'Daten sparen', audioOnly: 'Nur Audio' },
  languages: { en: 'English', de: 'Deutsch', es: 'Español' },
};
