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
    os.path.join(directory, "npm-cache"),
]
for attempt in (1, 2):
    try:
        # It takes 5 s; twice this is within the test's own limit, so that what is wrong gets said.
        subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, check=True, timeout=120)
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
