"""Text tables of light curves, read whole and parsed at once."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np

from malca.datasets.curves import ReadFailure
from malca.kernels import plain_curve, text

_MAX_TOKENS = 4096
#: Added to dates given as JD - 2450000.
SHORT_JD_OFFSET = 2_450_000
#: Dates below are short ones: a full Julian Date has seven digits.
SHORT_JD_BELOW = 40_000
_FORMAT_EFFECTORS = frozenset(b"\t\n\r\f\v\x1b\x08")


@dataclass(eq=False)
class TextTable:
    """Columns of a parsed text table.

    Attributes
    ----------
    numbers : (n_numeric_columns, n_rows) float64 array
        NaN where a number is missing or only a limit (``>14.1``).
    codes : (n_category_columns, n_rows) int32 array
        Indices into ``tokens``.
    tokens : list of list of str
        Distinct texts of each category column, in order of appearance.
    lines : (n_rows,) int64 array
        Line of the file each row stands on, from 1.
    unterminated : bool
        Whether the last row lacks its line end.
    """

    numbers: np.ndarray
    codes: np.ndarray
    tokens: list[list[str]]
    lines: np.ndarray
    unterminated: bool

    def __len__(self) -> int:
        return len(self.lines)


def read_bytes(path: Path) -> bytes:
    """Content of a light-curve file.

    Raises
    ------
    ReadFailure
        The file is missing, empty, or cannot be opened.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except FileNotFoundError:
        raise ReadFailure("missing_file", "there is no such file") from None
    except OSError as error:
        raise ReadFailure("unreadable_file", error.strerror or type(error).__name__) from error
    if not content or content.isspace():
        raise ReadFailure("empty", "the file holds no text")
    return content


def refuse_non_text(content: bytes) -> None:
    """Raise a `ReadFailure` for bytes that are no UTF-8 text."""
    if any(byte < 32 and byte not in _FORMAT_EFFECTORS for byte in set(content)):
        raise ReadFailure("binary", "the file holds bytes that no text has")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ReadFailure(
            "not_utf8", f"line {line}: byte 0x{content[error.start]:02x} is not UTF-8"
        ) from None


def parse(
    content: bytes,
    roles: Sequence[int],
    *,
    start: int = 0,
    delimiter: int = text.WHITESPACE,
    short_jd: bool = False,
) -> TextTable:
    """Parse the rows of ``content`` from byte ``start`` on.

    Parameters
    ----------
    roles : sequence of int
        Of each column: ``SKIP``, ``TIME``, ``NUMBER``, ``CATEGORY`` or ``REST`` of
        `malca.kernels.text`.
    short_jd : bool
        Whether dates below 40000 are JD - 2450000.

    Raises
    ------
    ReadFailure
        ``empty``, ``binary``, ``not_utf8``, ``wrong_columns``, ``malformed_row`` or ``truncated``.
    """
    unterminated = not content.endswith(b"\n")
    if unterminated:
        content += b"\n"
    data = np.frombuffer(content, np.uint8)
    role_codes = np.array(roles, np.int8)
    n_numeric = int(((role_codes == text.TIME) | (role_codes == text.NUMBER)).sum())
    n_category = int((role_codes >= text.CATEGORY).sum())
    # a field takes a byte and its delimiter at least (an empty one in a CSV the delimiter alone)
    capacity = (len(content) - start) // (len(roles) * (2 if delimiter == text.WHITESPACE else 1)) + 2
    numbers, codes, token_start, token_stop, lines, odd = _workspace(n_numeric, n_category, capacity)
    n_tokens = np.zeros(n_category, np.int64)
    report = np.zeros(text.REPORT_LENGTH, np.int64)
    n_rows = text.parse_table(
        data,
        start,
        delimiter,
        role_codes,
        SHORT_JD_BELOW if short_jd else 0,
        SHORT_JD_OFFSET if short_jd else 0,
        numbers,
        codes,
        token_start,
        token_stop,
        n_tokens,
        lines,
        odd,
        report,
    )
    first_line = content.count(b"\n", 0, start) + 1
    if report[text.STATUS] != text.OK:
        refuse_non_text(content)
        last_line = content.count(b"\n", start) - 1
        at_end = unterminated and report[text.LINE] == last_line
        raise _broken_row(report, n_rows, first_line, len(roles), at_end)
    if n_rows == 0:
        raise ReadFailure("empty", "the file holds no rows")
    tokens = [
        [content[token_start[k, i] : token_stop[k, i]].decode("ascii") for i in range(n_tokens[k])]
        for k in range(n_category)
    ]
    lines = lines[:n_rows] + first_line
    table = TextTable(numbers[:, :n_rows].copy(), codes[:, :n_rows].copy(), tokens, lines, unterminated)
    numeric_roles = [role for role in roles if role in {text.TIME, text.NUMBER}]
    for row, column, begin, stop in odd[: report[text.N_ODD]].tolist():
        token = content[begin:stop].decode("ascii")
        is_short_jd = short_jd and numeric_roles[column] == text.TIME
        try:
            table.numbers[column, row] = _odd_number(token, is_short_jd)
        except ValueError:
            reason = "truncated" if unterminated and row == n_rows - 1 else "malformed_row"
            raise ReadFailure(reason, f"line {lines[row]}: '{token}' is not a number") from None
    if unterminated and roles[-1] >= text.CATEGORY:
        _refuse_cut_token(table)
    return table


