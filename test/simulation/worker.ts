import { parentPort } from 'node:worker_threads';
import { runBlock, type Block } from './blocks.ts';

const port = parentPort;
if (port === null) throw new Error('worker.ts runs in a worker thread');
port.on('message', (block: Block) => {
  // A failure of the simulation itself ends the worker, and with it the whole simulation.
  void runBlock(block).then((result) => {
    port.postMessage(result);
  });
});
