"""Where a cell ends, typed and piped."""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from objserver.cli.cells import ends_when_typed, is_complete, next_indent, split_cells

# A busy machine is no fault of what is tested.
untimed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=70)

STATEMENTS = [
    "x = 1",
    "x + 1; y",
    "print(\n'a',\n\n'b'\n)",
    'text = """\nat the margin\n\n:not a command\n"""',
    "def f(a):\n    b = a\n\n    return b",
    "def f():\n# a comment at the margin\n    pass",
    "if x:\n    pass\nelif y:\n    pass\n# why\nelse:\n    pass",
    "try:\n    x\nexcept KeyError:\n    pass\nfinally:\n    pass",
    "for x in y: print(x)",
    "while x:\n\tbreak\nelse:\n\tpass",
    "@first\n@second(1)\nclass Queue:\n\n    def push(self): ...\n\n    def pop(self): ...",
    "match x:\n    case 1:\n        pass\n    case _:\n        pass",
    "total = 1 + \\\n2",
]
GAPS = ["\n", "\n\n", "\n# a remark\n", "\n\n  \n# else\n\n", "\r\n"]


@untimed
@given(st.lists(st.tuples(st.sampled_from(STATEMENTS), st.sampled_from(GAPS))))
def test_each_top_level_statement_is_a_cell_whatever_stands_between(parts: list[tuple[str, str]]) -> None:
    text = "".join(statement + gap for statement, gap in parts)
    cells = list(split_cells(text.splitlines(keepends=True)))
    assert [ast.dump(ast.parse(cell)) for cell in cells] == [ast.dump(ast.parse(statement)) for statement, _ in parts]


@untimed
@given(st.lists(st.text(st.sampled_from("ab:#@\\'\"()[] \n\tif"), max_size=30) | st.sampled_from(STATEMENTS + GAPS)))
def test_no_line_is_lost_or_moved(parts: list[str]) -> None:
    """Text that is not Python goes to the server as it is; the server explains what is wrong with it."""
    lines = "\n".join(parts).split("\n")
    cells = list(split_cells(lines))
    kept = [line for cell in cells for line in cell.split("\n")]
    plain = [line for line in kept if line.strip() and not line.lstrip().startswith("#")]
    assert plain == [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def test_cell_is_given_as_soon_as_it_has_ended() -> None:
    """A program that writes cells into the shell and reads values from it need not close its end first."""
    asked = []

    def lines() -> object:
        for line in ["x = 1\n", "y = 2\n", "z = 3\n"]:
            asked.append(line)
            yield line

    cells = split_cells(lines())  # type: ignore[arg-type]
    assert next(cells) == "x = 1"
    assert asked == ["x = 1\n", "y = 2\n"]


def test_command_is_a_cell_of_its_own() -> None:
    assert list(split_cells(["x = 1\n", ":stats\n", "\n", "# remark\n", ":quit\n"])) == ["x = 1", ":stats", ":quit"]


def test_line_numbers_of_a_cell_begin_at_its_first_line() -> None:
    assert list(split_cells(["x\n", "\n", "\n", "y\n"])) == ["x", "y"]


ENDED = ["", "x = 1", "f(1,\n2)", "x ==== 2", "x = 1 +", "\0", "lambda: 1", "if x:\n    y\n", "if x:\n  y\n  ",
         "@d\ndef f():\n    pass\n", "match x:\n  case 1: pass\n"]  # fmt: skip
OPEN = ["if x:", "if x:\n    y", "if x: y", "f(1,", '"""', '"""\n\n', "@d", "x = \\", "def f():\n    x = [\n\n",
        "match x:\n  case 1: pass", "class A:\n    b = 1"]  # fmt: skip


@pytest.mark.parametrize("text", ENDED)
def test_enter_runs_what_has_ended(text: str) -> None:
    assert ends_when_typed(text)


@pytest.mark.parametrize("text", OPEN)
def test_enter_begins_a_new_line_in_what_goes_on(text: str) -> None:
    assert not ends_when_typed(text)


@untimed
@given(st.text())
def test_any_text_has_an_answer_without_warnings(text: str) -> None:
    is_complete(text)
    ends_when_typed(text)


def test_new_line_is_indented_as_the_block_asks() -> None:
    assert [next_indent(text) for text in ["x", "if x:", "if x:\n  y", "if x:\n\ty:  "]] == ["", "    ", "  ", "\t    "]
