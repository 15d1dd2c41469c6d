"""Parse the usual light curve, three numbers and a rest a row, eight bytes at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from malca.kernels.text import (
    EXACT,
    INTEGER_POWERS,
    KIND_OF_BYTE,
    LINE_END,
    MIX_A,
    MIX_B,
    MIX_SHIFT,
    N_SLOTS,
    POINT,
    POWERS_OF_TEN,
    SPACE,
    at,
    decimal_number,
)

# Eight equal bytes each, to look at eight bytes of text at once.
_LOW_BITS = np.uint64(0x0101010101010101)
_HIGH_BITS = np.uint64(0x8080808080808080)
_ZEROS = np.uint64(0x3030303030303030)
_SIXES = np.uint64(0x0606060606060606)
_HIGH_NIBBLES = np.uint64(0xF0F0F0F0F0F0F0F0)
_PAIRS = np.uint64(0x00FF00FF00FF00FF)
_FOURS = np.uint64(0x0000FFFF0000FFFF)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)


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
    digit = np.int64(at(data, i)) - 48
    while 0 <= digit <= 9:
        mantissa = mantissa * 10 + digit
        i += 1
        digit = np.int64(at(data, i)) - 48
    digits = at(words, i + 1) ^ _ZEROS
    others = (digits | (digits + _SIXES)) & _HIGH_NIBBLES
    first = others & (~others + np.uint64(1))
    n_decimals = expected
    if first & (np.uint64(0xF0) << np.uint64(8 * expected)) == 0:
        n_decimals = _bytes_up_to(first) - 1
    if i == start or i > start + 7 or digit != POINT - 48 or others == 0 or n_decimals == 0:
        value, i, plain = decimal_number(data, start, short_below, offset)
    else:
        digits <<= np.uint64(64 - 8 * n_decimals)
        digits = (digits * np.uint64(2561)) >> np.uint64(8)
        digits = ((digits & _PAIRS) * np.uint64(6553601)) >> np.uint64(16)
        digits = ((digits & _FOURS) * np.uint64(42949672960001)) >> np.uint64(32)
        if mantissa < short_below:
            mantissa += offset
        i += 1 + n_decimals
        mantissa = mantissa * at(INTEGER_POWERS, n_decimals) + np.int64(digits)
        value = mantissa / at(POWERS_OF_TEN, n_decimals)
        plain = mantissa <= EXACT
    plain = plain and at(data, i) == SPACE
    while at(data, i) == SPACE:
        i += 1
    return value, i, n_decimals, plain


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _line_end(words, start):
    """Where the first newline at or after ``start`` is, eight bytes at a time (Mycroft's test)."""
    i = start
    while True:
        word = at(words, i) ^ _NEWLINES
        zero_bytes = (word - _LOW_BITS) & ~word & _HIGH_BITS
        if zero_bytes != 0:
            return i + _bytes_up_to(zero_bytes & (~zero_bytes + np.uint64(1))) - 1
        i += 8


@njit(cache=True, nogil=True, inline="always", error_model="numpy")
def _same_words(words, a, b, n_bytes):
    """Whether ``n_bytes`` (at least 8) agree; the last word overlaps the one before."""
    k = 0
    while k < n_bytes - 8:
        if at(words, a + k) != at(words, b + k):
            return False
        k += 8
    return at(words, a + n_bytes - 8) == at(words, b + n_bytes - 8)


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
    slots = np.zeros(N_SLOTS, np.int32)
    gave_up = (-1, 0, 0, False)
    row = 0
    n_tokens = 0
    n_finite = 0
    ascending = True
    previous = jd_low
    date_decimals, mag_decimals, error_decimals = 5, 3, 3
    i = 0
    while i < n_bytes:
        while at(data, i) == SPACE:
            i += 1
        date, i, date_decimals, date_plain = _field(data, words, i, date_decimals, short_below, offset)
        magnitude, i, mag_decimals, mag_plain = _field(data, words, i, mag_decimals, 0, 0)
        error, i, error_decimals, error_plain = _field(data, words, i, error_decimals, 0, 0)
        if not (date_plain and mag_plain and error_plain and jd_low < date < jd_high):
            return gave_up
        stop = _line_end(words, i)
        if stop - i < 8 or row == len(jd):
            return gave_up
        mixed = at(words, i) * MIX_A + at(words, stop - 8) * MIX_B
        slot = mixed >> MIX_SHIFT
        code = np.int64(at(slots, slot))
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
                    if KIND_OF_BYTE[at(data, k)] >= LINE_END:
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
