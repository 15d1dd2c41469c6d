"""The quick way through plain ``.dat2`` files gives what the careful way gives, or gives way."""

from __future__ import annotations

from collections import Counter

import numpy as np

from malca.datasets import dat2
from malca.datasets.curves import ReadFailure
from malca.lightcurves import POINT_DTYPES

_ODD_NUMBERS = (
    "nan",
    "+13.5",
    "-1.25",
    ".5",
    "13.",
    ">14.1",
    "1e1",
    "000000013.25",
    "123456789.1234567",
)


def random_file(rng: np.random.Generator) -> bytes:
    odd = rng.random() < 0.3
    rows = []
    for _ in range(rng.integers(1, 8)):
        short_jd = rng.random() < 0.5
        jd = f"{rng.uniform(6000, 11000) + (0 if short_jd else 2450000):.{rng.integers(0, 11)}f}"
        mag = "99.99" if rng.random() < 0.1 else f"{rng.uniform(12, 17):.{rng.integers(0, 10)}f}"
        if odd and rng.random() < 0.2:
            mag = str(rng.choice(_ODD_NUMBERS))
        camera = rng.integers(0, 4)
        words = [jd, mag, f"{rng.uniform(0, 0.1):.4f}", str(rng.integers(0, 2)), str(camera)]
        words += [str(rng.integers(0, 2)), "0", f"b{'abcd'[camera]}/F{rng.integers(0, 3)}"]
        blank = "\t" if odd and rng.random() < 0.2 else " " * int(rng.integers(1, 4))
        rows.append(blank.join(words))
    content = bytearray(("\n".join(rows) + ("\n" if rng.random() < 0.95 else "")).encode())
    if rng.random() < 0.3:
        content[rng.integers(0, len(content))] = rng.integers(0, 256)
    if rng.random() < 0.1:
        del content[rng.integers(1, len(content)) :]
    return bytes(content)


def test_shortcut_equals_the_careful_way(tmp_path, rng):
    path = tmp_path / "123.dat2"
    outcomes: Counter[str] = Counter()
    for _ in range(1500):
        path.write_bytes(random_file(rng))
        quick = dat2._read_plain(path)
        try:
            careful = dat2._read_any(path)
        except ReadFailure:
            assert quick is None, path.read_bytes()
            outcomes["refused"] += 1
            continue
        if quick is None:
            outcomes["gave way"] += 1
            continue
        outcomes["quick"] += 1
        for name, dtype in POINT_DTYPES.items():
            ours, theirs = getattr(quick, name), getattr(careful, name)
            assert ours.dtype == theirs.dtype == dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=repr(path.read_bytes()))
        for name in ("name", "asas_sn_id", "cameras", "fields", "time_system"):
            assert getattr(quick, name) == getattr(careful, name)
    assert min(outcomes[kind] for kind in ("refused", "gave way", "quick")) > 50
