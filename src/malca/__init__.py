"""MALCA finds stars that dim in ASAS-SN light curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from malca.datasets.readers import read_lightcurves
    from malca.lightcurves import LightCurves
    from malca.search.detect import Detection, detect_events

__version__ = "0.1.0"
__all__ = ["Detection", "LightCurves", "detect_events", "read_lightcurves"]

_PUBLIC = {
    "Detection": "malca.search.detect",
    "LightCurves": "malca.lightcurves",
    "detect_events": "malca.search.detect",
    "read_lightcurves": "malca.datasets.readers",
}


def __getattr__(name: str) -> Any:
    # Compiled code takes a second to import; `import malca` alone need not pay for it.
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'malca' has no attribute '{name}'")
