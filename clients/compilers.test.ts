/** Compilers that read schema.graphql: Relay's, and GraphQL Code Generator's. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { codegen } from '@graphql-codegen/core';
import * as documents from '@graphql-codegen/typed-document-node';
import * as operations from '@graphql-codegen/typescript-operations';
import { parse } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';

const run = promisify(execFile);
const here = new URL('.', import.meta.url).pathname;
const schema = join(here, '../schema.graphql');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'buoy-compilers-'));
  await symlink(join(here, 'node_modules'), join(folder, 'node_modules'));
});
afterAll(() => rm(folder, { recursive: true }));

it('compiles for Relay: a node, a connection, a mutation, a subscription', async () => {
  await cp(join(here, 'relay'), join(folder, 'src'), { recursive: true });
  await cp(schema, join(folder, 'schema.graphql'));
  const config = { src: './src', schema: './schema.graphql', language: 'javascript', artifactDirectory: './src/__generated__' };
  await mkdir(join(folder, 'src/__generated__'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'compiled', relay: config }));
  await run(process.execPath, [join(here, 'node_modules/relay-compiler/cli.js')], { cwd: folder });
  const made = await readdir(join(folder, 'src/__generated__'));
  for (const name of ['TicketsPageQuery', 'TicketsNodeQuery', 'TicketsAcceptMutation', 'TicketsBoardSubscription']) {
    expect(made).toContain(`${name}.graphql.js`);
  }
});

it('generates types that hold what an operation may and may not be given', async () => {
  const document = parse(await readFile(join(here, 'codegen/board.graphql'), 'utf8'));
  const generated = await codegen({
    filename: 'types.ts',
    schema: parse(await readFile(schema, 'utf8')),
    documents: [{ location: 'board.graphql', document }],
    config: { scalars: { DateTime: 'string', ID: 'string' }, strictScalars: true, enumsAsTypes: true, useTypeImports: true, onlyOperationTypes: true },
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations, documents },
  });
  await writeFile(join(folder, 'types.ts'), generated);
  const use = (level: string) => `import type { ResolveMutationVariables } from './types';
    export const variables: ResolveMutationVariables = { input: { ticketId: '1', attribution: { faultType: 'HARDWARE',
      rootCauseLevel: '${level}', solutionTags: ['RESTART'], resolution: '换件' } } };`;
  const check = async (level: string) => {
    await writeFile(join(folder, 'use.ts'), use(level));
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--moduleResolution', 'bundler', '--module', 'esnext'];
    const tsc = join(here, 'node_modules/typescript/bin/tsc');
    return run(process.execPath, [tsc, ...flags, 'use.ts'], { cwd: folder }).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
  };
  expect(await check('L2_ENVIRONMENT')).toBe('');
  expect(await check('L9_NOTHING')).toContain('L9_NOTHING');
});
