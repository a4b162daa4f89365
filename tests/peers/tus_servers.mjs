// The tus servers that others wrote, each with its own store of files. `open`: {uploads, state,
// relative}: the directory that has each upload's bytes under the last part of its address, one for
// what else the server writes, and whether a Location is to be relative. It gives the function
// that answers a request.

import path from 'node:path';

/** The largest file that the Data Bank's server takes. */
const largest = 2199023255552;

/** @tus/server, which the tus project has now. */
async function tusServer({ uploads, relative }) {
  const [{ FileStore }, { Server }] = await Promise.all([
    import('@tus/file-store'),
    import('@tus/server'),
  ]);
  const server = new Server({
    path: '/files',
    datastore: new FileStore({ directory: uploads }),
    maxSize: largest,
    relativeLocation: relative,
  });
  return (request, response) => server.handle(request, response);
}

/** tus-node-server, which it had until 2022. Its package requires all of its stores, and theirs. */
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

/** @uploadx/core, which has nothing of the above. */
async function uploadx({ uploads, state, relative }) {
  const { Tus } = (await import('@uploadx/core')).default;
  const server = new Tus({
    path: '/files',
    directory: uploads,
    metaStorageConfig: { directory: state },
    maxUploadSize: largest,
    expiration: { maxAge: '7d' },
    useRelativeLocation: relative,
  });
  return (request, response) => {
    // It appends '/' and the upload's name to whatever it was asked for, and knows no "//".
    request.url = request.url.replace(/\/$/, '');
    server.handle(request, response);
  };
}

export const servers = {
  '@tus/server': tusServer,
  'tus-node-server': tusNodeServer,
  '@uploadx/core': uploadx,
};
