"""Each sentence of docs/language.md is so: claims.txt quotes the page and shows a session that it promises.

    # a part of the page, word for word          a section is one claim; its session has a heap of its own
    >>> cell                                     a snippet; `>>> ?cell` is a query, `>>> --` a restart
    ... more lines of it
    value, as Python writes it                   `! text` when it fails: a part of what is said, one or more

What is not checked here has tests of its own; this is the page's promise in its own words.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from objserver.engine import Options

from .bench import Bench, Failed

PAGE = " ".join((Path(__file__).parents[2] / "docs" / "language.md").read_text().split())

Step = tuple[str, str]


def claims() -> dict[str, list[Step]]:
    """Return the cells of each claim, each with what is expected of it, "" for nothing in particular."""
    found: dict[str, list[Step]] = {}
    for section in (Path(__file__).parent / "claims.txt").read_text().split("\n# ")[1:]:
        head, *cells = re.split(r"^>>> ", section, flags=re.MULTILINE)
        title = " ".join(head.split())
        assert title not in found, f"twice: {title}"
        found[title] = []
        for cell in cells:
            first, *rest = cell.rstrip("\n").split("\n")
            source = [first]
            while rest and rest[0][:3] == "...":
                source.append(rest.pop(0)[4:])
            found[title].append(("\n".join(source), "\n".join(rest).strip()))
    return found


CLAIMS = claims()


def run(bench: Bench, cell: str) -> str:
    try:
        return repr(bench.query(cell[1:]) if cell.startswith("?") else bench.eval(cell))
    except Failed as failed:
        return f"! {failed}\n{failed.fault.traceback}"


@pytest.mark.parametrize("title", CLAIMS)
def test_what_the_page_says_is_so(title: str, tmp_path: Path) -> None:
    assert title in PAGE, "the page does not say this (any more)"
    bench = Bench(tmp_path / "data", Options(durability="none", fuel=1_000_000))
    try:
        for cell, expected in CLAIMS[title]:
            if cell == "--":
                bench.reopen()
                continue
            got = run(bench, cell)
            if expected.startswith("! "):
                parts = [line.removeprefix("! ") for line in expected.split("\n")]
                assert got.startswith("! ") and all(part in got for part in parts), f"{cell}\n{got}"
            elif expected:
                assert got == expected, cell
            else:
                assert not got.startswith("! "), f"{cell}\n{got}"
    finally:
        bench.kill()
