"""Uploads a file with tuspy, or resumes the upload at --url.

Prints "offset N" at the start and after each chunk, and "url URL" at the end. With --stop-at N,
ends after N bytes are acknowledged."""

import argparse
import os

from tusclient.client import TusClient

parser = argparse.ArgumentParser()
parser.add_argument("--endpoint", required=True)
parser.add_argument("--token", required=True)
parser.add_argument("--url")
parser.add_argument("--chunk", type=int, required=True)
parser.add_argument("--checksum", action="store_true")
parser.add_argument("--retries", type=int, default=0)
parser.add_argument("--stop-at", type=int)
parser.add_argument("path")
arguments = parser.parse_args()

client = TusClient(arguments.endpoint, headers={"Authorization": f"Token token={arguments.token}"})
uploader = client.uploader(
    arguments.path,
    url=arguments.url,
    chunk_size=arguments.chunk,
    metadata={"filename": os.path.basename(arguments.path)},
    upload_checksum=arguments.checksum,
    retries=arguments.retries,
    retry_delay=0,
)
print("offset", uploader.offset, flush=True)
end = min(os.path.getsize(arguments.path), arguments.stop_at or 1 << 62)
while uploader.offset < end:
    uploader.upload_chunk()
    print("offset", uploader.offset, flush=True)
print("url", uploader.url, flush=True)
