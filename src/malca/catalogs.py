"""What a catalogue of stars is to those who ask it: one method, one table, four outcomes.

A local table and a remote service answer alike, so that a node is typed against ``Catalog`` and
does not know which of them it was given.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd

#: Outcomes of a match. Only the second says that the star is not in the catalogue. The third: the
#: catalogue did not look there, which no later answer can settle. The last: nobody answered.
MATCHED, NOT_MATCHED, NOT_COVERED, UNKNOWN = "matched", "not_matched", "not_covered", "unknown"
OUTCOMES = (MATCHED, NOT_MATCHED, NOT_COVERED, UNKNOWN)
#: Reason that goes with ``NOT_COVERED``.
OUTSIDE = "outside the catalogue's coverage"

#: First columns of a table of matches; the catalogue's own columns follow.
MATCH_DTYPES = {
    "asas_sn_id": "int64",
    "outcome": "str",
    "reason": "str",
    "sep_arcsec": "float64",
    "match_by": "str",
}

#: Columns of targets that a match needs, and what else it uses where it is there.
TARGET_COLUMNS = ("asas_sn_id", "ra_deg", "dec_deg", "pm_ra_masyr", "pm_dec_masyr", "gaia_id")
OPTIONAL_TARGET_COLUMNS = ("gaia_release",)

# EDR3 and DR3 share their list of sources (Gaia Collaboration, Vallenari+ 2023, A&A 674, A1).
_SAME_RELEASE = {"EDR3": "DR3"}


class Entries(NamedTuple):
    """All that a catalogue lists about some stars.

    Attributes
    ----------
    outcomes : DataFrame, (n,)
        A row a target, in their order: ``asas_sn_id, outcome, reason, n_entries``. An outcome
        "unknown" may still have entries, where a part of the answer is missing.
    entries : DataFrame
        A row an entry, in the order of the targets and then of separation: ``asas_sn_id,
        sep_arcsec``, then the catalogue's own columns.
    """

    outcomes: pd.DataFrame
    entries: pd.DataFrame


@runtime_checkable
class Catalog(Protocol):
    """A catalogue that many stars are looked up in at once."""

    @property
    def fingerprint(self) -> str:
        """Text that changes when the same targets could be answered differently."""

    def match(self, targets: pd.DataFrame) -> pd.DataFrame:
        """Look stars up, all in one call; how that is cut into requests is the catalogue's affair.

        Parameters
        ----------
        targets : DataFrame, (n,)
            Rows of the manifest: ``asas_sn_id, ra_deg, dec_deg, pm_ra_masyr, pm_dec_masyr,
            gaia_id`` and, where ids are to be compared, ``gaia_release``.

        Returns
        -------
        DataFrame, (n,)
            A row a target, in their order: ``asas_sn_id``; ``outcome``, one of ``OUTCOMES``;
            ``reason``, why it is "unknown" or "not_covered" (else empty); ``sep_arcsec``, from the
            target moved to the catalogue's epoch; ``match_by``, "gaia_id", "asas_sn_id",
            "position" or empty; then the catalogue's own columns, empty where nothing matched.
            What a service could not answer is "unknown" and raises nothing, so that a batch
            that failed costs no other.
        """

    def match_all(self, targets: pd.DataFrame) -> Entries:
        """List every entry within the radius of each star: neighbours, epochs, spectra.

        Parameters
        ----------
        targets : DataFrame, (n,)
            As of ``match``.
        """


def normalise_gaia_release(name: Any) -> str:
    """Name of a Gaia release as ids are compared by it: "Gaia EDR3" and "DR3" are "DR3".

    Anything missing or unknown is "", which agrees with no release.
    """
    if not isinstance(name, str):
        return ""
    short = name.upper().replace("GAIA", "").strip()
    return "" if short == "UNKNOWN" else _SAME_RELEASE.get(short, short)


def integer_ids(values: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Ids as int64, and which of them are there (missing ones are 0).

    Raises
    ------
    TypeError
        Ids are floats: one of 19 digits has lost its last ones already.
    ValueError
        Ids are text that is no number.
    """
    if pd.api.types.is_float_dtype(values) and values.notna().any():
        raise TypeError(
            f"{values.name}: ids are floats, which cannot hold 19 digits; use Int64 or text"
        )
    there = values.notna()
    if not pd.api.types.is_integer_dtype(values):
        words = values[there].astype("str").str.strip()
        wrong = words[~words.str.fullmatch(r"\d{1,19}")]
        if len(wrong):
            raise ValueError(f"{values.name}: '{wrong.iloc[0]}' is no id")
        # numpy, as pandas takes a Series that is put into some rows through floats
        ids = np.zeros(len(values), np.int64)
        ids[there.to_numpy()] = np.array([int(word) for word in words], np.int64)
        return pd.Series(ids, index=values.index, name=values.name), there
    return values.where(there, 0).astype("int64"), there
