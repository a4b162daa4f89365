#!/usr/bin/env python3
"""Uploads FILE chunk after chunk, like a simple script with the requests module: reads a chunk into
memory, builds the multipart body in memory, and reads the next chunk after the response.
bench/compare measures it.

By default each request has a connection of its own, as requests.post() does it; --keep has one for
all, as a requests.Session does. SLUICE_TOKEN has the token."""

import argparse
import http.client
import os
import secrets
import sys
import urllib.parse

CHUNK = 2 << 20


class Refused(Exception):
    pass


def multipart(fields, payload=None):
    """Returns the body and its content type. The payload is the field `bytechunk`, which must have a
    file name."""
    boundary = secrets.token_hex(16)
    start = f"--{boundary}\r\nContent-Disposition: form-data; name="
    parts = [f'{start}"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items()]
    if payload is not None:
        kind = "Content-Type: application/octet-stream"
        parts.append(f'{start}"bytechunk"; filename="bytechunk"\r\n{kind}\r\n\r\n'.encode())
        parts += [payload, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


class Client:
    def __init__(self, url, dataset, token, keep):
        parts = urllib.parse.urlsplit(url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._connection = kind(parts.hostname, parts.port, timeout=600)
        self._path = f"{parts.path.rstrip('/')}/api/dataset/{dataset}/datafile"
        self._token = token
        self._keep = keep

    def post(self, expected, fields, payload=None):
        """Raises Refused unless the response contains `expected`: a refused chunk has status 200,
        too."""
        body, kind = multipart(fields, payload)
        self._connection.request(
            "POST",
            self._path,
            body,
            {
                "Authorization": f"Token token={self._token}",
                "Content-Type": kind,
                "User-Agent": "sequential",
            },
        )
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if not self._keep:
            self._connection.close()  # the next request opens another
        if answer.status != 200 or expected not in text:
            raise Refused(
                f"the response to {fields['phase']} was HTTP {answer.status} {text.strip()[:200]}"
            )


def upload(client, path, name, chunk_bytes):
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        client.post("successfully set up", {"phase": "setup", "filename": name, "filesize": size})
        sent = 0
        while chunk := file.read(chunk_bytes):
            # The server refuses a chunk at a wrong offset, so each response confirms all earlier
            # chunks.
            client.post(
                "successfully added chunk",
                {"phase": "transfer", "filename": name, "previous_size": sent},
                chunk,
            )
            sent += len(chunk)
    if sent != size:
        raise Refused(f"the file changed: {size} bytes at the start, {sent} bytes read")
    client.post("successfully uploaded", {"phase": "verify", "filename": name})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True, help="address of the Data Bank")
    parser.add_argument(
        "--chunk",
        type=int,
        default=CHUNK,
        metavar="BYTES",
        help="bytes of the file in one request (%(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="use one connection for all requests")
    parser.add_argument("--name", help="name in the dataset (default: the name of FILE)")
    parser.add_argument("dataset", metavar="DATASET")
    parser.add_argument("file", metavar="FILE")
    options = parser.parse_args()
    token = os.environ.get("SLUICE_TOKEN")
    if not token:
        parser.error("no token: set the environment variable SLUICE_TOKEN")
    if options.chunk < 1:
        parser.error("--chunk must be at least 1")
    client = Client(options.url, options.dataset, token, options.keep)
    try:
        upload(client, options.file, options.name or os.path.basename(options.file), options.chunk)
    except (OSError, http.client.HTTPException, Refused) as error:
        print(f"sequential_client: cannot upload {options.file}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
