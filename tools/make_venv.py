"""Make .venv with pip in it, on a Python that may have come without either.

    python3 tools/make_venv.py .venv

Debian ships `venv` without `ensurepip` unless python3-venv is installed; then pip is taken from PyPI, checked against
the digest that PyPI states. Touches nothing but the folder it makes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

PIP = "https://pypi.org/pypi/pip/json"


def main(folder: str) -> None:
    with_pip = importlib.util.find_spec("ensurepip") is not None
    try:
        subprocess.run([sys.executable, "-m", "venv", *([] if with_pip else ["--without-pip"]), folder], check=True)
        if not with_pip:
            install_pip(Path(folder) / "bin" / "python")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        sys.exit(f"cannot make {folder}: {error}\non Debian, `apt install python3-venv` helps")


def install_pip(python: Path) -> None:
    """Run pip from its own wheel to install itself."""
    with urllib.request.urlopen(PIP) as reply:
        files = json.load(reply)["urls"]
    wheel = next(file for file in files if file["packagetype"] == "bdist_wheel")
    with urllib.request.urlopen(urljoin(PIP, wheel["url"])) as reply:  # a mirror may answer with a relative one
        content = reply.read()
    if hashlib.sha256(content).hexdigest() != wheel["digests"]["sha256"]:
        raise ValueError(f"{wheel['url']} is not what PyPI says it is")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / wheel["filename"]
        path.write_bytes(content)
        subprocess.run([python, path / "pip", "install", "--quiet", "--no-index", path], check=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
