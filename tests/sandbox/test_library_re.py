"""`re` finds what Python's finds, whichever of the two machines does it, and no pattern makes it run for ever."""

from __future__ import annotations

import re
import warnings
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sandbox import OutOfFuel, regex
from tests.sandbox.host import Host

ATOMS = st.sampled_from([
    "a", "b", "ab", ".", r"\w", r"\d", r"\s", "[ab]", "[^a]", "[a-cß]", r"\b", r"\B", "^", "$", r"\A", r"\Z", "é", " ",
    "1", "A", r"[\w-]", r"\.", "",
])
SUFFIXES = st.sampled_from([
    "", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{2,}", "*+", "?+", "++",
])


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Patterns made of patterns."""
    def groups(inner: str) -> st.SearchStrategy[str]:
        forms = ("({})", "(?:{})", "(?={})", "(?!{})", "(?>{})", "(?i:{})", "({}|b)", "(?:a|{})", "(?:{}|)", "(?:|{})")
        return st.tuples(st.sampled_from(forms), SUFFIXES).map(lambda form: form[0].format(inner) + form[1])

    piece = st.one_of(st.tuples(ATOMS, SUFFIXES).map(lambda pair: pair[0] + (pair[1] if pair[0] else "")),
                      parts.flatmap(groups))
    return st.lists(piece, min_size=1, max_size=4).map("".join)


PATTERNS = st.recursive(st.tuples(ATOMS, SUFFIXES).map(lambda pair: pair[0] + (pair[1] if pair[0] else "")), joined,
                        max_leaves=8)
TEXTS = st.text(alphabet="aabbAc1 .ß\né_-", max_size=9)
FLAGS = st.sampled_from([0, re.I, re.M, re.S, re.A, re.I | re.M | re.S])

ASKED = """[spans(p.search(t)), spans(p.match(t)), spans(p.fullmatch(t)), [spans(m) for m in p.finditer(t)],
 p.findall(t), p.split(t), p.sub('<>', t), p.subn('-', t, 2), p.split(t, 1), spans(p.search(t, 1, 4)), p.groups,
 p.sub(lambda m: str(m.span()), t), spans(p.match(t, 2))]"""
SPANS = "def spans(m): return m and (m.regs, m.lastindex, m.groups(), m.group(), m.pos, m.endpos)\n"


def compiled(pattern: str, flags: int) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return re.compile(pattern, flags)
        except (re.error, FutureWarning, DeprecationWarning, OverflowError):
            assume(False)
            raise


def asked_of_python(pattern: re.Pattern[str], text: str) -> Any:
    names: dict[str, Any] = {"p": pattern, "t": text}
    exec(SPANS, names)
    return eval(ASKED, names)


@pytest.mark.parametrize("steps_max", [-1, regex.STEPS_MAX], ids=["in Python", "chosen"])
@settings(max_examples=300)
@given(PATTERNS, TEXTS, FLAGS)
def test_matches_are_pythons(steps_max: int, pattern: str, text: str, flags: int) -> None:
    # CPython's groups in a possessive repetition keep what was given back: of (?:a|)(?:(.)|)*+ in "1" it says that the
    # group matched nothing at 1.
    assume(not (re.search(r"[*+?}]\+", pattern) and re.search(r"\((?!\?)|\(\?P<", pattern)))
    wanted = compiled(pattern, int(flags))
    with pytest.MonkeyPatch.context() as patch:
        source = f"import re\n{SPANS}p = re.compile(q, f)\n{ASKED}"
        try:
            # Ours first, which counts its steps: what is too much for it Python may not end in an hour.
            patch.setattr(regex, "STEPS_MAX", -1)
            Host(fuel=10**6).run(source, q=pattern, f=int(flags), t=text)
            patch.setattr(regex, "STEPS_MAX", steps_max)
            found = Host(fuel=10**6).run(source, q=pattern, f=int(flags), t=text)
        except OutOfFuel:
            assume(False)
    assert found == asked_of_python(wanted, text)


@pytest.mark.parametrize("steps_max", [-1, regex.STEPS_MAX], ids=["in Python", "chosen"])
@pytest.mark.parametrize(("pattern", "text"), [
    (r"(a)(b)?\1", "aba aa abb"), (r"(?P<x>\w)(?P=x)", "hello book"), (r"(a)?(?(1)b|c)", "ab c ac"),
    (r"(?<=a)b", "ab bb"), (r"(?<!a)b", "ab bb"), (r"(?i)(ß|é)\1", "ÉéßßẞSS"), (r"(a*)*", "aab"), (r"(a*)+", "b"),
    (r"(a|ab)(c|bcd)(d*)", "abcd"), (r"(?:(a)|b)*", "abab"), (r"((a)|b)*?c", "abc"), (r"x*?", "axxb"), (r"|a", "aa"),
    (r"(\d+)-(\d+)", "10-20, 3-4"), (r"^\s*(\w+)\s*=\s*(.*?)\s*$", " key =  some value \n"),
    (r"\bfoo\b", "foo food éfoo"),
    (r"(?m)^(.*)$", "a\nb\n\nc"), (r"(?s).+", "a\nb"), (r"(?x) a  # comment\n b", "ab"), (r"[^\W\d_]+", "né 1_a"),
    (r"(?:a{1,3}b?){2,3}", "aaabaab"), (r"(.)(.)(.)\3\2\1", "abccba"), (r"(?>a+)ab", "aaab"), (r"a++b", "aab"),
    (r"(\w+) (?=b)", "a b c b"), (r"(?=(a+))a*b\1", "baaabac"), (r"\Aab\Z", "ab\n"), (r"(?:(?:a|b)+c)+", "abcbac"),
])
def test_matches_are_pythons_for_what_people_write(steps_max: int, pattern: str, text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(regex, "STEPS_MAX", steps_max)
        found = Host(fuel=10**6).run(f"import re\n{SPANS}p = re.compile(q)\n{ASKED}", q=pattern, t=text)
    assert found == asked_of_python(re.compile(pattern), text)


@pytest.mark.parametrize(("pattern", "text"), [
    ("(a+)+$", "a" * 200 + "b"), ("(a|aa)+$", "a" * 200 + "b"), ("(a|a?)+$", "a" * 200 + "b"), ("(.*)*x", "a" * 300),
    ("(.*)(.*)(.*)(.*)(.*)x", "a" * 300), (r"(\w+\s?)*$", "word " * 100 + "!"), (r"\s+$", " " * 100_000 + "x"),
    ("x*y", "x" * 100_000), ("x*+y", "x" * 100_000), (r"(x+)\1y", "x" * 20_000), ("(?=(a+)+b)c", "a" * 100),
    ("(?:x?){300}y", "x" * 300), ("(?i)(?:a|b|ab)*c", "ab" * 5_000), (".*.*.*=.*", "x" * 3_000),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "a" * 100), (r"(a?){50}a{50}", "a" * 49),
])
@pytest.mark.parametrize("how", ["search", "findall", "match"])
def test_a_pattern_with_too_many_ways_ends_by_fuel(pattern: str, text: str, how: str) -> None:
    try:
        Host(fuel=50_000).run(f"import re\nre.{how}(p, t)", p=pattern, t=text)
    except (OutOfFuel, ValueError):
        return
    # Some are quick for one of the three.
    assert how == "match" or pattern in ("(?=(a+)+b)c",)


@pytest.mark.parametrize("source", [
    "re.compile('(')", "re.compile('[a')", "re.compile('*')", "re.sub('a', r'\\2', 'a')", "re.compile('a', 4)",
    "re.compile('a', 128)", "re.compile('(?L)a')", "re.compile(5)", "re.search('a', b'a')", "re.search(b'a', 'a')",
    "re.search('a', 5)", "re.compile('a' * 3000)", "re.compile('()' * 200)", "re.match('a', 'a').group(1)",
    "re.match('a', 'a').group('x')", "re.sub('a', lambda m: 5, 'a')", "re.Pattern()", "re.Match()",
    "re.compile('a').pattern = 'b'", "del re.compile('a').flags", "re.compile('a').x = 1", "re.Pattern.x = 1",
    "re.match('a', 'a').string = 'b'", "re.error.x = 1", "re.compile('a').__regex__",
    "re.match('a', 'a').__found__", "class C(re.Pattern): pass", "re.purge", "re.Scanner", "re.template",
    "re._parser", "re.sre_parse", "re.compile('a').scanner('a')", "re.enum", "re.RegexFlag",
])
def test_what_is_wrong_or_not_there_raises(source: str) -> None:
    with pytest.raises(Exception) as caught:
        Host().run(f"import re\n{source}")
    assert not isinstance(caught.value, AssertionError | SystemError)


def test_errors_say_where() -> None:
    source = "try: re.compile('a(b')\nexcept re.error as e: _r = e.msg, e.pos, e.lineno, e.colno, str(e)\n_r"
    said = "missing ), unterminated subpattern"
    assert Host().run(f"import re\n{source}") == (said, 1, 1, 2, f"{said} at position 1")


def test_a_pattern_is_one_object() -> None:
    host = Host()
    assert host.run("import re\n[re.compile('a') is re.compile('a'), re.compile('a', re.I) is re.compile('(?i)a'),"
                    " re.compile('a') == re.compile('a', re.I), re.compile(re.compile('b')).pattern]") \
        == [True, False, False, "b"]
