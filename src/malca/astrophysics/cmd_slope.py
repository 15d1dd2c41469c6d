"""Which way a star moves in the colour-magnitude diagram as it dims, against interstellar reddening.

The track is fitted in the plane of the two magnitudes, where the errors are independent, by maximum
likelihood with errors in both (``line_fit``). Magnitude against colour would have errors that are
correlated, and a slope without bound for a grey dip; the fit is the same, as it does not change with
linear transformations. With k = d red / d blue the slope in the diagram, red magnitude against
blue - red, is k / (1 - k), and its angle atan2(k, 1 - k): 90 degrees for grey, less where a star
reddens.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics.extinction_law import EFFECTIVE_WAVELENGTHS_UM, extinction_ratio, implied_r_v
from malca.astrophysics.groups import rows_of
from malca.astrophysics.line_fit import fit_lines


class CmdSlopeParameters(BaseModel):
    """The bands, and what counts as the interstellar law."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    blue_band: str = Field("g", description="Bluer band; a name of EFFECTIVE_WAVELENGTHS_UM.")
    red_band: str = Field("V", description="Redder band, whose magnitude is the ordinate.")
    min_points: int = Field(5, ge=3, description="Fewest pairs of points of a star.")
    r_v_range: tuple[float, float] = Field(
        (3.1, 5.0),
        description="R_V of the diffuse medium and of dense clouds (Cardelli+ 1989, ApJ 345, 245); "
        "between the two a slope is interstellar.",
    )
    law_error: float = Field(
        0.02,
        ge=0,
        description="Relative error of the ratio of extinctions in the two bands, from the law and the "
        "effective wavelengths: 0.005 µm make 0.01 for g over V (our choice).",
    )
    min_sigma: float = Field(
        3.0,
        gt=0,
        description="Significance at which a slope disagrees with the law, and at which a grey dip "
        "must be excluded for an agreement to mean anything.",
    )


def cmd_slopes(
    stars: pd.Series | Sequence[int], pairs: pd.DataFrame, parameters: CmdSlopeParameters
) -> pd.DataFrame:
    """Slope of each star's track, and whether interstellar dust would make it.

    Parameters
    ----------
    stars : Series, (n,)
        Ids.
    pairs : DataFrame
        ``asas_sn_id, blue_mag, blue_error_mag, red_mag, red_error_mag``: magnitudes, or offsets from
        each band's baseline, at about the same times (``dip_colours.pair_bands``).
    parameters : CmdSlopeParameters

    Returns
    -------
    DataFrame
        A row a star: ``asas_sn_id``; ``cmd_n_points``; ``cmd_slope``, red magnitude against colour, and
        ``cmd_slope_error``; ``cmd_angle_deg`` and ``cmd_angle_error_deg``; ``cmd_reduced_chi2`` (errors
        are scaled where it is above 1); ``cmd_dust_slope_low``, ``cmd_dust_slope_high``: those of the
        law at the ends of ``r_v_range``; ``cmd_implied_r_v`` and ``cmd_implied_r_v_error``;
        ``cmd_consistent_with_interstellar``: false if the slope is off by ``min_sigma``; true if not,
        and a grey dip is off by as much; else missing: the data do not tell.
    """
    ids = pd.Series(np.asarray(stars), name="asas_sn_id")
    n = len(ids)
    names = ("blue_mag", "blue_error_mag", "red_mag", "red_error_mag")
    columns = [pairs[name].to_numpy(float, na_value=np.nan) for name in names]
    star = rows_of(pairs["asas_sn_id"], ids)
    use = (star >= 0) & np.all(np.isfinite(columns), axis=0)
    use &= (columns[1] > 0) & (columns[3] > 0)
    line = fit_lines(*(column[use] for column in columns), star[use], n)
    # a track of rising red and falling blue magnitude is none that an occulter makes
    known = (line.n_points >= parameters.min_points) & np.isfinite(line.slope) & (line.slope > 0)
    k = np.where(known, line.slope, np.nan)
    k_error = np.where(known, line.scaled_errors, np.nan)
    blue, red = (EFFECTIVE_WAVELENGTHS_UM[band] for band in (parameters.blue_band, parameters.red_band))
    law = np.array([float(extinction_ratio(red, blue, r_v)) for r_v in parameters.r_v_range])
    with np.errstate(divide="ignore", invalid="ignore"):
        slope, slope_error = k / (1 - k), k_error / (1 - k) ** 2
        angle_error = np.degrees(k_error / (k**2 + (1 - k) ** 2))
        outside = np.fmax(np.fmax(law.min() - k, k - law.max()), 0.0)
        off = outside / np.hypot(k_error, parameters.law_error * law.mean())
        grey_off = np.abs(1 - k) / k_error
        r_v = implied_r_v(k, red, blue)
        step = 1e-4
        derivative = (implied_r_v(k + step, red, blue) - implied_r_v(k - step, red, blue)) / (2 * step)
        r_v_error = np.abs(derivative) * np.hypot(k_error, parameters.law_error * k)
    consistent = pd.array(np.full(n, pd.NA), dtype="boolean")
    consistent[(off < parameters.min_sigma) & (grey_off >= parameters.min_sigma)] = True
    consistent[off >= parameters.min_sigma] = False
    dust_slopes = np.sort(law / (1 - law))
    return pd.DataFrame(
        {
            "asas_sn_id": ids,
            "cmd_n_points": line.n_points,
            "cmd_slope": slope,
            "cmd_slope_error": slope_error,
            "cmd_angle_deg": np.degrees(np.arctan2(k, 1 - k)),
            "cmd_angle_error_deg": angle_error,
            "cmd_reduced_chi2": np.where(known, line.reduced_chi2, np.nan),
            "cmd_dust_slope_low": dust_slopes[0],
            "cmd_dust_slope_high": dust_slopes[1],
            "cmd_implied_r_v": r_v,
            "cmd_implied_r_v_error": r_v_error,
            "cmd_consistent_with_interstellar": consistent,
        }
    )
