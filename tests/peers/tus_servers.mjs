// Third-party tus servers, each with its own file store. Each function takes {uploads, state,
// relative}: the directory of the uploads' bytes, where the last part of an upload's URL is its
// file name; a directory for the server's other files; and whether Location headers are relative.
// It returns the function that processes a request.

import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

/** The maximum size of a file on the Data Bank. */
const maxSize = 2199023255552;

/** @tus/server, the current server of the tus project. */
async function tusServer({ uploads, relative }) {
  const [{ FileStore }, { Server }] = await Promise.all([
    import('@tus/file-store'),
    import('@tus/server'),
  ]);
  const server = new Server({
    path: '/files',
    datastore: new FileStore({ directory: uploads }),
    maxSize,
    relativeLocation: relative,
  });
  return (request, response) => server.handle(request, response);
}

/** tus-node-server, the tus project's server until 2022. Its main module would load all stores. */
async function tusNodeServer({ uploads, state, relative }) {
  const [{ default: Configstore }, { default: FileStore }, { default: Server }] = await Promise.all(
    [
      import('configstore'),
      import('tus-node-server/lib/stores/FileStore.js'),
      import('tus-node-server/lib/Server.js'),
    ],
  );
  const server = new Server({ path: '/files', relativeLocation: relative });
  const configstore = new Configstore('uploads', {}, { configPath: path.join(state, 'uploads') });
  server.datastore = new FileStore({ directory: uploads, configstore });
  return (request, response) => server.handle(request, response);
}

/** @uploadx/core, which is independent of the tus project. */
async function uploadx({ uploads, state, relative }) {
  const { Tus } = (await import('@uploadx/core')).default;
  const server = new Tus({
    path: '/files',
    directory: uploads,
    metaStorageConfig: { directory: state },
    maxUploadSize: maxSize,
    expiration: { maxAge: '7d' },
    useRelativeLocation: relative,
  });
  // Until it has checked its directory, it responds 503 to every request.
  while (!server.storage.isReady) await setTimeout(10);
  return (request, response) => {
    // uploadx appends '/' and the upload's name to the request's URL, and does not support "//".
    request.url = request.url.replace(/\/$/, '');
    server.handle(request, response);
  };
}

export const servers = {
  '@tus/server': tusServer,
  'tus-node-server': tusNodeServer,
  '@uploadx/core': uploadx,
};
