import { expect, it } from 'vitest';
import { translate } from '../i18n/messages';
import { describeCapacity, describeWorkload } from './workload';

it.each([
  [0, 'open work 0 of 20 points (≈ 0 normal tickets)'],
  [2, 'open work 2 of 20 points (≈ 1 normal ticket)'],
  [6, 'open work 6 of 20 points (≈ 3 normal tickets)'],
  [7, 'open work 7 of 20 points (≈ 4 normal tickets)'],
])('says %s points as normal tickets', (load, expected) => {
  expect(describeWorkload((key, values) => translate('en', key, values), load, 20)).toBe(expected);
});

it('says a capacity in both languages', () => {
  expect(describeCapacity((key, values) => translate('en', key, values), 20)).toBe('20 points (about 10 normal tickets)');
  expect(describeCapacity((key, values) => translate('zh-CN', key, values), 20)).toBe('20 分（约 10 张普通工单）');
});
