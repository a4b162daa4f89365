"""install.py DIRECTORY: installs the npm packages of DIRECTORY/package-lock.json, and those
listed under withoutDependencies in DIRECTORY/package.json, unless they are installed already."""

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
# Does not run scripts of packages, omits the packages that only the @redis stores need, and writes
# only into the directory.
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
    """Installs a package without its dependencies, which take 100 MB for tus-node-server."""
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
            sys.exit(
                f"cannot install {package}: its hash is sha512-{found}, "
                f"but package.json has {integrity}; check the npm registry"
            )
        with tarfile.open(os.path.join(scratch, archive)) as tar:
            tar.extractall(scratch)
        name = package.rpartition("@")[0]
        shutil.move(os.path.join(scratch, "package"), os.path.join(directory, "node_modules", name))


for attempt in (1, 2):
    try:
        # Takes 5 s. Two attempts fit into the time limit of the test, so that the error is printed.
        subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=True, timeout=600)
        with open(os.path.join(directory, "package.json"), encoding="utf-8") as file:
            for package, integrity in json.load(file)["withoutDependencies"].items():
                install_alone(package, integrity)
        break
    except subprocess.SubprocessError as error:
        print(f"attempt {attempt} of 2: {error}", flush=True)
else:
    sys.exit(
        "cannot install the npm packages of the tests: see the messages of npm above; check that "
        "registry.npmjs.org, or the mirror in npm's configuration, can be reached"
    )
with open(stamp, "w", encoding="utf-8") as file:
    file.write(wanted)
