// The agent of the TypeScript SDK in Node: JSON lines on standard input and output.
import { createInterface } from 'node:readline';
import * as sdk from '../../js/dist/node/index.js';
import { makeAgent } from './javascript_commands.mjs';

const write = (values) => process.stdout.write(`${JSON.stringify(values)}\n`);
const answer = makeAgent(sdk, (path) => new sdk.FileStore(path), write);

write({ event: 'ready' });
for await (const text of createInterface({ input: process.stdin })) {
  const line = JSON.parse(text);
  const answered = answer(line); // a request that waits for a connection delays no other
  if (line.do === 'exit') {
    await answered;
    break;
  }
}
process.exit();
