import { expect, it } from 'vitest';
import type { Requester } from '../../signaling/requester';
import { Reception, type ReceptionWish } from './reception';

const wish = (change: Partial<ReceptionWish> = {}): ReceptionWish => ({ consumerId: 'c', isHidden: false, spatialLayer: 1, temporalLayer: 2, priority: 80, ...change });

function setUp(): { reception: Reception; told: () => string[] } {
  let lines: string[] = [];
  const signaling = { notify: (method: string, data: object) => lines.push(`${method} ${Object.values(data).join(' ')}`.trimEnd()) } as unknown as Requester;
  return {
    reception: new Reception(signaling),
    told: () => {
      const all = lines;
      lines = [];
      return all;
    },
  };
}

it('asks for the size that is shown, and says the same only once', () => {
  const { reception, told } = setUp();
  reception.sync([wish()]);
  expect(told()).toEqual(['setConsumerPreferredLayers c 1 2', 'setConsumerPriority c 80']);
  reception.sync([wish()]);
  expect(told()).toEqual([]);
  reception.sync([wish({ spatialLayer: 2 })]);
  expect(told()).toEqual(['setConsumerPreferredLayers c 2 2']);
});

it('holds back what nobody sees, and lets it flow again in its new size', () => {
  const { reception, told } = setUp();
  reception.sync([wish()]);
  told();
  reception.sync([wish({ isHidden: true })]);
  reception.sync([wish({ isHidden: true, spatialLayer: 0 })]);
  expect(told()).toEqual(['pauseConsumer c']);
  reception.sync([wish({ spatialLayer: 0 })]);
  expect(told()).toEqual(['setConsumerPreferredLayers c 0 2', 'resumeConsumer c']);
});

it('forgets what is gone', () => {
  const { reception, told } = setUp();
  reception.sync([wish()]);
  reception.sync([]);
  told();
  reception.sync([wish()]);
  expect(told()).toHaveLength(2);
});

it('says whose streams come first when that changes, and nothing of nobody at the start', () => {
  const { reception, told } = setUp();
  reception.watch([]);
  expect(told()).toEqual([]);
  reception.watch(['bob', 'cy']);
  reception.watch(['bob', 'cy']);
  expect(told()).toEqual(['setWatchedPeers bob,cy']);
  reception.watch(['cy', 'bob']);
  reception.watch([]);
  reception.watch([]);
  expect(told()).toEqual(['setWatchedPeers cy,bob', 'setWatchedPeers']);
});
