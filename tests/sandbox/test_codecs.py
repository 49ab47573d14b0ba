"""Encodings by name: those that are listed are Python's, the others are not there, and nothing is loaded for either."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandbox import codecs
from sandbox.policy import ENCODINGS, ERROR_HANDLERS
from tests.sandbox.host import Host

NAMES = st.sampled_from(ENCODINGS)
HANDLERS = st.sampled_from(sorted(ERROR_HANDLERS))
TEXTS = st.text(st.characters(codec=None, exclude_categories=()))

# Every way to a codec by name.
DOORS = [
    "'a'.encode(n, e)",
    "'a'.encode(encoding=n, errors=e)",
    "b'a'.decode(n, e)",
    "str(b'a', n, e)",
    "str(b'a', errors=e, encoding=n)",
    "str(object=b'a', encoding=n, errors=e)",
    "bytes('a', n, e)",
    "bytes('a', encoding=n, errors=e)",
    "bytes(source='a', encoding=n, errors=e)",
    "str.encode('a', n, e)",
    "type('a').encode('a', n, e)",
    "bytes.decode(b'a', n, e)",
    "getattr('a', 'encode')(n, e)",
    "getattr(str, 'encode')('a', n, e)",
    "getattr(b'a', 'decode', None)(n, e)",
    "list(map(str.encode, ['a'], [n], [e]))",
    "list(map(bytes.decode, [b'a'], [n], [e]))",
    "list(map(str, [b'a'], [n], [e]))",
    "from operator import methodcaller\nmethodcaller('encode', n, e)('a')",
    "from operator import methodcaller\nmethodcaller('decode', n, e)(b'a')",
    "from operator import attrgetter\nattrgetter('encode')('a')(n, e)",
    "from functools import partial\npartial(str.encode, encoding=n)('a', errors=e)",
    "f = 'a'.encode\nf(n, e)",
    "(lambda x: x.encode(n, e))('a')",
]


def outcome(function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        return type(error), str(error)


@given(NAMES, HANDLERS, TEXTS)
@example("utf-32", "xmlcharrefreplace", "\ud800")
def test_what_is_listed_is_pythons(name: str, errors: str, text: str) -> None:
    encoded = outcome(codecs.encode, text, name, errors)
    assert encoded == outcome(text.encode, name, errors)
    if isinstance(encoded, bytes):
        for data in (encoded, encoded[:-1], encoded[::-1]):
            assert outcome(codecs.decode, data, name, errors) == outcome(data.decode, name, errors)


@given(st.binary(), NAMES, HANDLERS)
def test_any_bytes_are_decoded_as_python_does(data: bytes, name: str, errors: str) -> None:
    assert outcome(codecs.decode, data, name, errors) == outcome(data.decode, name, errors)


@pytest.mark.parametrize(
    "name", ["UTF8", "Utf_8", "utf 8", "U8", "latin1", "ISO-8859-1", "l1", "Windows-1252", "us-ascii", "utf-16LE"]
)
def test_every_spelling_is_one_encoding(name: str) -> None:
    assert codecs.encode("ab", name) == "ab".encode(name)


@pytest.mark.parametrize("source", DOORS)
def test_what_is_not_listed_is_behind_no_door(source: str) -> None:
    for name in ("punycode", "idna", "raw_unicode_escape", "hex", "rot13", "mbcs", "sandbox.codecs", "x" * 10**6, "\0"):
        with pytest.raises(LookupError, match=r"^unknown encoding: (?s:.{1,40}); there are utf-8, "):
            Host().run(source, n=name, e="strict")
    with pytest.raises(LookupError, match="^unknown error handler name 'test'; there are strict, "):
        Host().run(source, n="utf8", e="test")
    assert Host().run(source, n="Latin-1", e="replace")


@pytest.mark.parametrize(
    "source",
    ["str(5, 'zz')", "bytes(5, 'zz')", "bytes('a')", "bytes('a', errors='zz')", "'a'.encode(5)",
     "b'a'.decode('utf8', 5)", "'a'.decode", "b'a'.encode",
     "str.decode", "'a'.encode(e='x')", "str(b'a')", "str()", "bytes()", "str(object=5)",
     "bytes(source=b'a')", "str('a', 'utf8')", "bytes([1], 'utf8')"],
)  # fmt: skip
def test_wrong_types_are_told_as_python_tells_them(source: str) -> None:
    expected = outcome(eval, source)
    found = outcome(Host().run, source)
    assert found == expected or (found[0] is expected[0] is TypeError and "keyword" in found[1])


def test_method_of_the_same_name_is_the_classes_own() -> None:
    assert Host().run("class A:\n def encode(self, name): return name\nA().encode('idna')") == "idna"


@pytest.mark.parametrize("errors", sorted(ERROR_HANDLERS))
def test_what_becomes_of_a_text_is_bounded(errors: str) -> None:
    factor = ERROR_HANDLERS[errors]
    if factor > 1:
        with pytest.raises(OverflowError):
            codecs.encode("é" * (10**7 // factor + 1), "ascii", errors)
        characters = [*range(0xD800), *range(0xE000, 0x110000, 97)]
        assert max(len(chr(each).encode("ascii", errors)) for each in characters) <= factor
    assert codecs.encode("e" * 10**6, "ascii", errors)


def test_nothing_is_loaded_when_it_is_used() -> None:
    """The process that runs snippets is confined, and what Python remembers of names has no bound."""
    program = (
        "import sys, sandbox\n"
        "from tests.sandbox.host import Host\n"
        "from sandbox.policy import ENCODINGS, ERROR_HANDLERS\n"
        "host = Host()\n"
        "host.run(\"'a'.encode('utf8')\")\n"
        "before = set(sys.modules)\n"
        "for n in [*ENCODINGS, 'punycode', 'cp437', 'nothing']:\n"
        "    for e in ERROR_HANDLERS:\n"
        "        try: host.run(\"'\\\\ud800\\u00e9\\\\0\\u3042'.encode(n, e)\", n=n, e=e)\n"
        "        except (UnicodeError, LookupError): pass\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
