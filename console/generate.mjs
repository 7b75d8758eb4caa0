// Writes src/api/schema.ts from the API's description on standard input. Comments are left out: they are in the description.
import { writeFileSync } from 'node:fs';
import { text as textOf } from 'node:stream/consumers';
import openapiTS from 'openapi-typescript';
import ts from 'typescript';

const nodes = await openapiTS(JSON.parse(await textOf(process.stdin)), { alphabetize: true });
const printer = ts.createPrinter({ removeComments: true });
const file = ts.createSourceFile('schema.ts', '', ts.ScriptTarget.ES2022);
const text = nodes.map((node) => printer.printNode(ts.EmitHint.Unspecified, node, file)).join('\n');
writeFileSync(
  process.argv[2] ?? 'src/api/schema.ts',
  `// Generated from the API's description: \`make console-client\` renews it.\n${text}\n`,
);
