"""No attempt of the corpus reaches anything: refused by the compiler, or an ordinary exception, and nothing changed."""

from __future__ import annotations

import sys

import pytest

from sandbox import SnippetRefused, compile_cell
from sandbox.bytecode import global_reads
from sandbox.policy import MODULES
from tests.sandbox import corpus_escapes
from tests.sandbox.corpus_advisories import ADVISORIES
from tests.sandbox.host import Host

ATTEMPTS = corpus_escapes.ATTEMPTS | ADVISORIES


@pytest.mark.parametrize("name", ATTEMPTS)
def test_attempt_fails(name: str) -> None:
    host = Host()
    before = dict(host.builtins)
    with pytest.raises(Exception) as caught:
        host.run(ATTEMPTS[name])
    assert not isinstance(caught.value, SystemError | AssertionError)
    assert {key: value for key, value in host.builtins.items() if key != ".fuel"} == {
        key: value for key, value in before.items() if key != ".fuel"
    }
    assert host.output == ""


@pytest.mark.parametrize("name", ATTEMPTS)
def test_attempt_fails_as_a_query(name: str) -> None:
    roots = {"builtin_rebound", "builtin_defined", "capturing_definition", "capturing_class"}
    if name in roots:
        pytest.skip("it attempts to bind a root; in a query the name is its own")
    with pytest.raises(Exception) as caught:
        Host().run(ATTEMPTS[name], read_only=True)
    assert not isinstance(caught.value, SystemError | AssertionError)


def test_bytecode_is_held_to_the_policy_whatever_the_tree_said() -> None:
    """The second check stands by itself: code that the rewriting never saw is refused too."""
    def codes(source: str) -> None:
        compiled = compile(f"def f():\n {source}", "<cell>", "exec")
        global_reads(next(part for part in compiled.co_consts if hasattr(part, "co_code")), frozenset())

    for source in (
        "x.__globals__", "x.__class__.__mro__", "x.gi_frame = 1", "del x.tb_next", "import os", "from os import path",
        "global y; y = 1", "global y; del y", "eval", "x.mro()",
        ";".join(f"a{i}.b{i}" for i in range(300)) + ";x.__dict__",
    ):
        with pytest.raises(SnippetRefused):
            codes(source)
    codes(";".join(f"a{i}.b{i}" for i in range(300)))


@pytest.mark.parametrize("name", sorted(MODULES))
def test_import_gives_the_module_of_the_library(name: str) -> None:
    """So a host that keeps the name of the module finds the same object again, and its functions under their names."""
    host = Host()
    assert host.run(f"import {name} as m\ndef f():\n import {name}\n return {name}\nf()") is host.roots["m"]
    assert host.roots["m"] is host.library[name]
    assert host.library[name].__name__ == name
    with pytest.raises(TypeError):
        host.library["os"] = host.library[name]  # type: ignore[index]


def test_no_module_is_loaded_by_what_snippets_do() -> None:
    before = set(sys.modules)
    Host().run("import math\n[f'{now():%Y}', now().strftime('%H'), math.sqrt(4), 'x'.encode(), b'x'.decode()]")
    assert set(sys.modules) - before <= {"_strptime"}


def test_hooks_have_names_that_no_source_can_spell() -> None:
    for name in Host().builtins:
        if name.startswith("."):
            for source in (name, f"x{name}", f"{name} = 1", f"def f({name}): pass", f"lambda: {name}"):
                try:
                    cell = compile_cell(source)
                except SnippetRefused:
                    continue
                # `x.next` is an attribute of x, not the hook.
                assert name not in cell.binds | cell.reads
