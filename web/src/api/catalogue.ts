/** Catalogue entries that tickets refer to by key, loaded once per language. */
import { useQuery } from 'urql';
import { CatalogueDocument, type CatalogueQuery } from '../gql';

export type Catalogue = CatalogueQuery['catalogue'];

const EMPTY: Catalogue = { teams: [], issueTypes: [], products: [], solutionTags: [], causeTags: [] };

export function useCatalogue(): Catalogue {
  const [{ data }] = useQuery({ query: CatalogueDocument });
  return data?.catalogue ?? EMPTY;
}

/** The name of a key; the key itself where the catalogue does not contain it. */
export function nameOf(entries: readonly { key: string; name: string }[], key: string): string {
  return entries.find((entry) => entry.key === key)?.name ?? key;
}
