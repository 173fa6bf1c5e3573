import { expect, it } from 'vitest';
import type { Requester } from '../../signaling/requester';
import { Reception, type ReceptionPreference } from './reception';

const preference = (change: Partial<ReceptionPreference> = {}): ReceptionPreference => ({
  consumerId: 'c',
  isHidden: false,
  spatialLayer: 1,
  temporalLayer: 2,
  priority: 80,
  ...change,
});

function setUp(): { reception: Reception; sent: () => string[] } {
  let lines: string[] = [];
  const signaling = { notify: (method: string, data: object) => lines.push(`${method} ${Object.values(data).join(' ')}`.trimEnd()) } as unknown as Requester;
  return {
    reception: new Reception(signaling),
    sent: () => {
      const all = lines;
      lines = [];
      return all;
    },
  };
}

it('requests the size that is shown, and sends only changes', () => {
  const { reception, sent } = setUp();
  reception.sync([preference()]);
  expect(sent()).toEqual(['setConsumerPreferredLayers c 1 2', 'setConsumerPriority c 80']);
  reception.sync([preference()]);
  expect(sent()).toEqual([]);
  reception.sync([preference({ spatialLayer: 2 })]);
  expect(sent()).toEqual(['setConsumerPreferredLayers c 2 2']);
});

it('pauses what is off screen, and resumes it in its new size', () => {
  const { reception, sent } = setUp();
  reception.sync([preference()]);
  sent();
  reception.sync([preference({ isHidden: true })]);
  reception.sync([preference({ isHidden: true, spatialLayer: 0 })]);
  expect(sent()).toEqual(['pauseConsumer c']);
  reception.sync([preference({ spatialLayer: 0 })]);
  expect(sent()).toEqual(['setConsumerPreferredLayers c 0 2', 'resumeConsumer c']);
});

it('starts a video in its smallest size, and requests the one that is shown once it flows', () => {
  const { reception, sent } = setUp();
  reception.start('c');
  expect(sent()).toEqual(['setConsumerPreferredLayers c 0 2']);
  reception.sync([preference({ spatialLayer: 2 })]);
  expect(sent()).toEqual(['setConsumerPriority c 80']);
  reception.flows('c');
  expect(sent()).toEqual(['setConsumerPreferredLayers c 2 2']);
  reception.flows('c');
  reception.sync([preference({ spatialLayer: 2 })]);
  expect(sent()).toEqual([]);
});

it('requests the size of a video that flows before it is shown', () => {
  const { reception, sent } = setUp();
  reception.start('c');
  reception.flows('c');
  sent();
  reception.sync([preference()]);
  expect(sent()).toEqual(['setConsumerPreferredLayers c 1 2', 'setConsumerPriority c 80']);
});

it('pauses a video that is off screen before it flows', () => {
  const { reception, sent } = setUp();
  reception.start('c');
  sent();
  reception.sync([preference({ isHidden: true })]);
  reception.sync([preference({ spatialLayer: 0 })]);
  expect(sent()).toEqual(['pauseConsumer c', 'setConsumerPriority c 80', 'resumeConsumer c']);
});

it('forgets closed consumers', () => {
  const { reception, sent } = setUp();
  reception.sync([preference()]);
  reception.forget('c');
  sent();
  reception.sync([preference()]);
  expect(sent()).toHaveLength(2);
});

it('a video that is not listed stays as it is, and does not count as seen', () => {
  const { reception, sent } = setUp();
  reception.sync([preference({ isHidden: true })]);
  reception.sync([]);
  sent();
  expect(reception.isSeen('c')).toBe(false);
  reception.sync([preference()]);
  expect(sent()).toContain('resumeConsumer c');
  expect(reception.isSeen('c')).toBe(true);
});

it('sends the watched peers when they change, and no empty list at the start', () => {
  const { reception, sent } = setUp();
  reception.watch([]);
  expect(sent()).toEqual([]);
  reception.watch(['bob', 'cy']);
  reception.watch(['bob', 'cy']);
  expect(sent()).toEqual(['setWatchedPeers bob,cy']);
  reception.watch(['cy', 'bob']);
  reception.watch([]);
  reception.watch([]);
  expect(sent()).toEqual(['setWatchedPeers cy,bob', 'setWatchedPeers']);
});
