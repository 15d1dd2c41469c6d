"""The three small figures of a dossier: colour-magnitude diagram, energy distribution, geometry."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from malca.astrophysics.main_sequence import main_sequence
from malca.plots.style import FAINT, INK

_STAR, _BACKGROUND, _MUTED = "#B34700", "#C9CED6", "#5b6470"
_INCHES = (11.0, 3.5)


class Background(NamedTuple):
    """Where other stars lie in the colour-magnitude diagram: intrinsic colour and magnitude, mag."""

    bp_rp0_mag: np.ndarray
    abs_g0_mag: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> Background:
        """Of the stars of a table that have both."""
        both = table[["bp_rp0_mag", "abs_g0_mag"]].dropna()
        return cls(both["bp_rp0_mag"].to_numpy(float), both["abs_g0_mag"].to_numpy(float))


class SedPoint(NamedTuple):
    """Flux in a band: wavelength (µm), nu F_nu and its error (W/m²)."""

    band: str
    wavelength_um: float
    flux: float
    flux_error: float
    is_limit: bool = False


def draw_panels(
    star: pd.Series, background: Background, sed: list[SedPoint], teff_k: float = np.nan
) -> Figure:
    """Draw the three panels of one star side by side.

    Parameters
    ----------
    star : Series
        A row of ``classified``, or of any table before it.
    background : Background
    sed : list of SedPoint
        Dereddened where the extinction is known.
    teff_k : float
        Temperature of a black body to be drawn through the near infrared; NaN: none.
    """
    # a layout that is measured anew would take most of the time of a page
    figure = Figure(figsize=_INCHES)
    cmd, energy, geometry = figure.subplots(1, 3, width_ratios=[1, 1.15, 1])
    figure.subplots_adjust(left=0.055, right=0.995, bottom=0.14, top=0.92, wspace=0.22)
    _draw_cmd(cmd, star, background)
    _draw_sed(energy, sed, teff_k)
    _draw_geometry(geometry, star)
    for ax in (cmd, energy):
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.xaxis.label.set_size(9)
        ax.yaxis.label.set_size(9)
    return figure


def _known(star: pd.Series, name: str) -> float:
    value = star.get(name, np.nan)
    return float("nan") if value is None or pd.isna(value) else float(value)


def _draw_cmd(ax: Axes, star: pd.Series, background: Background) -> None:
    ax.plot(
        background.bp_rp0_mag, background.abs_g0_mag, ".", color=_BACKGROUND, ms=2.5, zorder=1,
        rasterized=True,
    )  # fmt: skip
    sequence = main_sequence()
    known = np.isfinite(sequence.bp_rp_mag) & np.isfinite(sequence.abs_g_mag)
    ax.plot(
        sequence.bp_rp_mag[known], sequence.abs_g_mag[known], "-", color=_MUTED, lw=0.9, zorder=2,
        label="main sequence",
    )  # fmt: skip
    x, y = _known(star, "bp_rp0_mag"), _known(star, "abs_g0_mag")
    if np.isfinite(x) and np.isfinite(y):
        error = _known(star, "abs_g0_error_mag")
        ax.errorbar(
            [x], [y], yerr=[[error], [error]] if np.isfinite(error) else None, fmt="*", ms=13,
            color=_STAR, mec="white", mew=0.6, zorder=4, label="this star",
        )  # fmt: skip
    else:
        _say(ax, "distance or extinction unknown")
    ax.set_xlim(-0.5, 4.5)
    ax.set_ylim(15, -6)
    ax.set_xlabel("(BP−RP)₀ (mag)")
    ax.set_ylabel("$M_{G,0}$ (mag)")
    ax.set_title("Colour and magnitude", fontsize=10, color=INK)
    ax.legend(fontsize=7, frameon=False, loc="lower left")


def _draw_sed(ax: Axes, sed: list[SedPoint], teff_k: float) -> None:
    ax.set_title("Energy distribution", fontsize=10, color=INK)
    ax.set_xlabel("wavelength (µm)")
    ax.set_ylabel("$\\nu F_\\nu$ (W m$^{-2}$)")
    if not sed:
        _say(ax, "no photometry")
        return
    for k, point in enumerate(sed):
        if point.is_limit:
            ax.plot(point.wavelength_um, point.flux, "v", color=FAINT, ms=5)
        else:
            ax.errorbar(
                [point.wavelength_um], [point.flux], yerr=[[point.flux_error]], fmt="o", ms=4.5,
                color=_STAR, lw=1,
            )  # fmt: skip
        ax.annotate(
            point.band.rpartition(" ")[2], (point.wavelength_um, point.flux), ha="center",
            xytext=(0, 6 if k % 2 else -12), textcoords="offset points", fontsize=6.5, color=_MUTED,
        )  # fmt: skip
    measured = [point for point in sed if not point.is_limit and point.flux > 0]
    if np.isfinite(teff_k) and measured:
        anchor = min(measured, key=lambda point: abs(np.log(point.wavelength_um / 1.25)))
        grid = np.geomspace(0.35, 30.0, 200)
        shape = _planck(grid, teff_k)
        scale = anchor.flux / _planck(np.array([anchor.wavelength_um]), teff_k)[0]
        ax.plot(grid, shape * scale, "--", color=_MUTED, lw=0.9, zorder=0, label=f"{teff_k:.0f} K")
        ax.legend(fontsize=7, frameon=False, loc="lower left")
        fluxes = np.array([point.flux for point in measured])
        ax.set_ylim(fluxes.min() / 30, fluxes.max() * 6)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(0.3, 30)
    ax.set_xticks([0.5, 1, 2, 5, 10, 20], ["0.5", "1", "2", "5", "10", "20"])
    ax.minorticks_off()


def _planck(wavelength_um: np.ndarray, teff_k: float) -> np.ndarray:
    """Shape of nu B_nu of a black body; hc/k is 14387.77 µm K (CODATA 2018)."""
    return np.asarray(wavelength_um**-4.0 / np.expm1(14387.77 / (wavelength_um * teff_k)))


def _draw_geometry(ax: Axes, star: pd.Series) -> None:
    """Star and what dims it to scale, as far as the depth alone tells."""
    ax.set_title("Least size of what dims it", fontsize=10, color=INK)
    ax.set_aspect("equal")
    ax.axis("off")
    radius = _known(star, "star_radius_rsun")
    size = _known(star, "occulter_radius_rsun")
    if not (np.isfinite(radius) and np.isfinite(size) and radius > 0):
        _say(ax, "no depth, or no radius of the star")
        return
    ax.add_patch(Circle((0.0, 0.0), radius, color="#F2D16B", lw=0))
    ax.add_patch(Circle((0.6 * radius, 0.0), size, color=INK, alpha=0.75, lw=0))
    reach = 1.25 * max(radius, size)
    ax.set_xlim(-reach, reach + 0.6 * radius)
    ax.set_ylim(-1.15 * reach, reach)
    ax.annotate(
        f"star {radius:.2g} R☉, opaque disc {size:.2g} R☉", (0.5, 0.02), xycoords="axes fraction",
        ha="center", fontsize=8, color=_MUTED,
    )  # fmt: skip


def _say(ax: Axes, text: str) -> None:
    ax.annotate(
        text, (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", fontsize=8, color=_MUTED
    )
