"""The corpora of the language, through the real engine: ordinary snippets give what CPython gives and leave roots that
a restart does not change; attempts to escape fail there too, and leave nothing.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from objserver.engine import FaultKind, Options
from sandbox import SnippetRefused, compile_cell
from sandbox.policy import DUNDERS_DEFINED, DUNDERS_PURE
from tests.sandbox.corpus_advisories import ADVISORIES
from tests.sandbox.corpus_escapes import ATTEMPTS, ATTEMPTS_ON_HEAP
from tests.sandbox.corpus_ordinary import SNIPPETS
from tests.sandbox.test_ordinary import run_plain

from .bench import Bench, Failed

OPTIONS = Options(durability="none", checkpoint_count=50, cache_size=10_000)


def shown(source: str) -> str:
    """Return the cell whose value is the repr of what the value of `source` is."""
    last = ast.parse(source).body[-1]
    if not isinstance(last, ast.Expr):
        return source
    lines = source.split("\n")
    line = lines[last.lineno - 1].encode()
    lines[last.lineno - 1] = (line[:last.col_offset] + b"repr((" + line[last.col_offset:]).decode()
    end = last.end_lineno or 0
    line = lines[end - 1].encode()
    place = (last.end_col_offset or 0) + (len("repr((") if end == last.lineno else 0)
    lines[end - 1] = (line[:place] + b"))" + line[place:]).decode()
    return "\n".join(lines)


def roots(bench: Bench, names: list[str]) -> dict[str, Any]:
    """Return what each root is, as text; of objects, what they have."""
    found: dict[str, Any] = {}
    for name in names:
        try:
            found[name] = bench.query(f"f'{{type({name}).__name__}} {{{name}!r}}'")
        except Failed as failed:
            found[name] = f"{failed.fault.type}: {failed.fault.message}"
    return found


def test_ordinary_snippets_give_what_python_gives_and_their_roots_outlive_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data", OPTIONS)
    wrong: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    not_kept = 0
    for name, source in SNIPPETS.items():
        cell = compile_cell(shown(source))
        try:
            result = bench.eval(shown(source))
        except Failed as failed:
            if failed.fault.code != FaultKind.NOT_STORABLE:
                wrong[name] = failed.fault.message
            not_kept += 1
            continue
        expected = repr(run_plain(source)[0])
        comparable = " at 0x" not in expected and "{" not in expected and "__main__" not in expected
        if isinstance(ast.parse(source).body[-1], ast.Expr) and comparable and result != expected:
            wrong[name] = (result, expected)
        names = sorted(name for name in cell.binds if bench.engine._heap.root.namespace.get(name) is not None)
        kept[name] = roots(bench, names)
        if len(kept) % 2:
            bench.reopen()
        else:
            bench.crash()  # a replay makes the same again
        if roots(bench, names) != kept[name]:
            wrong[name] = (roots(bench, names), kept[name])
        for root in names:
            bench.eval(f"try: del {root}\nexcept NameError: pass")
    bench.kill()
    assert wrong == {}
    assert not_kept < len(SNIPPETS) / 5, "what an ordinary snippet leaves can be kept"


def test_attempts_to_escape_fail_and_leave_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data", OPTIONS)
    before = bench.engine._heap.root.namespace.keys() - {"__builtins__"}
    builtins = dict(bench.engine._heap.root.namespace["__builtins__"])
    succeeded: dict[str, Any] = {}
    for name, source in (ATTEMPTS | ADVISORIES | ATTEMPTS_ON_HEAP).items():
        for kind in (bench.eval, bench.query):
            try:
                value = kind(source)
            except (Failed, SnippetRefused):
                pass
            else:
                if kind == bench.eval:
                    succeeded[name] = value
        assert bench.engine.seq == 0 or name in succeeded, name
    assert succeeded == {}
    assert bench.engine._heap.root.namespace.keys() - {"__builtins__"} == before
    after = bench.engine._heap.root.namespace["__builtins__"]
    assert {key: value for key, value in after.items() if key != ".fuel"} == {
        key: value for key, value in builtins.items() if key != ".fuel"
    }
    bench.kill()


def test_named_tuple_is_looked_at_as_a_tuple_whatever_its_class_defines(tmp_path: Path) -> None:
    """No method that a class may define runs when the host sends, keeps, loads, hashes or compares its values."""
    bench = Bench(tmp_path / "data", OPTIONS)
    bench.eval("from typing import NamedTuple\ntouched = []")
    defined = []
    for name in sorted(DUNDERS_DEFINED - DUNDERS_PURE):
        method = f"def {name}(self, *args):\n  touched.append('{name}')\n  raise ValueError"
        try:
            bench.eval(f"class {name.strip('_').title()}(NamedTuple):\n x: int\n y: object = None\n {method}")
        except Failed as failed:
            assert failed.fault.type == "AttributeError" and name in failed.fault.message
        else:
            defined.append(name.strip("_").title())
    assert {"Bool", "Repr", "Add", "Mul", "Next", "Call", "Missing"} <= set(defined)
    bench.eval("p, d, f = {}, {}, []")
    for cls in defined:
        bench.eval(f"p['{cls}'] = {cls}(1, [{cls}(2)]); d[{cls}(1), 0] = {cls}(2); f.append(frozenset([{cls}(3)]))")
    bench.crash()
    for number, cls in enumerate(defined):
        sent = bench.eval(f"p['{cls}']")
        assert sent == (1, [(2, None)]) and type(sent).__name__ == cls
        try:
            bench.eval(f"raise ValueError(p['{cls}'])")
        except Failed as failed:
            assert failed.fault.message == f"<{cls}>"
        seen = f"""_p = p['{cls}']
[_p == (1, [(2, None)]), ({cls}(1), 0) in d, d[(1, None), 0] == (2, None), {cls}(1) is {cls}(1),
    {cls}(3) in f[{number}], len(_p), hash({cls}(1)) == hash((1, None)), {cls}(1) < {cls}(2), list(_p)[0],
    _p._asdict()['x'], _p._replace(x=5)[0]]"""
        assert bench.query(seen) == [True, True, True, True, True, 2, True, True, 1, 1, 5]
    assert bench.eval("touched") == []
    bench.kill()
