/** What the attribution form is filled with from the solutions that a ticket cites. */
import type { CitationRowFragment, FaultType, RootCauseLevel } from '../gql';

export interface CitedDraft {
  /** Id of the citation. */
  id: string;
  /** What was cited, as the reader knows it: `#12`, or the title of a card. */
  source: string;
  faultType: FaultType;
  rootCauseLevel: RootCauseLevel;
  causeTag: string | null;
  solutionTags: readonly string[];
  resolution: string;
}

/** The drafts of the citations that the viewer may still read, the latest first. */
export function citedDrafts(citations: readonly CitationRowFragment[]): CitedDraft[] {
  return citations
    .flatMap(({ id, text, source }): CitedDraft[] => {
      if (text === null || !source) return [];
      const cause = source.__typename === 'Ticket' ? source.attribution : source;
      if (!cause) return [];
      const { faultType, rootCauseLevel, causeTag, solutionTags } = cause;
      const name = source.__typename === 'Ticket' ? `#${source.number}` : source.title;
      return [{ id, source: name, faultType, rootCauseLevel, causeTag, solutionTags, resolution: text }];
    })
    .reverse();
}
