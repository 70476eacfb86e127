import { describe, expect, it } from 'vitest';
import type { CitationRowFragment } from '../gql';
import { citedDrafts } from './citedDraft';

const cause = { faultType: 'HARDWARE', rootCauseLevel: 'L2_ENVIRONMENT', causeTag: null, solutionTags: ['RESTART'] } as const;
const citation = (id: string, text: string | null, source: unknown) => ({ id, text, at: '2026-01-01T00:00:00Z', by: { id: 'a', name: 'a' }, source }) as unknown as CitationRowFragment;
const ticket = { __typename: 'Ticket', number: 12, title: 't', attribution: cause };
const card = { __typename: 'KnowledgeCard', id: 'c', title: 'Loose terminal', ...cause };

describe('citedDrafts', () => {
  it('takes cause and text of cases and cards, the latest first', () => {
    const drafts = citedDrafts([citation('1', 'tighten', ticket), citation('2', 'replace', card)]);
    expect(drafts).toEqual([
      { id: '2', source: 'Loose terminal', ...cause, resolution: 'replace' },
      { id: '1', source: '#12', ...cause, resolution: 'tighten' },
    ]);
  });

  it.each([
    ['a text that the viewer may no longer read', citation('1', null, ticket)],
    ['a source that the viewer may no longer see', citation('1', 'tighten', null)],
    ['a case without attribution', citation('1', 'tighten', { ...ticket, attribution: null })],
  ])('leaves out %s', (_, of) => {
    expect(citedDrafts([of])).toEqual([]);
  });
});
