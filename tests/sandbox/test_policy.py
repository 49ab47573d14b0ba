"""The policy's tables cover the running Python: what nobody reviewed is refused, and fails here."""

from __future__ import annotations

import ast
import builtins
import re
import types
from typing import Any

import pytest

from sandbox import SnippetRefused, compile_cell, policy
from sandbox.guards import FATAL
from tests.sandbox.host import Host

# Old names that the parser never makes: they are aliases of Constant, or gone.
ALIASES = {
    "AugLoad", "AugStore", "Bytes", "Ellipsis", "ExtSlice", "Index", "NameConstant", "Num", "Param", "Str", "Suite",
}


def node_classes() -> dict[str, type[ast.AST]]:
    return {
        name: kind
        for name, kind in vars(ast).items()
        if isinstance(kind, type) and issubclass(kind, ast.AST) and name.removeprefix("_ast_") not in ALIASES
        # Abstract ones, like `expr`, have the concrete ones under them; Constant has only the aliases.
        and (name == "Constant" or not kind.__subclasses__())
    }


def test_every_node_class_of_this_python_has_one_verdict() -> None:
    known = set(policy.NODES_PLAIN | policy.NODES_REWRITTEN | policy.NODES_REFUSED.keys())
    assert node_classes().keys() - known == set()
    assert not policy.NODES_PLAIN & policy.NODES_REWRITTEN
    assert not (policy.NODES_PLAIN | policy.NODES_REWRITTEN) & policy.NODES_REFUSED.keys()


def test_every_field_that_holds_an_identifier_is_known() -> None:
    """One forgotten binding position voids every rule on names: positional-only parameters once did so elsewhere."""
    found = set()
    for name, kind in node_classes().items():
        for field in re.findall(r"identifier[?*]? (\w+)", kind.__doc__ or ""):
            if name not in policy.NODES_REFUSED:
                found.add((name, field))
    assert found == policy.IDENTIFIER_FIELDS


# For each field, a snippet with a place for a name in it.
PLACES = {
    ("Attribute", "attr"): [
        "x.{}", "x.{} = 1", "del x.{}", "x.{} += 1", "x.{} *= y", "for x.{} in y: pass", "[0 for x.{} in y]",
        "with x as y.{}: pass", "(x.{}, y) = z", "lambda: x.{}", "class C(x.{}): pass", "@x.{}\ndef f(): pass",
    ],
    ("ClassDef", "name"): ["class {}: pass", "def f():\n class {}: pass"],
    ("ExceptHandler", "name"): ["try: x\nexcept y as {}: pass"],
    ("FunctionDef", "name"): ["def {}(): pass", "def f():\n def {}(): pass"],
    ("Global", "names"): ["def f():\n global {}", "global {}"],
    ("ImportFrom", "module"): ["from {} import x"],
    ("MatchAs", "name"): ["match x:\n case {}: pass", "match x:\n case [1 as {}]: pass"],
    ("MatchClass", "kwd_attrs"): ["match x:\n case y({}=1): pass"],
    ("MatchMapping", "rest"): ["match x:\n case {{**{}}}: pass"],
    ("MatchStar", "name"): ["match x:\n case [*{}]: pass"],
    ("Name", "id"): [
        "{}", "{} = 1", "del {}", "{} += 1", "for {} in x: pass", "({} := 1)", "[{} for x in y]", "f'{{{}}}'",
        "[x for {} in y]", "with x as {}: pass", "{}: int = 1", "lambda: {}", "{}()",
    ],
    ("Nonlocal", "names"): ["def f():\n def g():\n  nonlocal {}"],
    ("alias", "asname"): ["import math as {}", "from math import pi as {}"],
    ("alias", "name"): ["import {}", "from math import {}"],
    ("arg", "arg"): [
        "def f({}): pass", "def f({}, /): pass", "def f(*{}): pass", "def f(*, {}): pass", "def f(**{}): pass",
        "lambda {}: 0", "lambda {}, /: 0", "lambda *{}: 0", "lambda *, {}=1: 0", "lambda **{}: 0",
    ],
    ("keyword", "arg"): ["f({}=1)", "class C({}=x): pass"],
}
FORBIDDEN = ["__globals__", "__builtins__", "__import__", "__subclasses__", "__dict__", "__code__", "__x__"]
ATTRIBUTE_FIELDS = {("Attribute", "attr"), ("MatchClass", "kwd_attrs")}


def test_every_identifier_field_has_places() -> None:
    assert PLACES.keys() == policy.IDENTIFIER_FIELDS


@pytest.mark.parametrize("field", sorted(PLACES))
@pytest.mark.parametrize("read_only", [False, True])
def test_forbidden_name_is_refused_in_every_place(field: tuple[str, str], read_only: bool) -> None:
    names = FORBIDDEN + (["tb_frame", "gi_code", "f_globals", "mro"] if field in ATTRIBUTE_FIELDS else [])
    for place in PLACES[field]:
        for name in names:
            with pytest.raises(SnippetRefused):
                compile_cell(place.format(name), read_only=read_only)


