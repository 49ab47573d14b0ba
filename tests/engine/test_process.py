"""What a process was started with, in its environment or by options, changes nothing that a snippet computes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import objserver
from sandbox.text import make_format

from .bench import Bench

ROOT = Path(__file__).parents[2]

# A line each: what warns, what has a limit of the process, what depends on a locale, a zone or an order of hashes.
SNIPPETS = [
    "bool(NotImplemented)",
    "~True",
    "str(b'a'), f'{b\"a\"}', b'a' == 'a', b'a' in {'a': 1}, repr([b'a'])",
    "class E:\n    def __index__(self): return True\nint(E())",
    "[1, 2][True:], '\\d', 1 is 1, 'a' is 'a'",
    "import datetime\ndatetime.datetime.utcnow().isoformat()",
    "import re\nre.split('a', 'bab', 1), re.sub('(?i)a', 'b', 'A', 1)",
    "try: len(str(10**5000))\nexcept ValueError as e: str(e)",
    "try: int('1' * 5000)\nexcept ValueError as e: str(e)",
    "int('1' * 1000) % 97, len(str(7**1000)), f'{7**1000}'[:9]",
    "assert True\ntry:\n    assert False, 'asserted'\nexcept AssertionError as e: str(e)",
    "def f():\n    'text of f'\nf.__doc__",
    "kept = {'b', 'a', 'c'}\n[hash('a'), list(kept), list({'x': 1}.keys() | {'y', 'z'})]",
    "import time\ntime.strftime('%A %B \u00e9 %Z', time.localtime(10**9)), time.timezone",
    "f'{12345.678:n} {1e22} {0.1 + 0.2!r} {float(\"1e-7\")}'",
    "'\u0130\u00df'.casefold(), '\u00c9'.lower(), sorted('\u00e4z\u00c4a'), '\u00e9'.encode()",
    "def deep(n): return n if n == 0 else deep(n - 1)\ndeep(900)",
    "def deeper(n): return deeper(n + 1)\ntry: deeper(0)\nexcept Exception as e: str(e)",
    "import decimal\nstr(decimal.Decimal(1) / 3), hash(decimal.Decimal('0.1'))",
    "'abc'.encode('ascii', 'nothing')",
    "import random, uuid\n[random.random(), str(uuid.uuid4())]",
]

PROGRAM = """
import sys, warnings
from pathlib import Path
from tests.engine.bench import Bench
from tests.engine.test_process import SNIPPETS
from objserver.engine import make_request
bench = Bench(Path(sys.argv[1]))
for source in SNIPPETS:
    value, fault, _, output = bench.run(make_request('eval', source))[0]
    print(repr(value), fault and (fault.type, fault.message), repr(output))
bench.crash()
print(bench.query('kept'))
bench.engine.close()
"""


def run(folder: Path, *options: str, **environment: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, folder], cwd=ROOT, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0", **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_nothing_that_a_process_was_started_with_changes_a_result(tmp_path: Path) -> None:
    first, err = run(tmp_path / "first")
    assert err == ""
    assert "'LookupError'" in first
    assert "None ('SnippetRefused'" not in first
    ways: list[tuple[list[str], dict[str, str]]] = [
        (["-W", "error", "-bb"], {}),
        (["-W", "always", "-b", "-X", "dev"], {}),
        (["-OO", "-X", "int_max_str_digits=0"], {}),
        ([], {"PYTHONWARNINGS": "error", "PYTHONINTMAXSTRDIGITS": "640", "PYTHONOPTIMIZE": "2"}),
        (["-X", "utf8=0"], {"LC_ALL": "C", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "PYTHONCOERCECLOCALE": "0"}),
        ([], {"LC_ALL": "C.UTF-8", "PYTHONMALLOC": "malloc", "PYTHONHASHSEED": "3", "PYTHONNODEBUGRANGES": "1"}),
    ]
    for number, (options, environment) in enumerate(ways):
        out, err = run(tmp_path / str(number), *options, **environment)
        assert out == first, (options, environment)
        assert "Warning" not in err.replace("ResourceWarning", ""), err


def test_embedded_engine_leaves_the_settings_of_its_process_as_they_were(tmp_path: Path) -> None:
    with pytest.warns(UserWarning) as caught, objserver.open(tmp_path / "data", durability="none") as db:
        import warnings

        limit = sys.get_int_max_str_digits(), sys.getrecursionlimit(), list(warnings.filters)
        assert db.eval("bool(NotImplemented)") is True
        assert limit == (sys.get_int_max_str_digits(), sys.getrecursionlimit(), list(warnings.filters))
        warnings.warn("mine", stacklevel=1)
    assert [str(each.message) for each in caught] == ["mine"]


@given(
    st.integers() | st.floats() | st.booleans() | st.complex_numbers() | st.decimals(allow_nan=False),
    st.sampled_from(["n", "10n", "+.3n", "<12.4n", "08n", " n", ".20n", "#n"]),
)
def test_number_is_shown_by_no_locale(number: Any, spec: str) -> None:
    assert make_format(0, "n") == "0"
    found, expected = (_outcome(function, number, spec) for function in (make_format, format))
    assert found == expected


def _outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except (OverflowError, ValueError) as error:
        return type(error)


def test_number_of_many_digits_is_replayed_where_the_process_allows_fewer(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "data")
    bench.eval("n = x * 2", x=10**2000)
    digits = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        bench.crash()
        assert bench.query("n % 1000003") == 2 * 10**2000 % 1000003
    finally:
        sys.set_int_max_str_digits(digits)
    bench.kill()
