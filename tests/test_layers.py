"""The import rules of docs/architecture.md, held by reading every module's imports."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

STDLIB_DENIED_IN_CORE = {"socket", "selectors", "time", "random", "secrets", "asyncio", "ssl"}

# package -> third-party packages and parts of objserver it may import
MAY_IMPORT: dict[str, set[str]] = {
    "sandbox": {"sandbox", "RestrictedPython"},
    "objserver.wire": {"objserver.wire", "orjson"},
    "objserver.store": {"objserver.store", "google_crc32c", "lmdb"},
    "objserver.heap": {"objserver.heap", "objserver.store", "msgpack"},
    "objserver.log": {"objserver.log", "google_crc32c"},
    "objserver.engine": {
        "objserver.engine", "objserver.heap", "objserver.log", "objserver.store", "sandbox", "msgpack",
    },
    "objserver.replication": {
        "objserver.replication", "objserver.engine", "objserver.log", "objserver.store", "objserver.wire",
        "google_crc32c", "orjson",
    },
    "objserver.doors": {"objserver.doors", "objserver.engine", "objserver.wire"},
    "objserver.server": {
        "objserver.server", "objserver.doors", "objserver.engine", "objserver.replication", "objserver.wire", "trio",
    },
    "objserver.client": {"objserver.client", "objserver.wire", "anyio"},
    "objserver.cli": {
        "objserver.cli", "objserver.client", "objserver.wire", "click", "rich", "prompt_toolkit", "orjson", "pygments",
    },
}
OPEN_TO_ALL = {"objserver.errors", "objserver.findings", "objserver.limits", "objserver.version"}
# The one module of the command line that may start a server, and the one that looks into a folder which nobody serves.
EXCEPTIONS = {
    "objserver.cli.serve": {"objserver.server", "objserver.engine", "trio"},
    "objserver.cli.verify": {"objserver.engine"},
}
# From the engine down nothing reads a clock, draws a random number or opens a socket.
CORE = {"sandbox", "objserver.store", "objserver.heap", "objserver.log", "objserver.engine", "objserver.wire"}
# The language hands some libraries on to snippets, sealed; only the modules that do may import them.
LIBRARY = "sandbox.library"


def modules() -> list[tuple[str, Path]]:
    found = []
    for top in ("sandbox", "objserver"):
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imports(name: str, path: Path) -> set[str]:
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "objserver" else {module}
    return found


def within(module: str, packages: set[str]) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


@pytest.mark.parametrize(("name", "path"), modules(), ids=lambda value: value if isinstance(value, str) else "")
def test_module_imports_only_what_its_package_may(name: str, path: Path) -> None:
    import sys

    package = next((p for p in MAY_IMPORT if name == p or name.startswith(p + ".")), None)
    if package is None:  # objserver itself, errors, limits, embedded: the joints
        return
    allowed = MAY_IMPORT[package] | EXCEPTIONS.get(name, set())
    if package != "sandbox":
        allowed |= OPEN_TO_ALL
    for module in imports(name, path):
        top = module.split(".")[0]
        if top in sys.stdlib_module_names:
            if package in CORE and not name.startswith(LIBRARY):
                assert top not in STDLIB_DENIED_IN_CORE, f"{name} imports {module}; the core reads no clock or socket"
        else:
            assert within(module, allowed), f"{name} imports {module}; {package} may import {sorted(allowed)}"


def test_only_the_store_imports_lmdb() -> None:
    users = {name for name, path in modules() if "lmdb" in imports(name, path)}
    assert users == {name for name in users if name.startswith("objserver.store")} != set()
