"""The three drawings of a dossier: colour-magnitude diagram, energy distribution, geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from malca.astrophysics.extinction import extinction_mag
from malca.astrophysics.main_sequence import main_sequence
from malca.astrophysics.sed import sed_points
from malca.plots.dossier_values import floats, has_no_dip, is_there
from malca.plots.svg import Drawing, Scale, dots_path, significant

_WIDTH, _HEIGHT = 360.0, 310.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 54.0, 350.0, 10.0, 268.0
#: Colours and magnitudes that nearly all stars of the survey lie within.
_COLOUR_RANGE, _MAGNITUDE_RANGE = (-0.6, 4.4), (-7.0, 15.5)
#: Where regions of the diagram are named: colour, magnitude.
_REGIONS = {"giants": (2.1, -0.9), "main sequence": (2.62, 6.6), "white dwarfs": (0.25, 13.6)}
_SUN_RADIUS_AU = 0.00465047


def _cmd_scales(colour: float, magnitude: float) -> tuple[Scale, Scale]:
    """Axes that have room for a star, wherever it is."""
    blue, red = _COLOUR_RANGE
    bright, faint = _MAGNITUDE_RANGE
    if np.isfinite(colour) and np.isfinite(magnitude):
        blue, red = min(blue, colour - 0.3), max(red, colour + 0.3)
        bright, faint = min(bright, magnitude - 1), max(faint, magnitude + 1)
    return Scale(blue, red, _LEFT, _RIGHT), Scale(bright, faint, _TOP, _BOTTOM)


@dataclass(frozen=True)
class Background:
    """Where other stars lie in the colour-magnitude diagram: intrinsic colour and magnitude, mag."""

    bp_rp0_mag: np.ndarray
    abs_g0_mag: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame) -> Background:
        """Of the stars of a table that have both."""
        if not {"bp_rp0_mag", "abs_g0_mag"} <= set(table):
            return cls(np.zeros(0), np.zeros(0))
        both = table[["bp_rp0_mag", "abs_g0_mag"]].astype(float).dropna()
        return cls(both["bp_rp0_mag"].to_numpy(), both["abs_g0_mag"].to_numpy())

    @cached_property
    def _usual(self) -> str:
        return self._path(*_cmd_scales(np.nan, np.nan))

    def path(self, x: Scale, y: Scale) -> str:
        """Dots of the stars in a drawing; that of the usual axes is made once."""
        return self._usual if (x, y) == _cmd_scales(np.nan, np.nan) else self._path(x, y)

    def _path(self, x: Scale, y: Scale) -> str:
        colour, magnitude = self.bp_rp0_mag, self.abs_g0_mag
        shown = (x.low <= colour) & (colour <= x.high) & (y.low <= magnitude) & (magnitude <= y.high)
        return dots_path(x.at(colour[shown]), y.at(magnitude[shown]))


def draw_cmd(star: Mapping[str, Any], background: Background) -> Markup:
    """Draw where a star is among others, with and without the extinction before it.

    Parameters
    ----------
    star : mapping
        A row of ``classified``, or of any table before it.
    background : Background
    """
    colour, magnitude, error = floats(star, "bp_rp0_mag", "abs_g0_mag", "abs_g0_error_mag")
    x, y = _cmd_scales(colour, magnitude)
    drawing = Drawing(_WIDTH, _HEIGHT, "Colour-magnitude diagram")
    drawing.axes(x, y, "(BP−RP)₀ (mag)", "absolute G₀ (mag)")
    drawing.add(Markup('<path class="others" d="{}"/>').format(background.path(x, y)))
    sequence = main_sequence()
    shown = np.isfinite(sequence.bp_rp_mag) & np.isfinite(sequence.abs_g_mag)
    shown &= (sequence.bp_rp_mag <= x.high) & (sequence.abs_g_mag <= y.high)
    drawing.line(x.at(sequence.bp_rp_mag[shown]), y.at(sequence.abs_g_mag[shown]), "sequence")
    for name, (at_colour, at_magnitude) in _REGIONS.items():
        drawing.text(float(x.at(at_colour)), float(y.at(at_magnitude)), name, "region")
    if not (np.isfinite(colour) and np.isfinite(magnitude)):
        drawing.text((_LEFT + _RIGHT) / 2, 0.5 * _TOP + 0.5 * _BOTTOM, _missing(star), "none")
        return drawing.markup()
    at = float(x.at(colour)), float(y.at(magnitude))
    _draw_extinction(drawing, star, x, y)
    if np.isfinite(error):
        ends = np.clip([magnitude - error, magnitude + error], y.low, y.high)
        drawing.line([at[0], at[0]], y.at(ends), "error")
    drawing.star(*at, 8.5, "this", f"this star: {colour:.2f} mag, {magnitude:.2f} mag")
    return drawing.markup()


def _missing(star: Mapping[str, Any]) -> str:
    missing = [
        name
        for name, column in (
            ("distance", "distance_pc"), ("extinction", "av_mag"), ("BP−RP", "gaia_bp_rp_mag"),
        )
        if not is_there(star.get(column))
    ]  # fmt: skip
    return f"unknown: {', '.join(missing)}" if missing else "unknown"


def _draw_extinction(drawing: Drawing, star: Mapping[str, Any], x: Scale, y: Scale) -> None:
    """Draw where the star would be without correction, joined to where it is."""
    colour, magnitude, av = floats(star, "bp_rp0_mag", "abs_g0_mag", "av_mag")
    if not np.isfinite(av) or av <= 0:
        return
    in_g, in_bp, in_rp = (float(extinction_mag(np.array([av]), band)[0]) for band in ("g", "bp", "rp"))
    raw = colour + in_bp - in_rp, magnitude + in_g
    if not (x.low <= raw[0] <= x.high and y.low <= raw[1] <= y.high):
        return
    drawing.line(x.at(np.array([colour, raw[0]])), y.at(np.array([magnitude, raw[1]])), "reddening")
    drawing.circle(
        float(x.at(raw[0])), float(y.at(raw[1])), 3.2, "raw", f"not corrected for A_V = {av:.2f} mag"
    )


def draw_sed(star: Mapping[str, Any]) -> tuple[Markup, str]:
    """Draw the star's energy distribution, and say in a few words what is drawn.

    Points are without the extinction before the star where that is known. The broken line is a black
    body of the star's temperature through the point nearest to J.
    """
    points = sed_points(pd.DataFrame({name: [value] for name, value in star.items() if _of_sed(name)}))
    drawing = Drawing(_WIDTH, _HEIGHT, "Spectral energy distribution")
    x = Scale(0.3, 30.0, _LEFT, _RIGHT, True)
    raw = points["nu_f_nu_wm2"].to_numpy(float)
    clean = points["dereddened_nu_f_nu_wm2"].to_numpy(float)
    is_clean = np.isfinite(clean)
    flux = np.where(is_clean, clean, raw)
    good = np.isfinite(flux) & (flux > 0)
    if not good.any():
        drawing.axes(x, Scale(1e-16, 1e-12, _BOTTOM, _TOP, True), "wavelength (µm)", "νFν (W m⁻²)")
        drawing.text((_LEFT + _RIGHT) / 2, (_TOP + _BOTTOM) / 2, "unknown: no photometry", "none")
        return drawing.markup(), ""
    points, flux, is_clean, raw = points[good], flux[good], is_clean[good], raw[good]
    low, high = np.floor(np.log10(flux.min()) - 0.35), np.ceil(np.log10(flux.max()) + 0.15)
    y = Scale(10.0**low, 10.0**high, _BOTTOM, _TOP, True)
    drawing.axes(x, y, "wavelength (µm)", "νFν (W m⁻²)")
    wavelength = points["wavelength_um"].to_numpy(float)
    limit = points["upper_limit"].to_numpy(bool)
    (teff,) = floats(star, "star_teff_k")
    said = "without the extinction before it" if is_clean.all() else "as observed: extinction unknown"
    if np.isfinite(teff) and (~limit).any():
        anchor = np.flatnonzero(~limit)[np.argmin(np.abs(np.log(wavelength[~limit] / 1.25)))]
        grid = np.geomspace(x.low, x.high, 80)
        body = _planck(grid, teff) / _planck(wavelength[anchor : anchor + 1], teff) * flux[anchor]
        inside = (body >= y.low) & (body <= y.high)
        drawing.line(x.at(grid[inside]), y.at(body[inside]), "body")
        said += f"; broken line: {teff:.0f} K"
    error = points["nu_f_nu_error_wm2"].to_numpy(float) * flux / raw
    places = zip(x.at(wavelength), y.at(flux), strict=True)
    for k, (at_x, at_y) in enumerate(places):
        band, title = (
            points["band"].iloc[k],
            f"{points['band'].iloc[k]}: {points['mag'].iloc[k]:.2f} mag",
        )
        if limit[k]:
            drawing.polygon(
                [at_x - 4.5, at_x + 4.5, at_x],
                [at_y - 4, at_y - 4, at_y + 4],
                "limit",
                f"{title}, limit",
            )
        else:
            if np.isfinite(error[k]):
                ends = np.clip([flux[k] - error[k], flux[k] + error[k]], y.low, y.high)
                drawing.line([at_x, at_x], y.at(ends), "error")
            drawing.circle(at_x, at_y, 3.6, "point", title)
        drawing.text(at_x, at_y + (17 if k % 2 else -8), str(band).rpartition(" ")[2], "band")
    return drawing.markup(), said


def _of_sed(name: str) -> bool:
    return name in {"asas_sn_id", "av_mag"} or name.startswith(
        ("gaia_", "tmass_", "allwise_", "asassn_")
    )


def _planck(wavelength_um: np.ndarray, teff_k: float) -> np.ndarray:
    """Shape of nu B_nu of a black body; hc/k is 14387.77 µm K (CODATA 2018)."""
    return np.asarray(wavelength_um**-4.0 / np.expm1(14387.77 / (wavelength_um * teff_k)))


def draw_geometry(star: Mapping[str, Any]) -> tuple[Markup, str]:
    """Draw star and least opaque disc to scale, the orbits it may have, and say what is drawn."""
    drawing = Drawing(_WIDTH, _HEIGHT, "Star and what dims it, to scale")
    if has_no_dip(star):
        drawing.text(_WIDTH / 2, (_TOP + _BOTTOM) / 2, "no dip", "none")
        return drawing.markup(), ""
    radius, size, speed = floats(star, "star_radius_rsun", "occulter_radius_rsun", "occulter_speed_kms")
    if not (np.isfinite(radius) and np.isfinite(size) and radius > 0):
        missing = "radius of the star" if not np.isfinite(radius) else "depth of the dip"
        drawing.text(_WIDTH / 2, 105, f"unknown: {missing}", "none")
    else:
        _draw_discs(drawing, radius, size, speed)
    has_orbit = _draw_orbits(drawing, star)
    return drawing.markup(), _ORBITS_SAID if has_orbit else ""


_ORBITS_SAID = (
    "a disc of the least size that blocks as much light; circular orbits, dark: those that neither the "
    "slopes of the dip nor dips that did not come again rule out, diamond: that of the disc drawn"
)


def _draw_discs(drawing: Drawing, radius: float, size: float, speed: float) -> None:
    unit = 74.0 / max(radius, size)
    x, y = 128.0, 88.0
    drawing.add(
        Markup(
            '<defs><radialGradient id="photosphere"><stop offset="0" stop-color="#fbe7a3"/>'
            '<stop offset="0.75" stop-color="#f2d16b"/><stop offset="1" stop-color="#d9a93a"/>'
            "</radialGradient></defs>"
        )
    )
    drawing.line([12.0, _WIDTH - 14.0], [y, y], "path")
    drawing.polygon([_WIDTH - 14, _WIDTH - 22, _WIDTH - 22], [y, y - 4, y + 4], "arrow")
    drawing.circle(x, y, radius * unit, "photosphere", f"star, {significant(radius)} R☉")
    drawing.circle(
        x + (radius + 0.45 * size) * unit, y, size * unit, "occulter", f"disc, {significant(size)} R☉"
    )
    length = next(
        one
        for power in range(4, -5, -1)
        for one in (5.0 * 10.0**power, 2.0 * 10.0**power, 10.0**power)
        if one * unit <= 90
    )
    right = _WIDTH - 14
    drawing.line([right - length * unit, right], [30.0, 30.0], "scale")
    drawing.text(right, 23, f"{significant(length, 1)} R☉", "tick", "end")
    drawing.text(12, 184, f"star {significant(radius)} R☉", "label", "start")
    told = f"disc {significant(size)} R☉"
    told += f", {significant(speed)} km/s" if np.isfinite(speed) else ""
    drawing.text(right, 184, told, "label", "end")


def _draw_orbits(drawing: Drawing, star: Mapping[str, Any]) -> bool:
    """Draw which circular orbits are possible on a logarithmic axis of their radius."""
    of_disc, low, high, nearest, widest = floats(
        star,
        *(f"occulter_semi_major_axis{end}_au" for end in ("", "_low", "_high", "_min", "_max")),
    )
    if not np.isfinite(of_disc):
        drawing.text(_WIDTH / 2, 240, "orbit unknown", "none")
        return False
    # of the error bar only what is near is shown: it can be decades long
    shown = np.array([of_disc, nearest, widest])
    shown = shown[np.isfinite(shown)]
    x = Scale(
        10.0 ** np.floor(np.log10(shown.min()) - 0.5), 10.0 ** np.ceil(np.log10(shown.max()) + 0.5),
        24.0, _WIDTH - 20.0, True,
    )  # fmt: skip
    y = 240.0
    inner = nearest if np.isfinite(nearest) else x.low
    outer = widest if np.isfinite(widest) else x.high
    drawing.rectangle(x.start, y - 5, x.end - x.start, 10, "orbits")
    if inner < outer:
        ends = x.at(np.array([inner, outer]))
        drawing.rectangle(ends[0], y - 5, ends[1] - ends[0], 10, "possible")
    else:
        (eccentricity,) = floats(star, "occulter_eccentricity_min")
        told = f": eccentricity at least {eccentricity:.2f}" if np.isfinite(eccentricity) else ""
        drawing.text(_WIDTH / 2, y - 14, f"no circular orbit{told}", "label")
    ends = np.clip(np.where(np.isfinite([low, high]), [low, high], of_disc), x.low, x.high)
    drawing.line(x.at(ends), [y, y], "error")
    at = float(x.at(of_disc))
    drawing.polygon(
        [at, at + 6, at, at - 6], [y - 6, y, y + 6, y], "this", f"{significant(of_disc)} au"
    )
    for value, written in x.ticks(7):
        place = float(x.at(value))
        drawing.line([place, place], [y + 6, y + 11], "axis")
        drawing.text(place, y + 23, written, "tick")
    drawing.text(_WIDTH / 2, y + 43, "circular orbit (au)", "label")
    (surface,) = floats(star, "star_radius_rsun")
    surface *= _SUN_RADIUS_AU
    if np.isfinite(surface) and surface > x.low:
        drawing.rectangle(x.start, y - 5, float(x.at(surface)) - x.start, 10, "within")
    return True
