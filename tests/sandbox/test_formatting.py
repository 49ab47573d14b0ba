"""`str.format` gives what CPython's gives, and reads no attribute that code can't read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sandbox.host import Host

NAMES = st.sampled_from(["", "0", "1", "2", "x", "y", "0.real", "x[0]", "x[a]", "y.imag", "0[0]", "9", "nope", ".real"])
PARTS = st.one_of(
    st.text("ab{} ", max_size=3),
    st.builds(
        "{{{}{}{}}}".format, NAMES, st.sampled_from(["", "!r", "!s", "!a", "!x"]),
        st.sampled_from(["", ":", ":>5", ":{0}", ":{}", ":{x}>4", ":d", ":.2f", ":{:{}}"]),
    ),
)


def outcome(function: Any) -> Any:
    try:
        return function()
    except Exception as error:
        return type(error).__name__, str(error)


@given(st.lists(PARTS, max_size=4).map("".join), st.booleans())
def test_text_is_formatted_as_python_formats_it(template: str, mapped: bool) -> None:
    host = Host()
    values = {"x": "abc", "y": 2.5}
    if mapped:
        expected = outcome(lambda: template.format_map(values))
        assert outcome(lambda: host.run("t.format_map(v)", t=template, v=values)) == expected
    else:
        expected = outcome(lambda: template.format(7, "t", **values))
        assert outcome(lambda: host.run("t.format(7, 't', **v)", t=template, v=values)) == expected


@pytest.mark.parametrize("name", ["__class__", "__init__.__globals__", "gi_frame", "f_back", "mro", "mapping"])
def test_refused_attribute_is_refused_in_the_text_too(name: str) -> None:
    with pytest.raises(AttributeError):
        Host().run("('{0.' + name + '}').format(x for x in [])", name=name)


def test_texts_and_widths_are_bounded() -> None:
    for source in ("'{:1000000}'.format(1)", "'{:{}}'.format(1, 10 ** 6)", "('{0}' * 100000).format(1)",
                   "('{:10000}' * 5000).format(*range(5000))"):
        with pytest.raises(ValueError, match="more than|characters"):
            Host().run(source)


def test_format_stays_an_ordinary_name_of_other_objects() -> None:
    source = "class Disk:\n def __init__(self): self.format = 'ext4'\nd = Disk()\nd.format = d.format + '!'\nd.format"
    assert Host().run(source) == "ext4!"
