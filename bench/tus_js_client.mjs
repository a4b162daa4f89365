// Uploads FILE with tus-js-client and registers it. bench/compare measures it.
//
//   node tus_js_client.mjs --url URL --packages DIR [--chunk BYTES] [--name NAME] DATASET FILE
//
// DIR has node_modules with tus-js-client. Without --chunk the whole file is one PATCH, as it does
// by itself. SLUICE_TOKEN has the token.

import { createReadStream, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    url: { type: 'string' },
    packages: { type: 'string' },
    chunk: { type: 'string', default: 'Infinity' },
    name: { type: 'string' },
  },
});
const token = process.env.SLUICE_TOKEN;
const [dataset, path] = positionals;
if (!token || !options.url || !options.packages || positionals.length !== 2) {
  console.error(
    'usage: SLUICE_TOKEN=TOKEN node tus_js_client.mjs --url URL --packages DIR [--chunk BYTES] ' +
      '[--name NAME] DATASET FILE',
  );
  process.exit(2);
}
// A script's imports are looked for beside it, but the packages are in the build.
const tus = createRequire(join(resolve(options.packages), 'here.js'))('tus-js-client');

const url = options.url.replace(/\/+$/, '');
const headers = { Authorization: `Token token=${token}` };
const filename = options.name ?? basename(path);

function uploaded() {
  return new Promise((onSuccess, onError) => {
    const upload = new tus.Upload(createReadStream(path), {
      endpoint: `${url}/files/`,
      headers,
      metadata: { filename },
      chunkSize: Number(options.chunk),
      retryDelays: null,
      storeFingerprintForResuming: false,
      onSuccess: () => onSuccess(upload.url),
      onError,
    });
    upload.start();
  });
}

try {
  const form = {
    filename,
    tus_url: await uploaded(),
    size: String(statSync(path).size),
    dataset_key: dataset,
  };
  const answer = await fetch(`${url}/api/dataset/${dataset}/datafile`, {
    method: 'POST',
    headers,
    body: new URLSearchParams(form),
  });
  const text = await answer.text();
  if (answer.status !== 200 || !text.includes('successfully uploaded')) {
    throw new Error(`the response to register was HTTP ${answer.status} ${text.slice(0, 200)}`);
  }
} catch (error) {
  const why = String(error).replaceAll(token, '***');
  console.error(`tus_js_client: cannot upload ${path}: ${why}`.split('\n')[0]);
  process.exit(1);
}