@dataclass(eq=False)
class PlainCurve:
    """Rows of a light curve without oddities, see `parse_plain`.

    Attributes
    ----------
    jd : (n_rows,) float64 array
        Full Julian dates, days.
    mag, mag_err : (n_rows,) float32 arrays
        Mag; both NaN in upper limits.
    codes : (n_rows,) int32 array
        Indices into ``tokens``; valid until the thread parses again.
    tokens : list of bytes
        Distinct rests of the rows, in order of appearance.
    ascending : bool
        Whether the rows are in order of time.
    """

    jd: np.ndarray
    mag: np.ndarray
    mag_err: np.ndarray
    codes: np.ndarray
    tokens: list[bytes]
    ascending: bool


def parse_plain(path: Path, jd_range: tuple[float, float], sentinel: float) -> PlainCurve | None:
    """Rows of a file of date, magnitude, error and a rest, or None if anything is unusual.

    Parameters
    ----------
    path : Path
    jd_range : (float, float)
        What dates, made full ones, are to lie between, days.
    sentinel : float
        Magnitudes and errors from here on are upper limits, mag.

    Returns
    -------
    PlainCurve or None
        None leaves it to `read_bytes` and `parse` to read the file or to say what is wrong.
    """
    if sys.byteorder != "little":
        return None
    try:
        n_bytes = _fill_buffer(path)
    except OSError:
        return None
    buffer, data, words, jd, mag, mag_err, codes, token_start, token_stop = _SCRATCH.plain
    if n_bytes == 0 or buffer[n_bytes - 1] != _NEWLINE:
        return None
    n_rows, n_tokens, n_finite, ascending = plain_curve.parse_plain_curve(
        data,
        words,
        n_bytes,
        SHORT_JD_BELOW,
        SHORT_JD_OFFSET,
        *jd_range,
        sentinel,
        jd,
        mag,
        mag_err,
        codes,
        token_start,
        token_stop,
    )
    if n_rows < 1 or n_finite == 0:
        return None
    places = zip(token_start[:n_tokens].tolist(), token_stop[:n_tokens].tolist(), strict=True)
    return PlainCurve(
        jd[:n_rows].copy(),
        mag[:n_rows].copy(),
        mag_err[:n_rows].copy(),
        codes[:n_rows],
        [bytes(buffer[begin:stop]) for begin, stop in places],
        ascending,
    )


_NEWLINE = 10
_SCRATCH = threading.local()


