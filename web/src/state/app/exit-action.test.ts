import { expect, it } from 'vitest';
import { ConveneError, type ErrorCode } from '../../core/errors';
import type { EndCause } from '../../core/session/close-reason';
import { exitActionOf } from './exit-action';

it.each<[EndCause, string | undefined]>([
  ['left', 'joinAgain'],
  ['ended-by-moderator', 'startOver'],
  ['meeting-ended', undefined],
  ['meeting-missing', undefined],
  ['meeting-full', 'tryAgain'],
  ['meeting-locked', 'tryAgain'],
  ['removed', undefined],
  ['refused', 'tryAgain'],
  ['not-admitted', 'tryAgain'],
  ['lobby-full', 'tryAgain'],
  ['replaced', 'joinAgain'],
  ['peer-id-taken', 'tryAgain'],
  ['invitation-used', undefined],
  ['token-required', undefined],
  ['closed', 'joinAgain'],
])('after the end "%s" there is %s', (cause, label) => expect(exitActionOf({ name: 'ended', cause, reason: '' })?.label).toBe(label));

it.each<[ErrorCode, string | undefined]>([
  ['server-unreachable', 'back'],
  ['media-unreachable', 'back'],
  ['meeting-waits', 'back'],
  ['meeting-busy', 'back'],
  ['join-refused', 'back'],
  ['answer-malformed', 'reload'],
  ['meeting-over', undefined],
  ['meeting-missing', undefined],
  ['token-expired', undefined],
  ['access-refused', undefined],
  ['browser-unsupported', undefined],
  ['codec-unsupported', undefined],
])('after the error "%s" there is %s', (code, does) => expect(exitActionOf({ name: 'failed', error: new ConveneError(code, '') })?.does).toBe(does));

it.each([
  [true, 'back'],
  [false, undefined],
])('a missing meeting can be retried if it may appear (%s)', (mayAppear, does) => expect(exitActionOf({ name: 'missing', mayAppear })?.does).toBe(does));
