"""What is said to the mistakes that newcomers make, whole and word for word: mistakes.txt is a page to be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import objserver

Mistake = tuple[list[str], str]


def mistakes() -> dict[str, Mistake]:
    """Return the cells of each mistake, and the traceback of the last one."""
    found: dict[str, Mistake] = {}
    for section in (Path(__file__).parent / "mistakes.txt").read_text().split("\n# ")[1:]:
        title, *lines = section.rstrip("\n").split("\n")
        cells: list[str] = []
        said: list[str] = []
        for line in lines:
            if not said and line.startswith(">>> "):
                cells.append(line[4:])
            elif not said and line[:3] == "...":
                cells[-1] += f"\n{line[4:]}"
            else:
                said.append(line)
        found[title] = cells, "\n".join(said)
    return found


MISTAKES = mistakes()


def plain(text: str) -> str:
    # How deep the stack goes depends on the Python.
    return re.sub(r"the same \d+ times", "the same n times", text)


@pytest.mark.parametrize("title", MISTAKES)
def test_mistake_is_answered_word_for_word(title: str, tmp_path: Path) -> None:
    cells, said = MISTAKES[title]
    *before, last = cells
    for again in (False, True):  # with what was stored in memory, and after a restart
        with objserver.open(tmp_path / f"{again}") as db:
            for cell in before:
                db.eval(cell)
            if not again:
                check(db, last, said)
        with objserver.open(tmp_path / f"{again}") as db:
            check(db, last, said)


def check(db: objserver.Client, cell: str, said: str) -> None:
    with pytest.raises(objserver.RemoteError) as caught:
        if cell.startswith("?"):
            db.query(cell[1:])
        else:
            db.eval(cell)
    error = caught.value
    assert plain(error.traceback) == plain(said)
    assert said.endswith(error.message)
    files = set(re.findall(r"^  File (.+), line \d+", error.traceback, re.MULTILINE))
    assert all(re.fullmatch(r"<cell>|<\w+ version \d+>|<lambda \w+>", file) for file in files)


def test_there_are_many() -> None:
    assert len(MISTAKES) >= 40
