// Uploads a file with tus-js-client: in chunks or as one, in parallel parts or not.
//
//   node tus_client.mjs --endpoint URL --token TOKEN --urls FILE
//                       [--chunk N] [--parallel N] [--stop-at N] PATH
//
// Prints {"url":URL,"sent":N} at the end, N being the bytes that this run sent. With --stop-at it
// aborts once so many are confirmed, and prints {"stopped":N}; the next run with the same FILE goes
// on from there.

import { createReadStream } from 'node:fs';
import { parseArgs } from 'node:util';

import * as tus from 'tus-js-client';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    endpoint: { type: 'string' },
    token: { type: 'string' },
    urls: { type: 'string' },
    chunk: { type: 'string', default: 'Infinity' },
    parallel: { type: 'string', default: '1' },
    'stop-at': { type: 'string', default: 'Infinity' },
  },
});
const stopAt = Number(options['stop-at']);
let sent = 0;

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

const upload = new tus.Upload(createReadStream(positionals[0]), {
  endpoint: options.endpoint,
  headers: { Authorization: `Token token=${options.token}` },
  metadata: { filename: positionals[0].split('/').pop() },
  chunkSize: Number(options.chunk),
  parallelUploads: Number(options.parallel),
  retryDelays: [0, 0, 0],
  urlStorage: new tus.FileUrlStorage(options.urls),
  onChunkComplete(size) {
    sent += size;
    if (sent < stopAt) return;
    upload.abort();
    say({ stopped: sent });
  },
  onSuccess() {
    say({ url: upload.url, sent });
  },
  onError(error) {
    console.error(String(error));
    process.exitCode = 1;
  },
});
const earlier = await upload.findPreviousUploads();
if (earlier.length > 0) upload.resumeFromPreviousUpload(earlier[0]);
upload.start();
