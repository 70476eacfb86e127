// Rules for ../schema.graphql, apart from eslint.config.js: ESLint lints no file outside the folder it runs in, so
// `npm run lint:schema` runs in the root of the repository.
import { fileURLToPath } from 'node:url';
import graphql from '@graphql-eslint/eslint-plugin';
import { defineConfig } from 'eslint/config';

const recommended = graphql.configs['flat/schema-recommended'].rules;
const relay = graphql.configs['flat/schema-relay'].rules;
const [severity, conventions] = recommended['@graphql-eslint/naming-convention'];
const objectTypes = 'ObjectTypeDefinition,ObjectTypeExtension';

export default defineConfig([
  {
    files: ['schema.graphql'],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: fileURLToPath(new URL('../schema.graphql', import.meta.url)) } },
    },
    plugins: { '@graphql-eslint': graphql },
    rules: {
      ...recommended,
      ...relay,
      '@graphql-eslint/require-description': [
        'error',
        {
          types: true,
          FieldDefinition: true,
          // Arguments of fields, and fields of input types.
          InputValueDefinition: true,
          EnumValueDefinition: true,
          DirectiveDefinition: true,
          // GraphQL's own directives; the server library prints them without descriptions of their arguments.
          ignoredSelectors: [
            'DirectiveDefinition[name.value=/^(deprecated|include|oneOf|skip|specifiedBy)$/] > InputValueDefinition',
          ],
        },
      ],
      '@graphql-eslint/naming-convention': [
        severity,
        // The type of an issue is a term of the product.
        { ...conventions, [objectTypes]: { ...conventions[objectTypes], ignorePattern: '^IssueType$' } },
      ],
      // Every mutation takes one argument `input` of its own type and returns a payload.
      '@graphql-eslint/input-name': ['error', { checkInputType: true, caseSensitiveInputType: false }],
      '@graphql-eslint/no-scalar-result-type-on-mutation': 'error',
      '@graphql-eslint/relay-edge-types': [
        'error',
        {
          // Short, bounded lists are plain lists.
          listTypeCanWrapOnlyEdgeType: false,
          // Relay allows any type as a node; events and other rows that nobody fetches by id are no `Node`.
          shouldImplementNode: false,
        },
      ],
      // Off: only a `Node` has an id, and that interface requires it. Payloads, edges and figures have none.
      '@graphql-eslint/strict-id-in-types': 'off',
    },
  },
]);
