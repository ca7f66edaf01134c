// Makes a component of a script that listens to the fetch event: node build.mjs SOURCE WIT OUT
import { readFile, writeFile } from 'node:fs/promises';
import { componentize } from '@bytecodealliance/componentize-js';

const [source, wit, out] = process.argv.slice(2);
const { component } = await componentize(await readFile(source, 'utf8'), { witPath: wit, worldName: 'component' });
await writeFile(out, component);
