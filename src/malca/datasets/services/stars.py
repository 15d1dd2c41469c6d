"""Stars that a service is asked about, as arrays, where the catalogue has them."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from malca.datasets.catalog_pairs import Targets
from malca.datasets.services.declaration import ServiceDeclaration

#: Decimals of positions in keys, 0.4 mas: another proper motion is another star to the cache.
_DECIMALS = 7
#: Faster entries are not found near a star whose own motion is unknown: some hundred stars of the sky
#: are, and their motions are known.
_FASTEST_ARCSECYR = 1.0


@dataclass(frozen=True)
class Stars:
    """Stars as arrays, shape (n,), positions (degrees, ICRS) at the catalogue's epoch.

    Attributes
    ----------
    gaia_id : int64 array
        0 where the id is not of a release that the catalogue has ids of, so that it is asked for
        in no other.
    gaia_release : object array of str
        Empty without ``gaia_id``.
    asas_sn_id : int64 array
    reach_arcsec : float64 array
        How far from the star its entries may be listed: the radius, and more where the star's motion
        is not known and those of the entries are, as they are moved instead.
    """

    asas_sn_id: np.ndarray
    ra_deg: np.ndarray
    dec_deg: np.ndarray
    gaia_id: np.ndarray
    gaia_release: np.ndarray
    reach_arcsec: np.ndarray

    @classmethod
    def of(cls, targets: pd.DataFrame, declared: ServiceDeclaration) -> Stars:
        """Stars of a table of targets.

        Raises
        ------
        KeyError
            Targets lack a column.
        TypeError
            Ids of targets are floats.
        """
        own = Targets.of(targets, declared)
        years = abs(declared.epoch_yr - declared.target_epoch_yr) if declared.motion() else 0.0
        usable = np.isin(own.gaia_release, list(declared.id_columns.gaia_id))
        return cls(
            own.asas_sn_id,
            own.ra_deg,
            own.dec_deg,
            np.where(usable, own.gaia_id, 0),
            np.where(usable, own.gaia_release, ""),
            declared.radius_arcsec + np.where(own.still, years * _FASTEST_ARCSECYR, 0.0),
        )

    def __len__(self) -> int:
        return len(self.ra_deg)

    def take(self, rows: np.ndarray) -> Stars:
        """Choose some of the stars."""
        return Stars(*(getattr(self, name.name)[rows] for name in fields(self)))

    @property
    def placed(self) -> np.ndarray:
        """Whether the position is known, shape (n,) bool."""
        return np.isfinite(self.ra_deg) & np.isfinite(self.dec_deg)

    def cones_arcsec(self, declared: ServiceDeclaration) -> np.ndarray:
        """Tell how far around each star entries are wanted of a service that knows no ids.

        An entry with the id of the star counts also beyond the radius, up to where ids are believed.
        """
        known = self.gaia_release != ""
        if declared.id_columns.asas_sn_id:
            known = np.ones(len(self), bool)
        return np.asarray(
            np.where(
                known, np.maximum(self.reach_arcsec, declared.id_max_sep_arcsec), self.reach_arcsec
            )
        )

    def keys(self, with_asas_sn_id: bool) -> list[str]:
        """Make the keys that the answers to the stars are kept under.

        Parameters
        ----------
        with_asas_sn_id : bool
            Whether the catalogue has ids of the survey.
        """
        own = self.asas_sn_id if with_asas_sn_id else np.zeros(len(self), np.int64)
        return [
            f"{ra:.{_DECIMALS}f} {dec:.{_DECIMALS}f} {reach:g} {release}{gaia} {asas_sn}"
            for ra, dec, reach, release, gaia, asas_sn in zip(
                self.ra_deg,
                self.dec_deg,
                self.reach_arcsec,
                self.gaia_release,
                self.gaia_id,
                own,
                strict=True,
            )
        ]
