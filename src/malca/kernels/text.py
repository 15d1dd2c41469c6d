"""Parse a table of text, held as bytes, into numbers and category codes in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

#: What a column holds, one value a column in the ``roles`` of `parse_table`.
#: ``REST`` is a category, too: the whole rest of the line as one word.
SKIP, TIME, NUMBER, CATEGORY, REST = 0, 1, 2, 3, 4

#: Outcomes of `parse_table`.
OK, WRONG_FIELD_COUNT, NO_TEXT, TOO_MANY_TOKENS = 0, 1, 2, 3

#: Entries of the ``report`` filled by `parse_table`.
STATUS, LINE, N_FIELDS, N_ODD = 0, 1, 2, 3
REPORT_LENGTH = 4

#: As ``delimiter`` of `parse_table`: any run of blanks and tabs.
WHITESPACE = 0

POWERS_OF_TEN = 10.0 ** np.arange(23)
INTEGER_POWERS = 10 ** np.arange(10, dtype=np.int64)
# Any integer up to here is a float64 exactly, and so is any power of ten up to 10^22: the
# quotient of two such numbers is the correctly rounded value of the decimal (Clinger 1990).
EXACT = 2**53
_MAX_DIGITS = 18
NEWLINE, SPACE, HASH_SIGN, POINT = 10, 32, 35, 46
N_SLOTS = 1024

# Kinds of bytes: one look-up decides where a field ends.
_ORDINARY, _BLANK, LINE_END, _BAD = 0, 1, 2, 3
KIND_OF_BYTE = np.full(256, _BAD, np.uint8)
KIND_OF_BYTE[33:127] = _ORDINARY
KIND_OF_BYTE[[9, 13, 32]] = _BLANK
KIND_OF_BYTE[NEWLINE] = LINE_END

# Odd multipliers with well-mixed bits; the product's top bits are the slot.
MIX_A = np.uint64(0x9E3779B97F4A7C15)
MIX_B = np.uint64(0xC2B2AE3D27D4EB4F)
MIX_SHIFT = np.uint64(54)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def at(data, i):
    # An unsigned index spares numba the question whether it counts from the end.
    return data[np.uint64(i)]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def decimal_number(data, start, short_below, offset):
    """Value of the decimal that begins at ``start``, where it ends, and whether it is a plain one.

    ``offset`` is added to a value below ``short_below``, in the integers, so that the sum is
    rounded once.
    """
    i = start
    negative = at(data, i) == 45
    if negative or at(data, i) == 43:
        i += 1
    mantissa = np.int64(0)
    first = i
    digit = np.int64(at(data, i)) - 48
    while 0 <= digit <= 9:
        mantissa = mantissa * 10 + digit
        i += 1
        digit = np.int64(at(data, i)) - 48
    n_digits = i - first
    n_decimals = 0
    if at(data, i) == POINT:
        i += 1
        first = i
        digit = np.int64(at(data, i)) - 48
        while 0 <= digit <= 9:
            mantissa = mantissa * 10 + digit
            i += 1
            digit = np.int64(at(data, i)) - 48
        n_decimals = i - first
        n_digits += n_decimals
    if n_digits == 0 or n_digits > _MAX_DIGITS or mantissa > EXACT:
        return np.nan, i, False
    if offset != 0 and mantissa < short_below * POWERS_OF_TEN[n_decimals]:
        # 2450000 and nine decimals still fit; with more, the caller takes the slow road
        if n_decimals > 9 or negative:
            return np.nan, i, False
        mantissa += offset * INTEGER_POWERS[n_decimals]
    value = mantissa / POWERS_OF_TEN[n_decimals]
    return (-value if negative else value), i, True


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _same(data, a, a_stop, b, b_stop):
    if a_stop - a != b_stop - b:
        return False
    for k in range(a_stop - a):  # noqa: SIM110 (numba knows no all())
        if at(data, a + k) != at(data, b + k):
            return False
    return True


@njit(cache=True, nogil=True, error_model="numpy")
def parse_table(
    data,
    start,
    delimiter,
    roles,
    short_below,
    offset,
    numbers,
    codes,
    token_start,
    token_stop,
    n_tokens,
    lines,
    odd,
    report,
):
    """Parse the rows of a text table.

    Blank lines and lines that begin with ``#`` are skipped. Parsing stops at the first line
    that cannot be a row; ``report`` then says where and why.

    Parameters
    ----------
    data : (n_bytes,) uint8 array
        Must end with a newline.
    start : int
        Where the first row begins.
    delimiter : int
        Byte between fields, or ``WHITESPACE``.
    roles : (n_columns,) int8 array
        ``SKIP``, ``TIME``, ``NUMBER`` or ``CATEGORY`` of each column; the last may be ``REST``.
    short_below, offset : int
        A ``TIME`` below ``short_below`` has ``offset`` added (0: never).
    numbers : (n_numeric_columns, capacity) float64 array
        Filled with the values of ``TIME`` and ``NUMBER`` columns, in column order.
    codes : (n_category_columns, capacity) int32 array
        Filled with indices into the distinct tokens of each ``CATEGORY`` or ``REST`` column.
    token_start, token_stop : (n_category_columns, max_tokens) int64 arrays
        Filled with the places of the distinct tokens, in order of appearance.
    n_tokens : (n_category_columns,) int64 array
        Zeros; filled with the number of distinct tokens.
    lines : (capacity,) int64 array
        Filled with the line of each row, counted from ``start``, the first being 0.
    odd : (n_odd, 4) int64 array
        Filled with (row, numeric column, start, stop) of each number that is no plain decimal
        of at most 15 digits or so; its value is NaN and left to the caller.
    report : (4,) int64 array
        Filled with status, the line it refers to, fields found in that line, and the number of
        odd numbers.

    Returns
    -------
    int
        Rows parsed before the end or the first bad line.
    """
    n_bytes = len(data)
    n_columns = len(roles)
    # Code of the last token seen with each hash: finds all but new tokens at once.
    slots = np.zeros((len(n_tokens), N_SLOTS), np.int32)
    row = 0
    line = -1
    n_odd = 0
    i = start
    report[STATUS] = OK
    while i < n_bytes:
        line += 1
        while KIND_OF_BYTE[at(data, i)] == _BLANK:
            i += 1
        if at(data, i) == NEWLINE or at(data, i) == HASH_SIGN:
            while at(data, i) != NEWLINE:
                i += 1
            i += 1
            continue
        field = 0
        number = 0
        category = 0
        ended = False
        while not ended:
            begin = i
            role = roles[field] if field < n_columns else SKIP
            is_number = TIME <= role <= NUMBER
            plain = True
            if is_number:
                value, i, plain = decimal_number(
                    data, begin, short_below, offset if role == TIME else 0
                )
                numbers[number, row] = value
            after_number = i
            low, high = np.int64(0), np.int64(0)
            if role == REST:
                while KIND_OF_BYTE[at(data, i)] < LINE_END:
                    low += at(data, i)
                    high += low
                    i += 1
            elif delimiter == WHITESPACE:
                while KIND_OF_BYTE[at(data, i)] == _ORDINARY:
                    i += 1
            else:
                while at(data, i) != delimiter and KIND_OF_BYTE[at(data, i)] < LINE_END:
                    low += at(data, i)
                    high += low
                    i += 1
            stop = i
            while stop > begin and KIND_OF_BYTE[at(data, stop - 1)] == _BLANK:
                stop -= 1
            while KIND_OF_BYTE[at(data, i)] == _BLANK:
                i += 1
            ended = at(data, i) == NEWLINE
            if KIND_OF_BYTE[at(data, i)] == _BAD:
                report[STATUS] = NO_TEXT
                report[LINE] = line
                report[N_ODD] = n_odd
                return row
            if not ended and delimiter != WHITESPACE:
                i += 1
                while KIND_OF_BYTE[at(data, i)] == _BLANK:
                    i += 1
            if role >= CATEGORY:
                slot = (low + 31 * high) & (N_SLOTS - 1)  # Fletcher's sums
                n = n_tokens[category]
                code = np.int64(slots[category, slot])
                if n == 0 or not _same(
                    data, begin, stop, token_start[category, code], token_stop[category, code]
                ):
                    code = 0
                    while code < n and not _same(
                        data, begin, stop, token_start[category, code], token_stop[category, code]
                    ):
                        code += 1
                    if code == n:
                        if n == token_start.shape[1]:
                            report[STATUS] = TOO_MANY_TOKENS
                            report[LINE] = line
                            report[N_FIELDS] = field
                            report[N_ODD] = n_odd
                            return row
                        token_start[category, n] = begin
                        token_stop[category, n] = stop
                        n_tokens[category] = n + 1
                    slots[category, slot] = code
                codes[category, row] = code
                category += 1
            elif is_number:
                if not plain or stop > after_number:
                    numbers[number, row] = np.nan
                    odd[n_odd, 0] = row
                    odd[n_odd, 1] = number
                    odd[n_odd, 2] = begin
                    odd[n_odd, 3] = stop
                    n_odd += 1
                number += 1
            field += 1
        if field != n_columns:
            # numbers of an abandoned row are nobody's
            while n_odd > 0 and odd[n_odd - 1, 0] == row:
                n_odd -= 1
            report[STATUS] = WRONG_FIELD_COUNT
            report[LINE] = line
            report[N_FIELDS] = field
            report[N_ODD] = n_odd
            return row
        lines[row] = line
        row += 1
        i += 1
    report[N_ODD] = n_odd
    return row
