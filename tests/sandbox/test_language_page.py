"""docs/language.md says what the tables say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox import exact, policy, purity
from sandbox.library import base64, statistics, textwrap
from sandbox.library.math import ARGUMENT_MAX
from tests.sandbox.host import Host

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text()


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n")[1].split("\n## ")[0]


def test_page_lists_every_builtin_and_no_other() -> None:
    listed = section("Builtins").split("There are ")[1].split(", and all exceptions")[0]
    assert set(re.findall(r"`(\w+)`", listed)) == policy.BUILTINS


def test_page_lists_every_dunder_method_and_no_other() -> None:
    listed = set(re.findall(r"^    (__.*)$", section("Not there"), re.MULTILINE))
    names = set(re.findall(r"__\w+__", " ".join(listed)))
    operators = {name for name in policy.DUNDERS_DEFINED if re.fullmatch(
        r"__[ri]?(add|and|floordiv|lshift|matmul|mod|mul|or|pow|rshift|sub|truediv|xor)__", name
    )}
    assert names - {"__add__"} == policy.DUNDERS_DEFINED - operators


@pytest.mark.parametrize("names", [
    policy.ATTRIBUTE_PREFIXES_REFUSED[1:], purity.FUNCTIONS, purity.TEXT_METHODS, policy.MODULES,
    {name for name in policy.ATTRIBUTES_REFUSED if not name.startswith(("_", "f_"))},
])
def test_page_names_them_all(names: set[str]) -> None:
    assert [name for name in names if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("name", sorted(policy.MODULES))
def test_page_lists_every_name_of_a_module_and_no_other(name: str) -> None:
    """The first paragraph under the module's heading."""
    listed = section("Modules").split(f"### `{name}`\n\n")[1].split("\n\n")[0]
    names = {name for name in dir(Host().library[name]) if not policy.is_dunder(name)}
    assert set(re.findall(r"`(\w+)`", listed)) == names


def test_page_tells_what_modules_do_not_have() -> None:
    for path in policy.MODULE_NAMES_REFUSED:
        module, name = path.split(".")
        assert f"`{name}`" in section("Modules").split(f"### `{module}`\n")[1].split("\n### ")[0]
        with pytest.raises(ImportError, match=re.escape(policy.MODULE_NAMES_REFUSED[path])):
            Host().run(f"from {module} import {name}")
        with pytest.raises(AttributeError, match=re.escape(policy.MODULE_NAMES_REFUSED[path])):
            Host().run(f"import {module}\n{module}.{name}")


def test_page_states_the_bounds() -> None:
    stated = [int(number) for number in re.findall(r"\| (\d+)\b.*\|$", section("Bounds"), re.MULTILINE)]
    assert stated == [
        policy.SOURCE_SIZE_MAX, policy.TREE_COUNT_MAX, policy.TREE_DEPTH_MAX, policy.PARAMETER_COUNT_MAX,
        policy.INT_BITS_MAX, policy.SEQUENCE_COUNT_MAX, policy.LENGTH_MAX, policy.FORMAT_WIDTH_MAX,
        policy.DECIMAL_DIGITS_MAX, policy.DECIMAL_EXPONENT_MAX, policy.FRACTION_BITS_MAX,
    ]
    for bound in (
        ARGUMENT_MAX, base64.SLOW_SIZE_MAX, exact.POWER_BITS_MAX, statistics.COUNT_MAX, statistics.FAST_COUNT_MAX,
        statistics.DENOMINATOR_BITS_MAX, textwrap.WRAPPED_LENGTH_MAX, textwrap.LENGTH_MAX,
    ):
        assert re.search(rf"\b{bound}\b", PAGE)
