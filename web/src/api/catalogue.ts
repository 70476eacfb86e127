/** The words that tickets name by key, loaded once for each language. */
import { useQuery } from 'urql';
import { CatalogueDocument, type CatalogueQuery } from '../gql';

export type Catalogue = CatalogueQuery['catalogue'];

const EMPTY: Catalogue = { teams: [], issueTypes: [], products: [], solutionTags: [], causeTags: [] };

export function useCatalogue(): Catalogue {
  const [{ data }] = useQuery({ query: CatalogueDocument });
  return data?.catalogue ?? EMPTY;
}

/** The name of a key; the key itself where the catalogue does not have it. */
export function nameOf(entries: readonly { key: string; name: string }[], key: string): string {
  return entries.find((entry) => entry.key === key)?.name ?? key;
}
