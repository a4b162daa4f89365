"""install.py DIRECTORY: puts the npm packages of its package-lock.json there, unless they are."""

import hashlib
import os
import shutil
import subprocess
import sys

directory = sys.argv[1]
lock = os.path.join(directory, "package-lock.json")
stamp = os.path.join(directory, "node_modules", ".sluice-installed")

with open(lock, "rb") as file:
    wanted = hashlib.file_digest(file, "sha256").hexdigest()
if os.path.exists(stamp):
    with open(stamp, encoding="utf-8") as file:
        if file.read() == wanted:
            sys.exit(0)

for program in ("node", "npm"):
    if shutil.which(program) is None:
        sys.exit(f"{program} is not here: run tools/install-dependencies check")
# Scripts of packages are not run, and what only the @redis stores need is left out.
command = [
    "npm",
    "ci",
    "--omit=optional",
    "--ignore-scripts",
    "--engine-strict",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
]
for attempt in (1, 2):
    ended = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode == 0:
        break
    print(f"npm ci ended with {ended.returncode} at attempt {attempt} of 2", flush=True)
else:
    sys.exit(
        "the packages that sluice is tested against could not be installed: npm says why above. "
        "They come from registry.npmjs.org, or from the mirror that npm's configuration names."
    )
with open(stamp, "w", encoding="utf-8") as file:
    file.write(wanted)
