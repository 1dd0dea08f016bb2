"""Regular expressions and globs that an event cannot make run for ever."""

import re
import time

import pytest

from adapter.mapping.run.pattern import any_glob, compile_pattern, glob_pattern


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(a+)+", "nesting"), ("(a*)*b", "nesting"), ("(?:x?y)+", "nesting"), ("(a{1,60})+", "nesting"),
        ("(a|a)*b", "different characters"), ("(a|ab)*c", "different characters"), ("(.|x)+y", "different characters"),
        (r"(\w)\1", "back-references"), ("(?P<x>a)(?P=x)", "back-references"), ("(a)?(?(1)b|c)", "back-references"),
        ("[", "not a regular expression"), ("[[a]", "not a regular expression"), ("x" * 201, "at most 200"),
    ],
)  # fmt: skip
def test_what_could_take_for_ever_is_refused(pattern: str, words: str) -> None:
    """Refused when the file is loaded, with the reason."""
    refused = compile_pattern(pattern)
    assert isinstance(refused, str)
    assert words in refused


@pytest.mark.parametrize(
    "pattern",
    [
        ".*a.*b",
        "a*a*b",
        "^.*a.*b.*c",
        "^a*a*a*b",
        r"\w+x\w+y",
        "(a*)(a*)b",
        ".*foo.*bar",
        "a*(?:b|a*)c",
        "a*(a*$)",
        r"a*\d*?a*c",
        r"^\s*\s*\s*x",
    ],
)
def test_repetitions_in_a_row_are_refused(pattern: str) -> None:
    """Two in a search, three from the beginning: each can take what the one before leaves, in too many ways."""
    refused = compile_pattern(pattern)
    assert isinstance(refused, str)
    assert "could take minutes" in refused


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (".*a", "a" * 4095 + "\n"), ("^.*a.*b", "a" * 4096), (r"^\s*(\w+)\s*=\s*(.*)$", "a" * 2000 + " " * 2000),
        (r"[0-9]+(\.[0-9]+)?$", "1" * 4096),
        ("[^@]+@[^@]+", "x" * 4096), (r"\s+$", " " * 4095 + "x"), (r"[0-9]+-[0-9]+-[0-9]+", "1" * 4096),
        ("(.*)@.*", "a" * 4096), ("^/product/[^/]+/review", "/product/" + "x" * 4000), (r"^[\w.]+@[\w.]+$", "a" * 4096),
    ],
)  # fmt: skip
def test_what_is_left_is_fast(pattern: str, text: str) -> None:
    """The worst text for each takes well under a second."""
    compiled = compile_pattern(pattern)
    assert isinstance(compiled, re.Pattern), compiled
    started = time.perf_counter()
    compiled.search(text)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    "pattern", ["^[0-9]+$", "(ab|cd)+", r"\d+-\d+", "(?i)x", "(?:ab){2,5}c*", "a{1,20}", "(?=a*)b"]
)
def test_ordinary_patterns_pass(pattern: str) -> None:
    """What people write is compiled as it is."""
    compiled = compile_pattern(pattern)
    assert isinstance(compiled, re.Pattern)
    assert compiled.pattern == pattern


def test_a_glob_is_linear() -> None:
    """Many stars on a long text that does not fit cost no more than walking along it."""
    started = time.perf_counter()
    assert glob_pattern("*a*a*a*a*a*a*b").fullmatch("a" * 20_000) is None
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("glob", "text", "fits"),
    [
        ("a*d", "abcd", True), ("*", "", True), ("**", "x\ny", True), ("a?c", "abc", True), ("a?c", "ac", False),
        ("*ab", "abab", True), ("a*b*c", "axbxbxc", True), ("ab*ba", "aba", False), ("x.y", "xzy", False),
        ("[a]", "a", False),
    ],
)  # fmt: skip
def test_globs(glob: str, text: str, fits: bool) -> None:
    """`*` stands for any characters, `?` for one, everything else for itself."""
    assert (glob_pattern(glob).fullmatch(text) is not None) is fits


def test_several_globs_are_one_question() -> None:
    """Plain names and globs together, each fitting the whole text."""
    is_meant = any_glob(["email", "*_email", "phone?"])
    names = ["email", "to_email", "phone1", "emails", "phone", "my email"]
    assert [name for name in names if is_meant(name)] == ["email", "to_email", "phone1"]
    assert not any_glob(["a.b"])("axb")


@pytest.mark.parametrize("text", ["(?i)(ab|AB)+x", "(?i:(ab|AB)+)x", "(?:(?i:ab|AB))+x", "(?i:(iab|ıab)+)x",
                                  "^(?i:a*)(?i:A*)(?i:a*)(?i:A*)x"])  # fmt: skip
def test_a_pattern_that_ignores_case_is_judged_so(text: str) -> None:
    """Alternatives and repetitions that differ in case alone share their texts."""
    assert isinstance(compile_pattern(text), str)


def test_case_makes_no_other_difference() -> None:
    """The same pattern is fine where case counts, and harmless ones stay allowed."""
    assert not isinstance(compile_pattern("(ab|AB)+x"), str)
    assert isinstance(compile_pattern("(ab|AB)+x", ignore_case=True), str)
    assert not isinstance(compile_pattern("(ab|cd)+x", ignore_case=True), str)
