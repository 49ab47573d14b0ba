"""A folder of code is the code: what is exported, imported into an empty heap and exported again is the same folder,
and does the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import objserver
from objserver.cli.folder import changes_to_folder, changes_to_server, ordered, read_folder, read_server
from tests.sandbox.corpus_classes import SNIPPETS as CLASSES
from tests.sandbox.corpus_ordinary import SNIPPETS

COUNT = 7
HEAD = "from dataclasses import dataclass\nfrom enum import Enum\n"
# Definitions of the name {n}; while they run they need those before them (`low`), later anything that there is (`any`).
KINDS = {
    "plain": "def {n}():\n    return [{v}, '{any}']",
    "caller": "def {n}(deep=0):\n    return [{v}, {low_call}]",
    "default": "def {n}(x={low_call}, *, y={v}):\n    return [x, y]",
    "generator": "def {n}():\n    def inner(k):\n        yield k\n        yield lambda: {any}\n    return [k for k in inner({v})][:1]",
    "decorated": "@{low_decorator}\ndef {n}(*a):\n    # said\n    return [{v}, len(a)]",
    "decorator": "def {n}(made):\n    def wrapper(*a):\n        return ['{n}', {v}, made(*a)]\n    return wrapper",
    "class": "class {n}({low_class}):\n    '''Two\nlines.'''\n    a_{n} = {low_call}\n    def m(self): return [{v}, self.a_{n}]",
    "dataclass": "@dataclass(order=True)\nclass {n}:\n    x: int = {v}\n    y: 'text' = '{n}'\n    def m(self): return [self.x, self.y]",
    "enum": "class {n}(Enum):\n    A = {v}\n    B = {low_call}\n    def m(self): return self.value",
    "indented": "if {v} or True:\n    def {n}(x='''a\n b'''):\n        return [x, {v}]",
}
SHOWN = {"class": "{n}().m()", "dataclass": "[{n}().m(), {n}() < {n}(99)]", "enum": "[{n}.A.m(), {n}.B.name]", "decorator": "{n}(len)('ab')"}
Step = tuple[int, str, int, int]


def program(steps: list[Step]) -> tuple[list[str], list[str]]:
    """Return cells that define names, again and again, and expressions that show what they do."""
    kinds: dict[int, str] = {}
    cells = []
    for at, kind, value, draw in steps:
        low = {each: known for each, known in kinds.items() if each < at}

        def pick(*wanted: str, low: dict[int, str] = low, draw: int = draw) -> str | None:
            found = [each for each, known in sorted(low.items()) if known in wanted]
            return f"n{found[draw % len(found)]}" if found else None

        known = kinds.get(at, kind)
        # A name stays what it is: a function that became a class would leave others without what they need.
        call = pick("plain", "caller", "default", "generator", "decorated", "indented")
        cells.append(KINDS[known].format(
            n=f"n{at}", v=value, any=f"n{draw % COUNT}", low_call=f"{call}()" if call else "0",
            low_decorator=pick("decorator") or "keep", low_class=pick("class") or "Base",
        ))
        kinds[at] = known
    shown = [SHOWN.get(kind, "{n}()").format(n=f"n{at}") for at, kind in sorted(kinds.items())]
    return cells, shown


@contextmanager
def heap() -> Iterator[objserver.Client]:
    with tempfile.TemporaryDirectory() as folder, objserver.open(Path(folder) / "data", durability="none") as db:
        yield db


def export(db: objserver.Client, folder: Path) -> dict[str, str]:
    folder.mkdir()
    for change in changes_to_folder(read_server(db), read_folder(folder), delete=True):
        (folder / change.file).write_text(change.new)
    return {path.name: path.read_text() for path in folder.iterdir()}


def define(db: objserver.Client, definitions: Mapping[str, str]) -> None:
    cells = ordered(changes_to_server(read_server(db), definitions, delete=False))
    db.eval("\n\n".join([*cells, "None"]))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(
    st.tuples(st.integers(0, COUNT - 1), st.sampled_from(sorted(KINDS)), st.integers(0, 9), st.integers(0, 99)),
    min_size=1, max_size=16,
))
def test_a_folder_goes_round(steps: list[Step]) -> None:
    cells, shown = program(steps)
    with heap() as first, heap() as second, tempfile.TemporaryDirectory() as folder:
        first.eval(f"{HEAD}class Base: pass\ndef keep(made): return made\nNone")
        for cell in cells:
            first.eval(f"{cell}\nNone")
        files = export(first, Path(folder) / "a")
        assert {name for name in files if name[0] == "n"} == {f"n{at}.py" for at, *_ in steps}
        read = read_folder(Path(folder) / "a")
        assert read == read_server(first)
        define(second, read)
        assert export(second, Path(folder) / "b") == files
        for cell in cells:
            # Each definition anew, in any order, so that nothing stands on a version that is gone.
            first.eval(f"{cell}\nNone")
        assert changes_to_server(read_server(first), read, delete=True) == []
        define_again = "\n".join(ordered(changes_to_server({}, read, delete=False)))
        first.eval(f"{define_again}\nNone")
        for expression in shown:
            assert second.query(f"repr({expression})") == first.query(f"repr({expression})"), expression


def test_the_corpora_go_round(tmp_path: Path) -> None:
    names = [name for name, source in (CLASSES | SNIPPETS).items() if "def " in source or "class " in source]
    gone_round = 0
    with heap() as first, heap() as second:
        for name in names:
            try:
                first.eval(f"{(CLASSES | SNIPPETS)[name]}\nNone")
            except objserver.RemoteError:
                continue  # it leaves what can't be kept
            files = export(first, tmp_path / f"{name} first")
            if not files:
                continue
            read = read_folder(tmp_path / f"{name} first")
            define(second, read)
            assert export(second, tmp_path / f"{name} second") == files
            gone_round += 1
            for db in (first, second):
                db.eval("\n".join(f"del {root}" for root in read))
    assert gone_round > 200


def test_what_is_called_while_a_class_body_runs_comes_first_with_all_that_it_calls() -> None:
    texts = {
        "A": "class A:\n    n = start()", "start": "def start(): return other()", "other": "def other(): return third()",
        "third": "@same\ndef third(): return 3", "same": "def same(f): return f",
    }
    with heap() as db:
        define(db, texts)
        assert db.query("A.n") == 3


def test_definitions_that_only_mention_each_other_are_no_cycle() -> None:
    with heap() as db:
        define(db, {
            "A": "class A:\n    n = start()", "B": "class B:\n    n = start()",
            "start": "def start(full=False): return [A, B] if full else 1",
        })
        assert db.query("[A.n, B.n]") == [1, 1]


def test_what_a_module_made_is_data(tmp_path: Path) -> None:
    with heap() as db:
        db.eval("from typing import NewType\nUserId = NewType('UserId', int)")
        assert export(db, tmp_path / "code") == {"_imports.py": "from typing import NewType\n"}
