// Uploads a file with tus-js-client, optionally in chunks and in parallel parts.
//
//   node tus_client.mjs --endpoint URL --token TOKEN --urls FILE
//                       [--chunk N] [--parallel N] [--deferred] [--stop-at N [--drop]] PATH
//
// Prints {"url":URL,"sent":N} at the end; N: the bytes sent by this run. With --stop-at, aborts
// after N bytes are acknowledged, and prints {"stopped":N,"url":URL}; the next run with the same
// FILE resumes the upload, unless --drop deleted it on the server. --deferred sends the length last.

import { createReadStream } from 'node:fs';
import { PassThrough } from 'node:stream';
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
    deferred: { type: 'boolean', default: false },
    drop: { type: 'boolean', default: false },
    'stop-at': { type: 'string', default: 'Infinity' },
  },
});
const stopAt = Number(options['stop-at']);
let sent = 0;
let stopped = false;

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const file = createReadStream(positionals[0]);
// tus-js-client always determines the size of a file, but not that of a stream.
const upload = new tus.Upload(options.deferred ? file.pipe(new PassThrough()) : file, {
  endpoint: options.endpoint,
  headers: { Authorization: `Token token=${options.token}` },
  metadata: { filename: positionals[0].split('/').pop() },
  chunkSize: Number(options.chunk),
  parallelUploads: Number(options.parallel),
  retryDelays: [0, 0, 0],
  urlStorage: new tus.FileUrlStorage(options.urls),
  uploadLengthDeferred: options.deferred,
  async onChunkComplete(size) {
    sent += size;
    if (sent < stopAt) return;
    // The URLs of parts are stored once the server has created all parts.
    if (Number(options.parallel) > 1 && (await upload.findPreviousUploads()).length === 0) return;
    if (stopped) return;
    stopped = true;
    await upload.abort(options.drop);
    print({ stopped: sent, url: upload.url });
  },
  onSuccess() {
    print({ url: upload.url, sent });
  },
  onError(error) {
    console.error(String(error));
    process.exitCode = 1;
  },
});
const earlier = await upload.findPreviousUploads();
if (earlier.length > 0) upload.resumeFromPreviousUpload(earlier[0]);
upload.start();
