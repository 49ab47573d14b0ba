"""A folder of code: one file for each function or class of a heap, and what it takes to make one of the other.

    server: code  --> {name: text} -----.
                                         +--> [Change] --> files, or cells in the order in which they can run
    DIR/NAME.py   --> {name: text} -----'

A file holds one definition, of the name of the file; comments around it are nobody's business. `_imports.py` holds
the imports, one a line, since no root's name begins with `_`.

Promise: what is exported and imported again changes nothing (tests/cli/test_code.py).
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from objserver.client import Client

__all__ = ["Change", "FolderError", "changes_to_folder", "changes_to_server", "ordered", "read_folder", "read_server"]

IMPORTS: Final = "_imports.py"

# Definitions asked for at once.
PAGE_COUNT: Final = 500

Definitions = Mapping[str, str]  # name -> text, of a definition or of an import


class FolderError(Exception):
    """A file is not what it should be."""


@dataclass(frozen=True)
class Change:
    """One file, or definition, and its text before and after; "" where it is not there."""

    name: str
    file: str
    old: str
    new: str

    def diff(self, before: str, after: str) -> str:
        """Return the change as a unified diff."""
        old, new = (text.splitlines(keepends=True) for text in (self.old, self.new))
        names = (before if self.old else "/dev/null", after if self.new else "/dev/null")
        return "".join(difflib.unified_diff(old, new, *names))


def read_server(client: Client) -> dict[str, str]:
    """Return the definitions and imports of the server."""
    found: dict[str, str] = {}
    after = ""
    while page := client.request("code", after=after, count=PAGE_COUNT):
        found |= {each["name"]: each["source"] for each in page}
        after = page[-1]["name"]
    return found


def read_folder(folder: Path) -> dict[str, str]:
    """Return the definitions and imports in a folder.

    Raises:
        FolderError: a file does not hold one definition of its name.
    """
    if not folder.is_dir():
        raise FolderError(f"{folder} is no folder; make it with: objserver code export {folder}")
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        if path.name == IMPORTS:
            found |= _read_imports(path)
        elif not path.name.startswith("_"):
            found[path.stem] = _read_definition(path)
    return found


def _read_definition(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    lines = text.split("\n")
    statements = _parsed(path, text).body
    if len(statements) == 1 and isinstance(statements[0], ast.If):
        statements = statements[0].body  # a definition with the indentation that it had in its cell
    node = statements[0] if len(statements) == 1 else None
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name != path.stem:
        raise FolderError(f"{path} must hold the definition of {path.stem!r} and nothing else")
    first = node.lineno
    if node.decorator_list:
        first = node.decorator_list[0].lineno
        while not lines[first - 1].lstrip().startswith("@"):
            first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])


def _read_imports(path: Path) -> Iterator[tuple[str, str]]:
    for node in _parsed(path, path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            raise FolderError(f"{path}, line {node.lineno}: only imports stand here")
        for alias in node.names:
            source = f"from {node.module} " if isinstance(node, ast.ImportFrom) else ""
            renamed = f" as {alias.asname}" if alias.asname and alias.asname != alias.name else ""
            yield alias.asname or alias.name, f"{source}import {alias.name}{renamed}"


def _parsed(path: Path, text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise FolderError(f"{path}{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}") from None


def is_import(text: str) -> bool:
    return text.startswith(("import ", "from "))


def file_text(text: str) -> str:
    """Return the content of the file for a definition."""
    return f"if True:\n{text}\n" if text[:1] in " \t" else f"{text}\n"


def changes_to_server(server: Definitions, folder: Definitions, *, delete: bool) -> list[Change]:
    """Return what has to be defined, and with `delete` deleted, for the server to have what the folder holds."""
    names = sorted(folder.keys() | server.keys() if delete else folder.keys())
    pairs = [(name, server.get(name, ""), folder.get(name, "")) for name in names]
    return [
        Change(name, IMPORTS if is_import(old or new) else f"{name}.py", old and f"{old}\n", new and f"{new}\n")
        for name, old, new in pairs
        if old != new
    ]


def changes_to_folder(server: Definitions, folder: Definitions, *, delete: bool) -> list[Change]:
    """Return the files to be written, and with `delete` deleted, for the folder to hold what the server has."""
    changes = []
    for name in sorted(server.keys() | folder.keys() if delete else server.keys()):
        old, new = server.get(name, ""), folder.get(name, "")
        if old != new and not is_import(old or new):
            changes.append(Change(name, f"{name}.py", file_text(new) if new else "", file_text(old) if old else ""))
    imports = [
        "".join(f"{text}\n" for _, text in sorted(of.items()) if is_import(text))
        for of in (folder, server if delete else {**folder, **server})
    ]
    if imports[0] != imports[1]:
        changes.append(Change("imports", IMPORTS, *imports))
    return changes


def ordered(changes: Iterable[Change]) -> list[str]:
    """Return the cells that make these changes, in an order in which they can run: imports, then what is used when a
    definition runs before it (bases, decorators, defaults, what a class body computes), deletions last.

    Raises:
        FolderError: definitions that need each other.
    """
    changes = list(changes)
    imports = [change.new.rstrip("\n") for change in changes if change.new and is_import(change.new)]
    texts = {change.name: change.new.removesuffix("\n") for change in changes if change.new}
    texts = {name: text for name, text in texts.items() if not is_import(text)}
    trees = {name: ast.parse(file_text(text)) for name, text in sorted(texts.items())}
    used = {name: _all_names(tree) & trees.keys() for name, tree in trees.items()}
    at_once = {name: _names_at_once(tree) & trees.keys() for name, tree in trees.items()}
    # What is called while a definition runs may call others, if that can be had.
    called = {name: {inner for other in needed for inner in _closure(other, used)} for name, needed in at_once.items()}
    try:
        sorter = _sorter(called)
    except CycleError:
        try:
            sorter = _sorter(at_once)
        except CycleError as error:
            raise FolderError(f"these need each other when they are defined: {', '.join(error.args[1])}") from None
    names: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        names += ready
        sorter.done(*ready)
    deleted = [f"del {change.name}" for change in changes if not change.new]
    return [*imports, *(file_text(texts[name]).rstrip("\n") for name in names), *deleted]


def _sorter(needed: Mapping[str, set[str]]) -> TopologicalSorter[str]:
    sorter = TopologicalSorter({name: names - {name} for name, names in needed.items()})
    sorter.prepare()
    return sorter


def _closure(name: str, used: Mapping[str, set[str]]) -> set[str]:
    """Return `name`, the names its text uses, those that theirs use, and so on."""
    found, todo = {name}, [name]
    while todo:
        news = used[todo.pop()] - found
        found |= news
        todo += news
    return found


def _all_names(tree: ast.AST) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _names_at_once(tree: ast.AST) -> set[str]:
    """Return the names read when a definition runs: not those in the bodies of functions, nor annotations."""
    found: set[str] = set()
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            todo += [default for default in [*node.args.defaults, *node.args.kw_defaults] if default is not None]
            todo += getattr(node, "decorator_list", [])
        elif isinstance(node, ast.AnnAssign):
            todo += [node.value] if node.value is not None else []
        else:
            todo += ast.iter_child_nodes(node)
    return found
