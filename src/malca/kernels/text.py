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

_POWERS_OF_TEN = 10.0 ** np.arange(23)
_INTEGER_POWERS = 10 ** np.arange(10, dtype=np.int64)
# Any integer up to here is a float64 exactly, and so is any power of ten up to 10^22: the
# quotient of two such numbers is the correctly rounded value of the decimal (Clinger 1990).
_EXACT = 2**53
_MAX_DIGITS = 18
_NEWLINE, _SPACE, _HASH_SIGN, _POINT = 10, 32, 35, 46
_N_SLOTS = 1024

# Kinds of bytes: one look-up decides where a field ends.
_ORDINARY, _BLANK, _END, _BAD = 0, 1, 2, 3
_KIND = np.full(256, _BAD, np.uint8)
_KIND[33:127] = _ORDINARY
_KIND[[9, 13, 32]] = _BLANK
_KIND[_NEWLINE] = _END

# Eight equal bytes each, to look at eight bytes of text at once.
_LOW_BITS = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_HIGH_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
# Odd multipliers with well-mixed bits; the product's top bits are the slot.
_MIX_A = np.uint64(0x9E3779B97F4A7C15)
_MIX_B = np.uint64(0xC2B2AE3D27D4EB4F)
_MIX_SHIFT = np.uint64(54)


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _at(data, i):
    # An unsigned index spares numba the question whether it counts from the end.
    return data[np.uint64(i)]


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _decimal(data, start, short_below, offset):
    """Value of the decimal that begins at ``start``, where it ends, and whether it is a plain one.

    ``offset`` is added to a value below ``short_below``, in the integers, so that the sum is
    rounded once.
    """
    i = start
    negative = _at(data, i) == 45
    if negative or _at(data, i) == 43:
        i += 1
    mantissa = np.int64(0)
    first = i
    digit = np.int64(_at(data, i)) - 48
    while 0 <= digit <= 9:
        mantissa = mantissa * 10 + digit
        i += 1
        digit = np.int64(_at(data, i)) - 48
    n_digits = i - first
    n_decimals = 0
    if _at(data, i) == _POINT:
        i += 1
        first = i
        digit = np.int64(_at(data, i)) - 48
        while 0 <= digit <= 9:
            mantissa = mantissa * 10 + digit
            i += 1
            digit = np.int64(_at(data, i)) - 48
        n_decimals = i - first
        n_digits += n_decimals
    if n_digits == 0 or n_digits > _MAX_DIGITS or mantissa > _EXACT:
        return np.nan, i, False
    if offset != 0 and mantissa < short_below * _POWERS_OF_TEN[n_decimals]:
        # 2450000 and nine decimals still fit; with more, the caller takes the slow road
        if n_decimals > 9 or negative:
            return np.nan, i, False
        mantissa += offset * _INTEGER_POWERS[n_decimals]
    value = mantissa / _POWERS_OF_TEN[n_decimals]
    return (-value if negative else value), i, True


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _same(data, a, a_stop, b, b_stop):
    if a_stop - a != b_stop - b:
        return False
    for k in range(a_stop - a):  # noqa: SIM110 (numba knows no all())
        if _at(data, a + k) != _at(data, b + k):
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
    slots = np.zeros((len(n_tokens), _N_SLOTS), np.int32)
    row = 0
    line = -1
    n_odd = 0
    i = start
    report[STATUS] = OK
    while i < n_bytes:
        line += 1
        while _KIND[_at(data, i)] == _BLANK:
            i += 1
        if _at(data, i) == _NEWLINE or _at(data, i) == _HASH_SIGN:
            while _at(data, i) != _NEWLINE:
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
                value, i, plain = _decimal(data, begin, short_below, offset if role == TIME else 0)
                numbers[number, row] = value
            after_number = i
            low, high = np.int64(0), np.int64(0)
            if role == REST:
                while _KIND[_at(data, i)] < _END:
                    low += _at(data, i)
                    high += low
                    i += 1
            elif delimiter == WHITESPACE:
                while _KIND[_at(data, i)] == _ORDINARY:
                    i += 1
            else:
                while _at(data, i) != delimiter and _KIND[_at(data, i)] < _END:
                    low += _at(data, i)
                    high += low
                    i += 1
            stop = i
            while stop > begin and _KIND[_at(data, stop - 1)] == _BLANK:
                stop -= 1
            while _KIND[_at(data, i)] == _BLANK:
                i += 1
            ended = _at(data, i) == _NEWLINE
            if _KIND[_at(data, i)] == _BAD:
                report[STATUS] = NO_TEXT
                report[LINE] = line
                report[N_ODD] = n_odd
                return row
            if not ended and delimiter != WHITESPACE:
                i += 1
                while _KIND[_at(data, i)] == _BLANK:
                    i += 1
            if role >= CATEGORY:
                slot = (low + 31 * high) & (_N_SLOTS - 1)  # Fletcher's sums
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


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _bytes_up_to(bit):
    """How many bytes lie below and around the one bit that is set, unless it is a byte's lowest."""
    return np.int64((((bit - np.uint64(1)) & _LOW_BITS) * _LOW_BITS) >> np.uint64(56))


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _field(data, words, start, expected, short_below, offset):
    """Value of a blank-terminated decimal, where the next field begins, decimals, and success.

    ``expected`` decimals are tried first: the processor goes on to the next field meanwhile.

    Decimals are taken all at once: eight bytes are a number in base 256, which three
    multiplications turn into one in base 10 (Lemire 2021).
    """
    i = start
    mantissa = np.int64(0)
    digit = np.int64(_at(data, i)) - 48
    while 0 <= digit <= 9:
        mantissa = mantissa * 10 + digit
        i += 1
        digit = np.int64(_at(data, i)) - 48
    digits = _at(words, i + 1) ^ _ZEROS
    others = (digits | (digits + _SIXES)) & _HIGH_NIBBLES
    first = others & (~others + np.uint64(1))
    n_decimals = expected
    if first & (np.uint64(0xF0) << np.uint64(8 * expected)) == 0:
        n_decimals = _bytes_up_to(first) - 1
    if i == start or i > start + 7 or digit != _POINT - 48 or others == 0 or n_decimals == 0:
        value, i, plain = _decimal(data, start, short_below, offset)
    else:
        digits <<= np.uint64(64 - 8 * n_decimals)
        digits = (digits * np.uint64(2561)) >> np.uint64(8)
        digits = ((digits & _PAIRS) * np.uint64(6553601)) >> np.uint64(16)
        digits = ((digits & _FOURS) * np.uint64(42949672960001)) >> np.uint64(32)
        if mantissa < short_below:
            mantissa += offset
        i += 1 + n_decimals
        mantissa = mantissa * _at(_INTEGER_POWERS, n_decimals) + np.int64(digits)
        value = mantissa / _at(_POWERS_OF_TEN, n_decimals)
        plain = mantissa <= _EXACT
    plain = plain and _at(data, i) == _SPACE
    while _at(data, i) == _SPACE:
        i += 1
    return value, i, n_decimals, plain


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _line_end(words, start):
    """Where the first newline at or after ``start`` is, eight bytes at a time (Mycroft's test)."""
    i = start
    while True:
        word = _at(words, i) ^ _NEWLINES
        zero_bytes = (word - _LOW_BITS) & ~word & _HIGH_BITS
        if zero_bytes != 0:
            return i + _bytes_up_to(zero_bytes & (~zero_bytes + np.uint64(1))) - 1
        i += 8


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _same_words(words, a, b, n_bytes):
    """Whether ``n_bytes`` (at least 8) agree; the last word overlaps the one before."""
    k = 0
    while k < n_bytes - 8:
        if _at(words, a + k) != _at(words, b + k):
            return False
        k += 8
    return _at(words, a + n_bytes - 8) == _at(words, b + n_bytes - 8)


