// The current Data Bank as an uploader sees it, with a third-party tus server: one of
// tus_servers.mjs behind a token, and the Data Bank's call that registers an upload.
//
//   node tus_server.mjs --server NAME --store DIR --dataset KEY --token TOKEN
//                       [--port N] [--relative] [--mark N] [--die-at N] [--flip N]
//
// Prints "listening on URL", then JSON: {"connected"} for each connection, {"method","path",
// "offset","checksum"} for each request, {"answered","to"} for each response, {"mark":N} when an
// upload has received N bytes, and {"registered","size","sha256","claimed"} for each registration,
// which is also written to DIR/registered.jsonl. With --die-at, the server kills itself at byte N,
// like a crash, without flushing or responding. With --flip, byte N of an upload is changed once,
// and {"flipped":N} is printed. The server ends at the end of its standard input.

import { createHash } from 'node:crypto';
import { appendFileSync, createReadStream, existsSync, mkdirSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';

import { servers } from './tus_servers.mjs';

const { values: options } = parseArgs({
  options: {
    server: { type: 'string' },
    store: { type: 'string' },
    dataset: { type: 'string' },
    token: { type: 'string' },
    port: { type: 'string', default: '0' },
    relative: { type: 'boolean', default: false },
    mark: { type: 'string', default: 'Infinity' },
    'die-at': { type: 'string', default: 'Infinity' },
    flip: { type: 'string', default: 'NaN' },
  },
});
const uploads = path.join(options.store, 'uploads');
const state = path.join(options.store, 'state');
const mark = Number(options.mark);
const dieAt = Number(options['die-at']);
let flip = Number(options.flip);

const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for (const directory of [uploads, state]) mkdirSync(directory, { recursive: true });
const tus = await servers[options.server]({ uploads, state, relative: options.relative });

/** Observes the bytes of a PATCH before the tus server gets them, and injects the faults. */
function watch(request) {
  let position = Number(request.headers['upload-offset']);
  const { emit } = request;
  request.emit = function (event, bytes) {
    if (event === 'data') {
      const before = position;
      position += bytes.length;
      if (before <= flip && position > flip) {
        bytes[flip - before] ^= 1;
        print({ flipped: flip });
        flip = NaN;
      }
      if (before < mark && position >= mark) print({ mark });
      if (position >= dieAt) process.kill(process.pid, 'SIGKILL');
    }
    return emit.apply(this, arguments);
  };
}

function respond(response, status, text) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(text);
}

async function register(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const type = request.headers['content-type'] ?? '';
  if (!/^(multipart\/form-data|application\/x-www-form-urlencoded)/.test(type)) {
    return respond(response, 500, 'invalid request');
  }
  const message = new Response(Buffer.concat(parts), { headers: { 'Content-Type': type } });
  const form = await message.formData();
  const [name, url] = [form.get('filename'), form.get('tus_url')];
  if (typeof name !== 'string' || typeof url !== 'string') {
    return respond(response, 500, 'invalid request');
  }

  const stored = path.join(uploads, path.basename(new URL(url, 'http://any').pathname));
  if (!existsSync(stored)) return respond(response, 400, 'Invalid TUS upload reference');
  // Registers the stored bytes without comparing their size with the form's, like the Data Bank.
  const hash = createHash('sha256');
  let size = 0;
  await pipeline(createReadStream(stored), async (bytes) => {
    for await (const piece of bytes) {
      hash.update(piece);
      size += piece.length;
    }
  });
  const line = { registered: name, size, sha256: hash.digest('hex'), claimed: form.get('size') };
  appendFileSync(path.join(options.store, 'registered.jsonl'), `${JSON.stringify(line)}\n`);
  print(line);
  const page = `http://${request.headers.host}/datasets/${options.dataset}`;
  respond(response, 200, `successfully uploaded ${name}\nsee in dataset at ${page} \n`);
}

const server = http.createServer(async (request, response) => {
  try {
    const { pathname } = new URL(request.url, 'http://any');
    print({
      method: request.method,
      path: pathname,
      offset: request.headers['upload-offset'],
      checksum: request.headers['upload-checksum'],
    });
    response.on('finish', () => print({ answered: response.statusCode, to: request.method }));
    if (request.headers.authorization !== `Token token=${options.token}`) {
      return respond(response, 401, 'HTTP Token: Access denied.\n');
    }
    if (/^\/files(\/|$)/.test(pathname)) {
      if (request.method === 'PATCH') watch(request);
      return await tus(request, response);
    }
    const call = /^\/api\/dataset\/([^/]+)\/datafile$/.exec(pathname);
    if (request.method !== 'POST' || !call) return respond(response, 404, 'Not Found');
    if (call[1] !== options.dataset) return respond(response, 404, 'Dataset Not Found');
    await register(request, response);
  } catch (error) {
    print({ failed: String(error) });
    if (!response.headersSent) respond(response, 500, '{"status":500}');
  }
});
process.stdin.resume().on('end', () => process.exit());
server.on('connection', () => print({ connected: true }));
server.listen(Number(options.port), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
