/** Participants of the scenes. */

import { ALL_RIGHTS, peerOf, type Peer } from '../core/signaling/peers';

const NAMES = [
  'Grace Hopper',
  'Linus Öberg',
  'Maryam Mirzakhani-Nordström',
  'Jo',
  'Ngũgĩ Kamau',
  'Sofía Hernández',
  'Tim Berners-Lee',
  'Радия Перлман',
  '山田 太郎',
  'Barbara Liskov',
  'Alan Kay',
  'Frances Allen',
  'Ken Thompson',
  'Shafi Goldwasser',
  'Donald Knuth',
  'Margaret Hamilton',
  'Vint Cerf',
  'Anita Borg',
  'Edsger Dijkstra',
  'Karen Spärck Jones',
  'Dennis Ritchie',
  'Hedy Lamarr',
  'Tony Hoare',
  'Evelyn Boyd',
  'Niklaus Wirth',
  'Adele Goldberg',
  'John Backus',
  'Katherine Johnson',
  'Bjarne Stroustrup',
  'Mary Jackson',
];

/** Unusual display names, as other clients may send them. */
export const ODD_NAMES = [
  'N'.repeat(10_000),
  'Prof. Dr. Wolfeschlegelsteinhausenbergerdorff von und zu Hohenlohe-Waldenburg-Schillingsfürst',
  '<img src=x onerror="alert(1)"><b>Bold</b>',
  'محمد بن موسى الخوارزمي',
  'עדה לאבלייס (אורחת)',
  '\u202Egnitteg si eman siht',
  'Z̴̧̛͎a̵l̶g̷o̸ ̶t̵e̷x̴t̷',
  ' ',
  'a\nb\tc',
  '👩‍👩‍👧‍👦 🏳️‍🌈',
];

export const peerId = (index: number): string => `peer${index + 1}`;

export function peer(index: number, names: readonly string[] = NAMES): Peer {
  const name = names[index % names.length] ?? 'Participant';
  return {
    ...peerOf({ peerId: peerId(index), displayName: name }),
    peerStatus: { isModerator: index === 0, isGuest: index % 3 === 1, publish: ALL_RIGHTS, isDisconnected: false },
    isRecorder: index === 5,
    isHandRaised: index === 2,
  };
}