@pytest.mark.parametrize("name", sorted(policy.DUNDERS_REFUSED) + ["__del__", "__foo__", "__await__", "__buffer__"])
def test_class_can_define_no_dunder_that_is_not_listed(name: str) -> None:
    for body in (
        f"def {name}(self): pass", f"{name} = 1", f"class {name}: pass", f"for {name} in (): pass", f"({name} := 1)",
        f"import math as {name}", f"if 1:\n  def {name}(self): pass", f"{name} = __add__", f"with x as {name}: pass",
    ):
        with pytest.raises(SnippetRefused):
            compile_cell(f"class C:\n {body}")


def test_name_is_judged_as_the_compiler_mangles_it() -> None:
    """In `class Member`, `__map_` is `_Member__map_`: no class makes a name out of one that is refused."""
    for refused in policy.ATTRIBUTES_REFUSED:
        if refused.startswith("_"):
            with pytest.raises(SnippetRefused):
                compile_cell(f"x.{refused}")
    assert policy.mangled("__x", "__C") == "_C__x"
    assert policy.mangled("__x", "___") == "__x"
    assert policy.mangled("__x__", "C") == "__x__"


def names_of(*values: Any) -> set[str]:
    return {name for value in values for name in dir(value)}


def test_attributes_that_lead_to_frames_and_code_are_refused() -> None:
    def function() -> Any:
        yield 1

    async def coroutine() -> None: ...

    async def generator() -> Any:
        yield 1

    waiting = coroutine()
    waiting.close()
    inner = [function(), function().gi_frame, function.__code__, waiting, generator(), types.TracebackType]
    for name in names_of(*inner) - names_of(object, iter([])):
        if name not in {"send", "throw", "close", "aclose", "asend", "athrow", "clear", "replace"}:
            assert policy.attribute_refusal(name) is not None, name
    for name in names_of(function, [].append, property(), type) - {"__doc__", "__name__", "deleter", "setter"}:
        assert policy.attribute_refusal(name) is not None, name


def test_every_builtin_of_this_python_is_there_or_refused_by_name() -> None:
    public = {name for name in vars(builtins) if not name.startswith("_")}
    site = {"copyright", "credits", "exit", "license", "quit", "False", "None", "True"}
    kinds = {name: getattr(builtins, name) for name in public}
    warnings = {name for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Warning)}
    assert public - site - warnings - policy.NAMES_RESERVED == set()


def test_exceptions_that_can_be_named_are_those_of_the_snippet() -> None:
    for name in policy.EXCEPTIONS:
        kind = getattr(builtins, name)
        assert issubclass(kind, Exception)
        assert not issubclass(kind, (*FATAL, Warning, BaseExceptionGroup))


@pytest.mark.parametrize("name", sorted(policy.NAMES_RESERVED))
def test_no_root_takes_the_name_of_a_builtin(name: str) -> None:
    binding = (f"{name} = 1", f"def {name}(): pass", f"class {name}: pass", f"def f():\n global {name}", f"del {name}")
    for source in binding:
        with pytest.raises(SnippetRefused, match=name):
            compile_cell(source)
    if name != "super":
        assert Host().run(f"for {name} in [7]: pass\n[{name} for _ in 'a']") == [7]


@pytest.mark.parametrize("name", sorted(policy.BUILTINS_REFUSED))
def test_builtin_that_is_not_there_is_refused_with_its_line_unless_it_is_a_name_of_ones_own(name: str) -> None:
    places = ("1\n{}", "def f():\n return {}", "class C:\n x = {}", "1\n{}()", "try: pass\nexcept {}: pass")
    for source in (place.format(name) for place in places):
        with pytest.raises(SnippetRefused, match=name) as caught:
            compile_cell(source)
        assert caught.value.line == 2
    assert Host().run(f"(lambda {name}: {name})(3)") == 3


def test_builtins_hold_nothing_but_what_is_listed() -> None:
    host = Host()
    visible = {name for name in host.builtins if not name.startswith(".")}
    assert visible == policy.BUILTINS | policy.EXCEPTIONS | {"__build_class__", "__name__"}


def test_what_is_reachable_can_not_be_changed() -> None:
    """State outside the heap would be seen by one replica and not by another, and by other clients."""
    names = sorted(policy.BUILTINS | policy.EXCEPTIONS)
    host = Host()
    ours = {"dict", "frozenset", "list", "set", "object"}  # the heap's own classes; here plain ones stand in
    for name in names:
        for change in ("{}.x = 1", "setattr({}, 'x', 1)", "del {}.x", "{}.__name__ = 'y'"):
            if name in ours:
                continue
            with pytest.raises((SnippetRefused, TypeError, AttributeError)):
                host.run(change.format(name))
    for change in (
        "math.x = 1", "math.pi = 3", "del math.pi", "setattr(math, 'pi', 3)", "math.sqrt.x = 1", "math.factorial.x = 1",
        "type(math).x = 1", "type(math).pi = 1",
    ):
        with pytest.raises((SnippetRefused, TypeError, AttributeError)):
            host.run(f"import math\n{change}")
