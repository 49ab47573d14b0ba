"""A definition compiled from its stored text is the one that the cell compiled."""

from __future__ import annotations

from types import CodeType, FunctionType
from typing import Any

import pytest

from sandbox import SnippetRefused, compile_cell, compile_definition
from sandbox.bytecode import functions_of
from tests.sandbox.corpus_ordinary import SNIPPETS
from tests.sandbox.host import Host


def same(one: CodeType, two: CodeType, shift: int) -> bool:
    """Whether two code objects differ in nothing but the place of their text."""
    def lines(code: CodeType) -> list[Any]:
        return [(start, end, line) for start, end, line in code.co_lines()]

    moved = [(start, end, line if line is None else line + shift) for start, end, line in lines(two)]
    if len(one.co_consts) != len(two.co_consts) or lines(one) != moved:
        return False
    for left, right in zip(one.co_consts, two.co_consts, strict=True):
        if isinstance(left, CodeType) and isinstance(right, CodeType):
            if not same(left, right, shift):
                return False
        elif type(left) is not type(right) or (left != right and not isinstance(left, int)):
            return False
    fields = (
        "co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags", "co_qualname",
        "co_exceptiontable",
    )
    return all(getattr(one, field) == getattr(two, field) for field in fields)


CELLS = SNIPPETS | {
    "indented": "if 1:\n    x = 1\n    @(\n      lambda f: f\n    )\n    @\\\n  staticmethod\n    def f(a,\nb=2):\n"
                "        '''text\nat the margin'''\n        # comment\n        return a\n    y = 2",
    "tabs": "if 1:\n\tdef f():\n\t\tdef g(): return 1\n\t\treturn g\n",
    "last_line": "def f(): return 1",
    "line_ends": "x = 1\r\ndef f():\r\n    return '''a\r\nb'''\r\n",
    "odd_line_ends": "x = '\x0c'\n\x0cdef f():\n    return '\x1c\x85\u2028'\n",
    "one_line_class": "class C: a = 1; b = lambda self: 2",
    "twice": "def f():\n return 1\ndef f():\n return 2",
    "in_with": "class M:\n def __enter__(self): return 1\n def __exit__(self, *a): pass\n"
               "with M():\n  class C(M):\n    def f(self): return super().__enter__()",
    "property_pair": "class C:\n @property\n def p(self): return 1\n @p.setter\n def p(self, v): self.q = v",
    "global_inside": "class C:\n def f(self):\n  global counter\n  counter = 1\n  counter += 1\n  del counter\nC().f()",
}


@pytest.mark.parametrize("name", CELLS)
def test_stored_text_gives_the_code_of_the_cell(name: str) -> None:
    source = CELLS[name]
    host = Host()
    cell = compile_cell(source)
    host.start(cell)
    ours = functions_of(cell.code)
    for root, (text, first, kind) in host.definitions.items():
        definition = compile_definition(text, root, "<stored>")
        assert kind in ("function", "class")
        assert all(code.co_filename == "<stored>" for code in definition.codes.values())
        # All but the stored one, where a name is defined twice.
        assert {(qualname, line + first - 1) for qualname, line in definition.codes} <= ours.keys()
        for (qualname, line), code in definition.codes.items():
            assert same(ours[qualname, line + first - 1], code, first - 1), qualname
        value = host.roots.get(root)
        if type(value) is FunctionType and value.__code__.co_name == root:
            assert same(value.__code__, definition.codes[root, value.__code__.co_firstlineno - first + 1], first - 1)


def test_text_of_a_definition_is_its_own_lines() -> None:
    host = Host()
    host.run(
        "x = 1\nif x:\n  @(\n    lambda f: f)\n  # why\n  def f(): return 1  # end\n"
        "class C:\n  def m(self): pass\n\n  n = 1\ny = 2"
    )
    assert host.definitions == {
        "f": ("  @(\n    lambda f: f)\n  # why\n  def f(): return 1  # end", 3, "function"),
        "C": ("class C:\n  def m(self): pass\n\n  n = 1", 7, "class"),
    }
    assert host.stores == [("bind", "x"), ("define", "f"), ("define", "C"), ("bind", "y")]


def test_decorators_run_before_the_heap_is_told() -> None:
    host = Host()
    host.run("def double(f): return lambda x: 2 * f(x)\n@double\ndef f(x): return x + 1")
    assert host.run("f(3)") == 8
    assert host.definitions["f"][0] == "@double\ndef f(x): return x + 1"


def test_definition_whose_text_would_not_stand_alone_is_refused() -> None:
    """Stored, it could not be brought back: its indentation stands on the line before it."""
    with pytest.raises(SnippetRefused, match="backslash"):
        compile_cell("if 1:\n  \\\n     def f():\n   return 1")
    assert Host().run("# ends with \\\ndef f():\n  return 1\nf()") == 1


def test_definitions_of_ones_own_are_not_the_heaps() -> None:
    host = Host()
    host.run("def _f(): return 1\nclass _C: pass\n_f()")
    host.run("def f(): return 1\nclass C: pass\nf()", read_only=True)
    assert host.definitions == {}
    assert host.roots.keys() == {"__builtins__"}


@pytest.mark.parametrize("text", [
    "", "x = 1", "def g(): pass", "def f(): pass\nx = 1", "x = 1\ndef f(): pass", "if 1:\n def f(): pass",
    " def f(): pass\nx = 1", "  def f():\n  pass", "f", "class C: pass", "def f(): eval", "lambda: 0",
])
def test_other_text_is_no_definition(text: str) -> None:
    with pytest.raises(SnippetRefused):
        compile_definition(text, "f", "<f>")
