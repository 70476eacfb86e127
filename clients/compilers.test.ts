/** Compilers that read schema.graphql: the Relay compiler and GraphQL Code Generator. */
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
let workDir: string;
beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'buoy-compilers-'));
  await symlink(join(here, 'node_modules'), join(workDir, 'node_modules'));
});
afterAll(() => rm(workDir, { recursive: true }));

it('compiles a node, a connection, a mutation and a subscription with the Relay compiler', async () => {
  await cp(join(here, 'relay'), join(workDir, 'src'), { recursive: true });
  await cp(schema, join(workDir, 'schema.graphql'));
  const config = { src: './src', schema: './schema.graphql', language: 'javascript', artifactDirectory: './src/__generated__' };
  await mkdir(join(workDir, 'src/__generated__'));
  await writeFile(join(workDir, 'package.json'), JSON.stringify({ name: 'compiled', relay: config }));
  await run(process.execPath, [join(here, 'node_modules/relay-compiler/cli.js')], { cwd: workDir });
  const artifacts = await readdir(join(workDir, 'src/__generated__'));
  for (const name of ['TicketsPageQuery', 'TicketsNodeQuery', 'TicketsAcceptMutation', 'TicketsBoardSubscription']) {
    expect(artifacts).toContain(`${name}.graphql.js`);
  }
});

it('generates types that accept valid variables and reject invalid ones', async () => {
  const document = parse(await readFile(join(here, 'codegen/board.graphql'), 'utf8'));
  const generated = await codegen({
    filename: 'types.ts',
    schema: parse(await readFile(schema, 'utf8')),
    documents: [{ location: 'board.graphql', document }],
    config: { scalars: { DateTime: 'string', ID: 'string' }, strictScalars: true, enumsAsTypes: true, useTypeImports: true, onlyOperationTypes: true },
    plugins: [{ operations: {} }, { documents: {} }],
    pluginMap: { operations, documents },
  });
  await writeFile(join(workDir, 'types.ts'), generated);
  const sampleSource = (level: string) => `import type { ResolveMutationVariables } from './types';
    export const variables: ResolveMutationVariables = { input: { ticketId: '1', attribution: { faultType: 'HARDWARE',
      rootCauseLevel: '${level}', solutionTags: ['RESTART'], resolution: '换件' } } };`;
  const compileWith = async (level: string) => {
    await writeFile(join(workDir, 'use.ts'), sampleSource(level));
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2022', '--moduleResolution', 'bundler', '--module', 'esnext'];
    const tsc = join(here, 'node_modules/typescript/bin/tsc');
    return run(process.execPath, [tsc, ...flags, 'use.ts'], { cwd: workDir }).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
  };
  expect(await compileWith('L2_ENVIRONMENT')).toBe('');
  expect(await compileWith('L9_NOTHING')).toContain('L9_NOTHING');
});
