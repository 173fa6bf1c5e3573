/** The screens before and after a call. */

import type { Texts } from '../en';

export const screens: Pick<Texts, 'common' | 'home' | 'preJoin' | 'waitingRoom' | 'ended'> = {
  common: {
    close: 'Schließen',
    cancel: 'Abbrechen',
    dismiss: 'Ausblenden',
    tryAgain: 'Noch einmal versuchen',
    you: 'Sie',
    loading: 'Besprechung wird geladen …',
    copied: 'Kopiert',
  },
  home: {
    title: 'An einer Besprechung teilnehmen',
    advice: 'Geben Sie den Code oder den Link aus Ihrer Einladung ein.',
    entry: 'Code oder Link',
    entryHint: 'team/besprechung',
    go: 'Weiter',
    problems: {
      unreadable: 'Das ist kein Besprechungscode oder -link. Prüfen Sie die Eingabe auf Tippfehler.',
      elsewhere: 'Dieser Link gehört zu einer anderen Website. Öffnen Sie ihn in Ihrem Browser.',
    },
    recent: 'Letzte Besprechungen',
    clear: 'Löschen',
    toHome: 'Zur Startseite',
  },
  preJoin: {
    about: 'Sie treten bei:',
    preview: 'Kameravorschau',
    yourName: 'Ihr Name',
    nameHint: 'So sehen andere Sie',
    join: 'Beitreten',
    joinWithout: 'Ohne Kamera und Mikrofon beitreten',
    joinAndWait: 'Beitreten und warten',
    mayAsk: 'Ihr Browser fragt möglicherweise nach dem Zugriff auf Kamera und Mikrofon.',
    cameraOff: 'Kamera ist aus',
    level: 'Mikrofonpegel',
    empty: 'Noch ist niemand da',
    already: (count) => (count === 1 ? '1 Person ist da' : `${new Intl.NumberFormat('de').format(count)} Personen sind da`),
    viewer: 'Sie nehmen als Zuschauer teil',
    viewerMay: 'Sie können zusehen, zuhören, reagieren und die Hand heben. Die Moderation kann Sie auf die Bühne holen.',
    unreachable: 'Der Server antwortet noch nicht. Sie können beitreten und warten.',
    outOfReach:
      'In Firefox funktionieren Ton und Video nicht: Dieser Server nimmt Medien nur unter 127.0.0.1 an, und zu dieser Adresse stellt Firefox keine Verbindung her. Verwenden Sie Chrome oder verbinden Sie diesen Computer mit einem Netzwerk und starten Sie den Server neu.',
  },
  waitingRoom: {
    title: 'Gleich geht es los',
    startsAt: (when, isToday) => `Beginnt ${isToday ? 'um' : 'am'} ${when} Uhr`,
    auto: 'Sie treten automatisch bei. Lassen Sie die Seite einfach offen.',
    back: 'Zurück',
    lobbyTitle: 'Beitritt angefragt …',
    lobby: 'Sie treten bei, sobald die Moderation Sie zulässt. Das kann etwas dauern, wenn sie noch nicht da ist.',
    cancel: 'Anfrage zurückziehen',
  },
  ended: { joinAgain: 'Wieder beitreten', startOver: 'Erneut starten', tryAgain: 'Noch einmal versuchen', reload: 'Seite neu laden' },
};
