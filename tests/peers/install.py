"""install.py DIRECTORY: puts the npm packages of its package-lock.json there, and those that its
package.json has withoutDependencies, unless they are there."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

directory = sys.argv[1]
cache = os.path.join(directory, "npm-cache")
stamp = os.path.join(directory, "node_modules", ".sluice-installed")

wanted = ""
for name in ("package.json", "package-lock.json"):
    with open(os.path.join(directory, name), "rb") as file:
        wanted += hashlib.file_digest(file, "sha256").hexdigest()
if os.path.exists(stamp):
    with open(stamp, encoding="utf-8") as file:
        if file.read() == wanted:
            sys.exit(0)

for program in ("node", "npm"):
    if shutil.which(program) is None:
        sys.exit(f"{program} is not installed; run: tools/install-dependencies check")
# Scripts of packages are not run, what only the @redis stores need is left out, and nothing is left
# behind but the directory.
command = [
    "npm",
    "ci",
    "--omit=optional",
    "--ignore-scripts",
    "--engine-strict",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
    "--cache",
    cache,
]


def install_alone(package, integrity):
    """Without what it depends on: of tus-node-server that is 100 MB for stores in two clouds."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        subprocess.run(
            ["npm", "pack", package, "--pack-destination", scratch, "--cache", cache],
            stdin=subprocess.DEVNULL,
            check=True,
            timeout=20,
        )
        (archive,) = os.listdir(scratch)
        with open(os.path.join(scratch, archive), "rb") as file:
            found = base64.b64encode(hashlib.file_digest(file, "sha512").digest()).decode()
        if integrity != f"sha512-{found}":
            sys.exit(f"{package} from npm is not the one that is wanted: sha512-{found}")
        with tarfile.open(os.path.join(scratch, archive)) as tar:
            tar.extractall(scratch)
        name = package.rpartition("@")[0]
        shutil.move(os.path.join(scratch, "package"), os.path.join(directory, "node_modules", name))


for attempt in (1, 2):
    try:
        # It takes 5 s; twice this is within the test's own limit, so that what is wrong gets said.
        subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=True, timeout=120)
        with open(os.path.join(directory, "package.json"), encoding="utf-8") as file:
            for package, integrity in json.load(file)["withoutDependencies"].items():
                install_alone(package, integrity)
        break
    except subprocess.SubprocessError as error:
        print(f"attempt {attempt} of 2: {error}", flush=True)
else:
    sys.exit(
        "the packages that sluice is tested against could not be installed: npm says why above. "
        "They come from registry.npmjs.org, or from the mirror that npm's configuration names."
    )
with open(stamp, "w", encoding="utf-8") as file:
    file.write(wanted)