def _fill_buffer(path: Path) -> int:
    """Read a file into the thread's buffer; return its length."""
    if not hasattr(_SCRATCH, "plain"):
        _SCRATCH.plain = _plain_workspace(_FIRST_BUFFER)
    with open(path, "rb", buffering=0) as file:
        while True:
            buffer = _SCRATCH.plain[0]
            room = len(buffer) - _WORD
            n_bytes = file.readinto(buffer[:room])
            if n_bytes < room:
                buffer[n_bytes : n_bytes + _WORD] = b"\n" * _WORD
                return n_bytes
            file.seek(0)
            _SCRATCH.plain = _plain_workspace(4 * len(buffer))


_FIRST_BUFFER = 1 << 19
_WORD = 8
_SHORTEST_ROW = 16


def _plain_workspace(n_bytes: int) -> tuple:
    """Buffer of ``n_bytes``, and arrays for `malca.kernels.plain_curve.parse_plain_curve`."""
    buffer = bytearray(n_bytes)
    capacity = n_bytes // _SHORTEST_ROW
    return (
        memoryview(buffer),
        np.frombuffer(buffer, np.uint8),
        np.ndarray((n_bytes - _WORD + 1,), np.uint64, buffer, 0, (1,)),
        np.empty(capacity),
        np.empty(capacity, np.float32),
        np.empty(capacity, np.float32),
        np.empty(capacity, np.int32),
        np.empty(_MAX_TOKENS, np.int64),
        np.empty(_MAX_TOKENS, np.int64),
    )


def _workspace(n_numeric: int, n_category: int, capacity: int) -> tuple[np.ndarray, ...]:
    """Arrays for `malca.kernels.text.parse_table`, which each thread uses again and again.

    Fresh memory of this size costs about as much (page faults) as the parsing itself.
    """
    kept = getattr(_SCRATCH, "arrays", None)
    if kept is not None:
        numbers, codes, *_ = kept
        if (len(numbers), len(codes)) == (n_numeric, n_category) and numbers.shape[1] >= capacity:
            return kept
    _SCRATCH.arrays = (
        np.empty((n_numeric, capacity)),
        np.empty((n_category, capacity), np.int32),
        np.empty((n_category, _MAX_TOKENS), np.int64),
        np.empty((n_category, _MAX_TOKENS), np.int64),
        np.empty(capacity, np.int64),
        np.empty((capacity * n_numeric, 4), np.int64),
    )
    return _SCRATCH.arrays


def _odd_number(token: str, is_short_jd: bool) -> float:
    if not token:
        return np.nan
    if "_" in token:  # Python would read 1_000 as a number
        raise ValueError(token)
    if token[0] in "<>":
        float(token[1:])
        return np.nan
    value = float(token)
    if is_short_jd and abs(value) < SHORT_JD_BELOW:
        value = float(Decimal(token) + SHORT_JD_OFFSET)
    return value


def _broken_row(
    report: np.ndarray, n_rows: int, first_line: int, n_columns: int, at_end: bool
) -> ReadFailure:
    status, line = int(report[text.STATUS]), int(report[text.LINE]) + first_line
    if status == text.WRONG_FIELD_COUNT:
        n_fields = int(report[text.N_FIELDS])
        detail = f"line {line}: {n_fields} fields instead of {n_columns}"
        if at_end and n_fields < n_columns:
            return ReadFailure("truncated", detail + ", and no line end")
        return ReadFailure("malformed_row" if n_rows else "wrong_columns", detail)
    if status == text.TOO_MANY_TOKENS:
        field = int(report[text.N_FIELDS]) + 1
        return ReadFailure(
            "wrong_columns", f"line {line}: field {field} has over {_MAX_TOKENS} different values"
        )
    return ReadFailure("malformed_row", f"line {line}: a character that is not ASCII text")


def _refuse_cut_token(table: TextTable) -> None:
    """Tell a last word cut short by an interrupted write from one that merely lacks a line end."""
    codes, tokens = table.codes[-1], table.tokens[-1]
    word = tokens[codes[-1]]
    seen_before = (codes[:-1] == codes[-1]).any()
    if not seen_before and any(other != word and other.startswith(word) for other in tokens):
        raise ReadFailure("truncated", f"line {table.lines[-1]}: ends in '{word}', without line end")
