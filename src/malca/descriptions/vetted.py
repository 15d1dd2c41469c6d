"""Columns that vetting adds to ``characterized``: other catalogues' verdicts, neighbours, spectra."""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C
from malca.descriptions.visits import NEOWISE

_LISTED = {
    "simbad": "SIMBAD (Wenger+ 2000, A&AS 143, 9)",
    "gaia_var": "Gaia DR3's variables (Eyer+ 2023, A&A 674, A13)",
    "gaia_eb": "Gaia DR3's eclipsing binaries (Mowlavi+ 2023, A&A 674, A16)",
    "asassn": "the ASAS-SN variables (Jayasinghe+ 2018, MNRAS 477, 3145)",
    "ztf": "the periodic variables of ZTF (Chen+ 2020, ApJS 249, 18)",
    "tns": "the Transient Name Server (Gal-Yam 2021, AAS 237, 423.05)",
    "alerce": "ALeRCE's objects of ZTF (Förster+ 2021, AJ 161, 242)",
}
_OUTCOME = "matched, not_matched, not_covered (it did not look there) or unknown (no answer)"
_REASON = "why it is unknown or not covered"

_MATCHES: dict[str, _C] = {}
for _prefix, _source in _LISTED.items():
    _MATCHES |= {
        f"{_prefix}_outcome": _C("", f"whether the star is in {_source}: {_OUTCOME}"),
        f"{_prefix}_reason": _C("", _REASON),
        f"{_prefix}_sep_arcsec": _C("arcsec", "separation of the entry, at its epoch"),
    }
_MATCHES |= {
    "simbad_main_id": _C("", "main identifier in SIMBAD"),
    "simbad_otype": _C("", "type of object in SIMBAD, short form"),
    "simbad_sp_type": _C("", "spectral type in SIMBAD"),
    "simbad_n_references": _C("", "papers on the object that SIMBAD knows"),
    "gaia_var_class": _C("", "best class in Gaia DR3 (Rimoldini+ 2023, A&A 674, A14)"),
    "gaia_var_score": _C("", "score of the best class, 0 to 1 (Rimoldini+ 2023, A&A 674, A14)"),
    "gaia_var_n_g": _C("", "transits in G that Gaia's variability used"),
    "gaia_var_range_g_mag": _C("mag", "trimmed range in G (Eyer+ 2023, A&A 674, A13)"),
    "gaia_var_is_eclipsing": _C("", "whether it is among Gaia's eclipsing binaries"),
    "gaia_eb_class": _C("", "class of the eclipsing binary in Gaia DR3"),
    "gaia_eb_period_days": _C("d", "period of the eclipsing binary in Gaia DR3"),
    "gaia_eb_quality": _C("", "global ranking, 0.4 to 0.84 (Mowlavi+ 2023, A&A 674, A16)"),
    "asassn_class": _C("", "class among the ASAS-SN variables"),
    "asassn_period_days": _C("d", "period among the ASAS-SN variables"),
    "asassn_quality": _C("", "probability of the class (Jayasinghe+ 2018, MNRAS 477, 3145)"),
    "ztf_class": _C("", "class among the periodic variables of ZTF"),
    "ztf_period_days": _C("d", "period among the periodic variables of ZTF"),
    "tns_class": _C("", "type of the transient; empty: not classified"),
    "tns_name": _C("", "name of the transient"),
    "tns_redshift": _C("", "redshift of the transient"),
    "tns_discovery_date": _C("", "date of discovery, UTC"),
    "alerce_class": _C("", "most probable class of the light curve"),
    "alerce_oid": _C("", "object of ZTF"),
    "alerce_n_detections": _C("", "alerts of ZTF"),
    "alerce_probability": _C("", "probability of that class"),
}

_EPOCHS = {
    "gaia_epoch_outcome": _C("", f"whether Gaia DR3 has epochs of the star: {_OUTCOME}"),
    "gaia_epoch_reason": _C("", _REASON),
    "gaia_epoch_available": _C(
        "", "whether Gaia published epochs of it (has_epoch_photometry, else what was found)"
    ),
}
for _band, _name in (("g", "G"), ("bp", "BP"), ("rp", "RP")):
    _EPOCHS |= {
        f"gaia_epoch_n_{_band}": _C("", f"transits with {_name} that are not flagged"),
        f"gaia_epoch_{_band}_median_mag": _C("mag", f"median {_name}, Vega"),
        f"gaia_epoch_{_band}_range_mag": _C("mag", f"range of {_name} without 5 % at either end"),
        f"gaia_epoch_{_band}_scatter_mag": _C(
            "mag", f"1.4826 times the median absolute deviation of {_name}"
        ),
    }

_XRAYS = {
    "erosita_outcome": _C("", f"whether eRASS1 has a source that can be the star: {_OUTCOME}"),
    "erosita_reason": _C("", _REASON),
    "erosita_name": _C("", "source of eRASS1 (Merloni+ 2024, A&A 682, A34)"),
    "erosita_sep_arcsec": _C("arcsec", "separation of the source"),
    "erosita_position_error_arcsec": _C("arcsec", "standard error of the source's position"),
    "erosita_likelihood": _C("", "detection likelihood, 0.2-2.3 keV"),
    "erosita_extent_arcsec": _C("arcsec", "extent of the source; 0: a point"),
    "erosita_flux_cgs": _C("erg / (cm2 s)", "flux, 0.2-2.3 keV, not corrected for absorption"),
    "erosita_sep_sigma": _C("", "separation in standard deviations of a coordinate"),
    "erosita_chance": _C("", "probability of an unrelated source as near, of the mean density"),
    "erosita_log10_luminosity": _C("", "log10 of 4 pi d2 F in erg/s, not corrected for absorption"),
    "erosita_log10_luminosity_low": _C("", "the same at the near end of the distance"),
    "erosita_log10_luminosity_high": _C("", "the same at the far end of the distance"),
}

