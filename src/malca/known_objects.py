"""The table of objects whose events are known: its columns, and what its labels mean.

A row is a known event; an object of which no date is known has one row without dates. Readers of
files make it and the science takes it, so that neither need know the other.
"""

from __future__ import annotations

import pandas as pd

#: Labels of a row. An event must be found; nothing is asked of an uncertain one; a dip where the label
#: is false (without dates: anywhere in that star) is a false alarm.
EVENT, UNCERTAIN, FALSE = "event", "uncertain", "false"

#: What each ``confidence`` of a list of known events is as a label.
LABEL_OF_CONFIDENCE = {
    "clear": EVENT,
    "likely": UNCERTAIN,
    "ambiguous": UNCERTAIN,
    "absent_in_good_data": UNCERTAIN,
    "artefact": FALSE,
    "no_event": FALSE,
}

#: ``known_id`` names the object; ``jd_start`` and ``jd_end`` are missing where no date is known.
KNOWN_DTYPES = {
    "known_id": "str",
    "name": "str",
    "asas_sn_id": "Int64",
    "gaia_id": "Int64",
    "gaia_release": "str",
    "ra_deg": "float64",
    "dec_deg": "float64",
    "category": "str",
    "confidence": "str",
    "label": "str",
    "kind": "str",
    "jd_start": "float64",
    "jd_end": "float64",
    "depth_mag": "float64",
}


def no_known_objects() -> pd.DataFrame:
    """Table of known objects without a row."""
    return pd.DataFrame(columns=list(KNOWN_DTYPES)).astype(KNOWN_DTYPES)
