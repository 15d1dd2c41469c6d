"""Values of a star's row as a dossier needs them, whatever stands for what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

UNKNOWN = "unknown"


def is_there(value: Any) -> bool:
    """Whether a value is known: not missing, and no empty text."""
    return value is not None and not pd.isna(value) and value != ""


def floats(star: Mapping[str, Any], *names: str) -> tuple[float, ...]:
    """Numbers of a row; NaN where they are missing."""
    return tuple(float(star[name]) if is_there(star.get(name)) else np.nan for name in names)


def has_no_dip(star: Mapping[str, Any]) -> bool:
    """Whether the search found no dip: what would be told of one is then not unknown."""
    return floats(star, "dip_count")[0] == 0


def flag(star: Mapping[str, Any], name: str) -> bool | None:
    """Flag of a row; None where it is missing."""
    value = star.get(name)
    return bool(value) if is_there(value) else None


def words(star: Mapping[str, Any], name: str) -> str:
    """Text of a row; empty where it is missing."""
    value = star.get(name)
    return str(value) if is_there(value) else ""


def web_address(address: Any) -> str:
    """Address as a link may have it; empty if it is not one of http or https."""
    text = str(address).strip() if is_there(address) else ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.netloc else ""
