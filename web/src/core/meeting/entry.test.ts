import { expect, it } from 'vitest';
import { readEntry } from './entry';

const page = { host: 'meet.example.org', protocol: 'https:' };

it.each([
  ['a code', 'team-a/stand-up', '/m/team-a/stand-up'],
  ['a code of a pod that runs standalone', ' hello ', '/m/hello'],
  ['a path', '/m/team-a/stand-up/', '/m/team-a/stand-up'],
  ['a code that is no plain word', 'café', '/m/caf%C3%A9'],
  ['a code that is encoded already', 'caf%C3%A9', '/m/caf%C3%A9'],
  ['a link', 'https://meet.example.org/m/team-a/stand-up', '/m/team-a/stand-up'],
  ['a personal link with its token', 'https://meet.example.org/m/team-a/board#token=abc', '/m/team-a/board#token=abc'],
  ['a link in capitals', 'HTTPS://MEET.example.org/m/team-a/stand-up', '/m/team-a/stand-up'],
  ['a link without its scheme', 'meet.example.org/m/team-a/stand-up', '/m/team-a/stand-up'],
])('%s leads to the meeting', (_about, text, path) => expect(readEntry(text, page)).toEqual({ kind: 'meeting', path }));

it.each([
  ['nothing', '  ', 'unreadable'],
  ['a sentence', 'the stand-up please', 'unreadable'],
  ['too many parts', 'a/b/c', 'unreadable'],
  ['a link to no meeting', 'https://meet.example.org/', 'unreadable'],
  ['a link that is none', 'https://', 'unreadable'],
  ['another scheme', 'javascript:alert(1)//x', 'unreadable'],
  ['another service', 'https://evil.example/m/team-a/stand-up', 'elsewhere'],
  ['another service without a scheme', 'evil.example/m/x', 'elsewhere'],
])('%s does not', (_about, text, kind) => expect(readEntry(text, page).kind).toBe(kind));