@njit(cache=True, nogil=True, error_model="numpy")
def parse_plain_curve(
    data,
    words,
    n_bytes,
    short_below,
    offset,
    jd_low,
    jd_high,
    sentinel,
    jd,
    mag,
    mag_err,
    codes,
    token_start,
    token_stop,
):
    """Parse a light curve of three numbers and a rest a row, if nothing about it is unusual.

    The shortcut of `parse_table` for the survey's own files, which are many: a comment, a blank
    line, a number that is no plain decimal, a date out of range, ... make it give up, and
    `parse_table` is to say what the matter is.

    Parameters
    ----------
    data : (n,) uint8 array
        ``n_bytes`` of text that ends with a newline, and 8 newlines more.
    words : (n - 7,) uint64 array
        The 8 bytes from each byte of ``data`` on, in little-endian order.
    n_bytes : int
    short_below, offset : int
        A date below ``short_below`` has ``offset`` added.
    jd_low, jd_high : float
        Dates are to lie between, days.
    sentinel : float
        Magnitudes and errors from here on are upper limits, mag: both become NaN.
    jd : (capacity,) float64 array
        Filled with dates, days.
    mag, mag_err : (capacity,) float32 arrays
        Filled with magnitudes and errors, mag.
    codes : (capacity,) int32 array
        Filled with indices into the distinct rests.
    token_start, token_stop : (max_tokens,) int64 arrays
        Filled with the places of the distinct rests, in order of appearance.

    Returns
    -------
    n_rows : int
        -1 if it gave up.
    n_tokens : int
    n_finite : int
        Rows that are no upper limits.
    ascending : bool
        Whether no date is before the one above it.
    """
    slots = np.zeros(_N_SLOTS, np.int32)
    gave_up = (-1, 0, 0, False)
    row = 0
    n_tokens = 0
    n_finite = 0
    ascending = True
    previous = jd_low
    date_decimals, mag_decimals, error_decimals = 5, 3, 3
    i = 0
    while i < n_bytes:
        while _at(data, i) == _SPACE:
            i += 1
        date, i, date_decimals, date_plain = _field(data, words, i, date_decimals, short_below, offset)
        magnitude, i, mag_decimals, mag_plain = _field(data, words, i, mag_decimals, 0, 0)
        error, i, error_decimals, error_plain = _field(data, words, i, error_decimals, 0, 0)
        if not (date_plain and mag_plain and error_plain and jd_low < date < jd_high):
            return gave_up
        stop = _line_end(words, i)
        if stop - i < 8 or row == len(jd):
            return gave_up
        mixed = _at(words, i) * _MIX_A + _at(words, stop - 8) * _MIX_B
        slot = mixed >> _MIX_SHIFT
        code = np.int64(_at(slots, slot))
        length = stop - i
        if (
            n_tokens == 0
            or token_stop[code] - token_start[code] != length
            or not _same_words(words, i, token_start[code], length)
        ):
            code = 0
            while code < n_tokens and not (
                token_stop[code] - token_start[code] == length
                and _same_words(words, i, token_start[code], length)
            ):
                code += 1
            if code == n_tokens:
                if n_tokens == len(token_start):
                    return gave_up
                for k in range(i, stop):
                    if _KIND[_at(data, k)] >= _END:
                        return gave_up
                token_start[code] = i
                token_stop[code] = stop
                n_tokens += 1
            slots[slot] = code
        if abs(magnitude) < sentinel and error < sentinel:
            n_finite += 1
        else:
            magnitude = np.nan
            error = np.nan
        ascending = ascending and date >= previous
        previous = date
        jd[row] = date
        mag[row] = magnitude
        mag_err[row] = error
        codes[row] = code
        row += 1
        i = stop + 1
    return row, n_tokens, n_finite, ascending


@njit(cache=True, nogil=True, error_model="numpy")
def spread(codes, kinds, camera, field, band, good, saturated):
    """Give each row what its code stands for.

    Parameters
    ----------
    codes : (n_rows,) int32 array
    kinds : (n_codes, 5) int16 array
        Camera, field, band, quality and saturation of each code.
    camera, field : (n_rows,) int16 arrays
    band : (n_rows,) int8 array
    good, saturated : (n_rows,) bool arrays
        All filled.
    """
    for row in range(len(codes)):
        code = codes[row]
        camera[row] = kinds[code, 0]
        field[row] = kinds[code, 1]
        band[row] = kinds[code, 2]
        good[row] = kinds[code, 3] != 0
        saturated[row] = kinds[code, 4] != 0
