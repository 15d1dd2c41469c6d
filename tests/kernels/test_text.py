"""The text parser against Python's own float() and str.split()."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malca.datasets.curves import ReadFailure
from malca.datasets.text_table import parse
from malca.kernels.text import CATEGORY, NUMBER, REST, SKIP, TIME

ROLES = (TIME, NUMBER, CATEGORY)
decimals = st.decimals(-99999, 99999, allow_nan=False, allow_infinity=False, places=7).map(
    lambda d: f"{d:f}"
)


@settings(deadline=None)
@given(st.lists(st.tuples(decimals, st.sampled_from(["a", "bc", "a/b", "0"])), min_size=1, max_size=30))
def test_plain_decimals_are_correctly_rounded(rows):
    content = "".join(f" {number}\t{number}  {word} \n" for number, word in rows).encode()
    table = parse(content, ROLES)
    expected = [float(number) for number, _ in rows]
    np.testing.assert_array_equal(table.numbers, [expected, expected])
    assert [table.tokens[0][code] for code in table.codes[0]] == [word for _, word in rows]


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_that_python_writes_is_read_back(value):
    for text in (repr(value), f"{value:.17e}"):
        table = parse(f"{text},x\n".encode(), (NUMBER, CATEGORY), delimiter=ord(","))
        assert table.numbers[0, 0] == value


@settings(deadline=None)
@given(st.integers(0, 39_999), st.integers(0, 10**9 - 1), st.integers(0, 9))
def test_short_dates_are_rounded_once(day, fraction, places):
    digits = f"{fraction:09d}"[:places]
    point = "." if places else ""
    table = parse(f"{day}{point}{digits} 1 x\n".encode(), ROLES, short_jd=True)
    assert table.numbers[0, 0] == float(f"{2_450_000 + day}{point}{digits}")


def test_short_dates_with_many_digits_are_rounded_once():
    table = parse(b"8515.62150741234567 1 x\n2458515.6215074 1 x\n", ROLES, short_jd=True)
    assert table.numbers[0, 0] == 2458515.62150741234567
    assert table.numbers[0, 1] == 2458515.6215074


def test_comments_blank_lines_and_line_ends_of_every_kind():
    table = parse(b"# head\n\n1.5 2 a\r\n   \n# between\n2.5 3 b", ROLES)
    np.testing.assert_array_equal(table.numbers, [[1.5, 2.5], [2.0, 3.0]])
    np.testing.assert_array_equal(table.lines, [3, 6])
    assert table.unterminated


def test_roles_skip_and_rest():
    table = parse(b"9 x 1.0 a b  c\n9 y 2.0 a b  d \n", (SKIP, CATEGORY, NUMBER, REST))
    assert table.tokens == [["x", "y"], ["a b  c", "a b  d"]]
    np.testing.assert_array_equal(table.numbers, [[1.0, 2.0]])


def test_an_empty_field_of_a_csv_is_no_number():
    table = parse(b"1.0,,a\n2.0, 3.0 ,\n", (NUMBER, NUMBER, CATEGORY), delimiter=ord(","))
    np.testing.assert_array_equal(table.numbers, [[1.0, 2.0], [np.nan, 3.0]])
    assert table.tokens == [["a", ""]]


def test_many_distinct_words_keep_their_codes(rng):
    words = [f"w{k}" for k in rng.integers(0, 3000, 10_000)]
    table = parse("".join(f"1 2 {word}\n" for word in words).encode(), ROLES)
    assert [table.tokens[0][code] for code in table.codes[0]] == words
    assert len(set(table.tokens[0])) == len(table.tokens[0])


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        (b"1 2 a\n1 2\n", "malformed_row", "line 2"),
        (b"1 2 a b\n1 2 a b\n", "wrong_columns", "line 1"),
        (b"1 2 a\n1 x2 a\n", "malformed_row", "line 2"),
        (b"1 2 a\n1 1_000 a\n", "malformed_row", "line 2"),
        (b"1 2 a\n1 - a\n", "malformed_row", "line 2"),
        (b"1 2 a\n1 1.2.3 a\n", "malformed_row", "line 2"),
        (b"1 2 a\n1 2", "truncated", "line 2"),
        (b"1 2 abc\n1 2 abd\n1 2 ab", "truncated", "line 3"),
        (b"1 2 a\n\x00\x01\x02 2 a\n", "binary", ""),
        (b"1 2 a\n1 2 \xff\n", "not_utf8", "line 2"),
        ("1 2 a\n1 2 ä\n".encode(), "malformed_row", "line 2"),
        (b"# only a comment\n", "empty", ""),
    ],
)
def test_broken_text_is_refused_with_its_line(content, reason, line):
    with pytest.raises(ReadFailure) as caught:
        parse(content, ROLES)
    assert caught.value.reason == reason
    assert line in caught.value.detail


def test_a_whole_last_word_without_a_line_end_is_accepted():
    assert len(parse(b"1 2 abc\n1 2 abd", ROLES)) == 2
