"""Names of magnitude bins, such as ``13_13.5``."""

from __future__ import annotations

from functools import cache

#: Name under which every bin of a survey is worked on.
ALL_BINS = "all"

_EDGES = [edge / 2 for edge in range(16, 37)]


def _text(edge: float) -> str:
    return f"{edge:g}"


@cache
def known_bins() -> tuple[str, ...]:
    """Bins half a magnitude or one magnitude wide between 8 and 18 mag."""
    return tuple(
        f"{_text(low)}_{_text(low + width)}"
        for width in (0.5, 1.0)
        for low in _EDGES
        if low + width <= _EDGES[-1]
    )


def bin_edges(mag_bin: str) -> tuple[float, float]:
    """Bright and faint edge of a bin, mag.

    Raises
    ------
    ValueError
        The name is not of the form ``13_13.5``.
    """
    try:
        low, high = (float(part) for part in mag_bin.split("_"))
    except ValueError:
        raise ValueError(f"'{mag_bin}' is not a magnitude bin such as 13_13.5") from None
    if not low < high:
        raise ValueError(f"'{mag_bin}' is not a magnitude bin: its edges must ascend, as in 13_13.5")
    return low, high


def resolve_bin(value: str | float) -> str:
    """Name of the bin that ``value`` means.

    YAML and OmegaConf allow underscores inside numbers, so ``mag_bin=13_13.5`` typed on a command
    line arrives as 1313.5, ``14.5_15`` as 14.515 and ``13_14`` as 1314. Of the known bins exactly
    one reads as that number.

    Raises
    ------
    ValueError
        No bin can have been meant; the message lists what can be.
    """
    if isinstance(value, str):
        text = value.strip()
        if text == ALL_BINS:
            return text
        bin_edges(text)
        return text
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(_refusal(value))
    meant = [name for name in known_bins() if _read_as_number(name) == float(value)]
    if len(meant) != 1:
        raise ValueError(_refusal(value))
    return meant[0]


def split_bins(text: str) -> tuple[str, ...]:
    """Bins joined by ``+``, such as ``12.5_13+13_13.5``, each once.

    Raises
    ------
    ValueError
        One of them is no bin.
    """
    return tuple(dict.fromkeys(resolve_bin(part) for part in text.split("+")))


def _read_as_number(name: str) -> float | None:
    """Read the number YAML takes an unquoted bin for; None where it stays text (``8.5_9.5``)."""
    try:
        return float(name.replace("_", ""))
    except ValueError:
        return None


def _refusal(value: object) -> str:
    return (
        f"mag_bin: {value!r} is no magnitude bin. Give one such as 13_13.5 (ASAS-SN: 12_12.5, 12.5_13, "
        "13_13.5, 13.5_14, 14_14.5, 14.5_15; known: half- or one-magnitude bins between 8 and 18) "
        f"or '{ALL_BINS}'"
    )
