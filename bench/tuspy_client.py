#!/usr/bin/python3
"""Uploads and registers each FILE with tuspy, sequentially in one process, like a script of a Data
Bank user. bench/compare measures it.

tuspy opens a connection for each request; registrations share one. SLUICE_TOKEN has the token."""

import argparse
import os
import sys

import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed


class Refused(Exception):
    pass


def upload(client, session, register_at, path, name, arguments):
    size = os.path.getsize(path)
    uploader = client.uploader(path, chunk_size=arguments.chunk, metadata={"filename": name})
    while uploader.offset < size:
        before = uploader.offset
        uploader.upload_chunk()
        if uploader.offset == before:  # tuspy would repeat it forever
            raise Refused(f"the server's offset stays at {before}; use a larger --chunk")
    answer = session.post(
        register_at,
        data={
            "filename": name,
            "tus_url": uploader.url,
            "size": size,
            "dataset_key": arguments.dataset,
        },
    )
    if answer.status_code != 200 or "successfully uploaded" not in answer.text:
        raise Refused(
            f"the response to register was HTTP {answer.status_code} {answer.text[:200]!r}"
        )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="address of the Data Bank")
    parser.add_argument(
        "--chunk",
        type=int,
        default=5 << 20,
        metavar="BYTES",
        help="bytes in one PATCH (%(default)s)",
    )
    parser.add_argument("--name", help="name in the dataset, for one FILE (default: that of FILE)")
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("file", metavar="FILE", nargs="+")
    arguments = parser.parse_args()
    token = os.environ.get("SLUICE_TOKEN")
    if not token:
        parser.error("no token: set the environment variable SLUICE_TOKEN")
    if arguments.name and len(arguments.file) > 1:
        parser.error("--name sets the name of one FILE, but several are given")
    if arguments.chunk < 1:
        parser.error("--chunk must be at least 1")
    url = arguments.url.rstrip("/")
    headers = {"Authorization": f"Token token={token}"}
    client = TusClient(f"{url}/files/", headers=headers)
    session = requests.Session()
    session.headers.update(headers)
    register_at = f"{url}/api/dataset/{arguments.dataset}/datafile"
    for path in arguments.file:
        name = arguments.name or os.path.basename(path)
        try:
            upload(client, session, register_at, path, name, arguments)
        except (
            OSError,
            requests.RequestException,
            TusCommunicationError,
            TusUploadFailed,
            Refused,
        ) as error:
            print(f"tuspy_client: cannot upload {path}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