_ATLAS = {
    "atlas_outcome": _C("", f"whether ATLAS has measured there (Tonry+ 2018): {_OUTCOME}"),
    "atlas_reason": _C("", _REASON),
}
for _band, _name in (("c", "cyan"), ("o", "orange")):
    _ATLAS |= {
        f"atlas_n_{_band}": _C("", f"measurements in {_name}"),
        f"atlas_n_detections_{_band}": _C("", f"measurements in {_name} with enough flux"),
        f"atlas_{_band}_mag": _C("mag(AB)", f"magnitude of the median flux in {_name}"),
        f"atlas_{_band}_range_mag": _C("mag", f"range in {_name} without 5 % at either end"),
    }

_NEIGHBOURS: dict[str, _C] = {}
for _name, _source in {
    "gaia": "Gaia DR3 (Vallenari+ 2023, A&A 674, A1)", "tmass": "2MASS (Skrutskie+ 2006, AJ 131, 1163)",
    "allwise": "AllWISE (Cutri+ 2013)", "vsx": "VSX (Watson+ 2006, SASS 25, 47)",
}.items():  # fmt: skip
    _NEIGHBOURS |= {
        f"neighbours_{_name}_outcome": _C("", f"whether {_source} lists anything: {_OUTCOME}"),
        f"neighbours_{_name}_reason": _C("", _REASON),
        f"neighbours_{_name}_count": _C("", "other entries within 15 arcsec"),
        f"neighbours_{_name}_nearest_arcsec": _C("arcsec", "separation of the nearest other entry"),
    }
_NEIGHBOURS |= {
    "neighbours_density_arcmin2": _C("1 / arcmin2", "other stars of Gaia on the area of that circle"),
    "neighbours_bright_close": _C("", "whether a bright star of Gaia is within a pixel of 8 arcsec"),
    "neighbours_light_share": _C(
        "", "share of other stars, by G, in the light in the aperture of 16 arcsec, Gaussian PSF"
    ),
    "neighbours_largest_dip_mag": _C("mag", "dip if the neighbour with most light there vanished"),
    "neighbours_could_feign_dip": _C("", "whether that is as deep as the star's deepest dip"),
    "neighbours_known_variable": _C("", "whether VSX has another variable within 30 arcsec"),
    "neighbours_variable_name": _C("", "the nearest of these"),
    "neighbours_variable_class": _C("", "its class in VSX"),
    "neighbours_variable_sep_arcsec": _C("arcsec", "its separation"),
    "neighbours_variable_max_mag": _C("mag", "its magnitude at maximum, in VSX's band"),
    "neighbours_variable_period_days": _C("d", "its period in VSX"),
}

_SPECTRA: dict[str, _C] = {}
for _name, _source in {
    "apogee": "APOGEE DR17 (Abdurro'uf+ 2022, ApJS 259, 35)", "galah": "GALAH DR3 (Buder+ 2021)",
    "lamost": "LAMOST DR5", "rave": "RAVE DR6 (Steinmetz+ 2020, AJ 160, 82)",
    "sdss": "SDSS DR16 (Ahumada+ 2020, ApJS 249, 3)", "desi": "DESI DR1 (DESI Collaboration 2025)",
}.items():  # fmt: skip
    _SPECTRA |= {
        f"spectra_{_name}_outcome": _C("", f"whether {_source} lists the star: {_OUTCOME}"),
        f"spectra_{_name}_reason": _C("", _REASON),
    }
_SPECTRA |= {
    "spectra_any": _C("", "whether there is a spectrum; missing where not all have answered"),
    "spectra_count": _C("", "spectra found"),
    "spectra_surveys": _C("", "surveys with a spectrum, joined by |"),
    "spectra_unknown": _C("", "surveys that gave no answer, joined by |"),
    "spectra_not_covering": _C("", "surveys that did not look there, joined by |"),
    "spectra_nearest_survey": _C("", "survey of the nearest spectrum"),
    "spectra_nearest_sep_arcsec": _C("arcsec", "its separation"),
    "spectra_nearest_id": _C("", "its number in the survey"),
    "spectra_nearest_link": _C("", "where it is shown, or its row in VizieR"),
}

_VERDICT = {
    "vetting_likely_known": _C(
        "", "whether it is known to be something; missing where none says so and not all answered"
    ),
    "vetting_reasons": _C("", "what it is known to be, and to whom"),
    "vetting_known_dipper": _C("", "whether a catalogue gives it a class of dippers"),
    "vetting_dipper_reasons": _C("", "which class, in which catalogue"),
    "vetting_unknown": _C("", "catalogues of known objects that gave no answer, joined by |"),
    "vetting_not_covering": _C("", "catalogues of known objects that did not look there, joined by |"),
    "cluster_pm_consistent": _C("", "whether it moves with its cluster, within 3 sigma"),
    "vetting_remarks": _C("", "what else to know when looking at it"),
}

_VSX = {
    "vsx_outcome": _C("", f"whether the star is in VSX (Watson+ 2006, SASS 25, 47): {_OUTCOME}"),
    "vsx_name": _C("", "name in VSX"),
    "vsx_class": _C("", "class in VSX"),
    "vsx_period_days": _C("d", "period in VSX"),
    "vsx_sep_arcsec": _C("arcsec", "separation of the entry in VSX"),
}

COLUMNS: dict[str, _C] = {
    **_MATCHES, **_EPOCHS, **_XRAYS, **_ATLAS, **NEOWISE, **_NEIGHBOURS, **_SPECTRA, **_VSX, **_VERDICT
}  # fmt: skip
