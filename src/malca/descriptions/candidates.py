"""Columns of ``candidates``: what the search, the tags and the filters say of a star."""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C

_STAR = {
    "asas_sn_id": _C("", "identifier of ASAS-SN"),
    "name": _C("", "name in the light curve's file"),
    "mag_bin": _C("", "magnitude bin of the survey"),
    "ra_deg": _C("deg", "right ascension, ICRS, epoch of the survey's index (2016.0)"),
    "dec_deg": _C("deg", "declination, ICRS, epoch of the survey's index (2016.0)"),
    "n_points": _C("", "usable points"),
    "jd_first": _C("d", "first usable point, JD"),
    "jd_last": _C("d", "last usable point, JD"),
    "cadence_median_days": _C("d", "median step between points"),
    "time_span_days": _C("d", "from first to last point"),
    "points_per_day": _C("1 / d", "points over time span"),
    "n_cameras": _C("", "cameras with points"),
    "camera_ids": _C("", "cameras, joined by commas"),
    "camera_min_points": _C("", "points of the camera and band with fewest"),
    "camera_max_points": _C("", "points of the camera and band with most"),
    "excluded_cameras": _C("", "numbers of cameras left out, joined by commas"),
    "median_mag": _C("mag", "median magnitude"),
    "baseline_mag": _C("mag", "median of the fitted baseline"),
    "sigma_floor_mag": _C("mag", "typical scatter beyond the errors"),
    "baseline_source": _C("", "how the baseline was fitted"),
    "trigger_mode": _C("", "what triggers an event"),
    "dipper_score": _C("", "log10 score of the dips"),
    "jumper_score": _C("", "log10 score of the jumps"),
    "microlensing_score": _C("", "log10 score of the best microlensing fit"),
    "dipper_n_valid_dips": _C("", "dips with a shape"),
    "jumper_n_valid_jumps": _C("", "jumps with a shape"),
}
_BRANCH = {
    "significant": _C("", "whether there are {kind}s"),
    "count": _C("", "accepted {kind}s"),
    "n_below_min_mag_offset": _C("", "{kind}s that triggered but are too shallow"),
    "trigger_threshold": _C("", "threshold of the trigger, in its own unit"),
    "ln_bayes_factor": _C("", "natural logarithm of the Bayes factor of the mixture over all points"),
    "best_p": _C("", "share of points in {kind}s at the likeliest cell of the grid"),
    "best_offset_mag": _C("mag", "offset from the baseline at the likeliest cell of the grid"),
    "best_mag_event": _C("mag", "magnitude of the {kind} at the likeliest cell of the grid"),
    "max_run_points": _C("", "most points in a {kind}"),
    "max_run_duration_days": _C("d", "longest {kind}"),
    "max_run_cameras": _C("", "most cameras in a {kind}"),
    "max_significance": _C("", "largest significance of a {kind}, sigma with correlated noise"),
    "max_ln_bf": _C("", "largest natural logarithm of a {kind}'s Bayes factor"),
    "max_event_prob": _C("", "largest probability of a point to be in a {kind}"),
    "max_ln_bf_local": _C("", "largest natural logarithm of a point's Bayes factor"),
    "best_morph": _C("", "shape of the {kind} of largest ln Bayes factor"),
    "best_delta_bic": _C("", "BIC of a constant less that of the shape"),
    "best_width_days": _C("d", "width of the best {kind}'s own shape"),
    "best_fwhm_days": _C("d", "full width at half maximum of the best {kind}"),
    "best_amp_mag": _C("mag", "fitted height of the best {kind}"),
    "best_depth_mag": _C("mag", "observed depth or height of the best {kind}"),
    "best_t0_jd": _C("d", "extremum of the best {kind}, JD"),
    "best_jd_start": _C("d", "first point of the best {kind}, JD"),
    "best_jd_end": _C("d", "last point of the best {kind}, JD"),
    "symmetry_score": _C("", "area before less after the extremum over its error"),
    "is_single_event": _C("", "whether there is just one {kind}"),
    "spacing_median_days": _C("d", "median time between {kind}s"),
    "spacing_scatter_days": _C("d", "scatter of the times between {kind}s"),
    "amplitude_consistency": _C("", "1: all {kind}s are as deep or high"),
    "duration_consistency": _C("", "1: all {kind}s are as long"),
    "passed": _C("", "whether the star passed all filters by its {kind}s"),
}
_MATCH = {
    "outcome": _C("", "matched, not_matched, not_covered or unknown in {of}"),
    "reason": _C("", "why {of} gave no answer"),
    "sep_arcsec": _C("arcsec", "separation from the entry in {of}"),
    "match_by": _C("", "what the entry in {of} was found by"),
}
_PERIODIC = {
    "period_days": _C("d", "period in {of}"),
    "class": _C("", "class in {of}"),
    "quality": _C("", "quality of the entry in {of}, 0 to 1"),
}
_CATALOGS = {
    "gaia_eb": "Gaia DR3 eclipsing binaries (Mowlavi+ 2023, A&A 674, A16)",
    "asassn": "ASAS-SN variables (Jayasinghe+ 2018, MNRAS 477, 3145)",
    "ztf": "ZTF periodic variables (Chen+ 2020, ApJS 249, 18)",
    "ogle": "OGLE variables (Udalski+ 2015, AcA 65, 1)",
    "vsx": "VSX (Watson+ 2006, SASS 25, 47)",
}
_CONSENSUS = {
    "period_sources": _C("", "catalogues that list the star with a period"),
    "period_sources_unknown": _C("", "catalogues of periods that gave no answer"),
    "period_sources_not_covering": _C("", "catalogues of periods that did not look there"),
    "period_n_sources": _C("", "number of catalogues with a period"),
    "period_consensus_days": _C("d", "period that catalogues agree on"),
    "period_n_agreeing": _C("", "catalogues that agree on it"),
    "period_consensus_agree": _C("", "whether enough catalogues agree"),
    "period_conflict": _C("", "whether catalogues disagree"),
    "period_consensus_support": _C("", "agreeing catalogues over all with a period"),
    "period_primary_source": _C("", "catalogue that the agreement refers to"),
    "period_quality": _C("", "quality of its entry"),
    "period_single_quality": _C("", "quality of an entry that is enough by itself"),
    "period_accepted": _C("", "whether the period is believed"),
    "period_catalog_outcome": _C("", "outcome of all catalogues of periods together"),
    "period_catalog_class": _C("", "class that goes with the period"),
}
_OWN_PERIOD = {
    "lsp_power": _C("", "power of the periodogram's peak (Lomb 1976, Scargle 1982)"),
    "lsp_period_days": _C("d", "period of the star's own light curve"),
    "lsp_log10_fap": _C("", "log10 of its false-alarm probability in red noise"),
    "lsp_amplitude_mag": _C("mag", "its amplitude"),
    "lsp_n_harmonics": _C("", "harmonics that were fitted"),
    "lsp_coherence_days": _C("d", "time over which its phase keeps"),
    "lsp_is_alias": _C("", "whether it is an alias of the sampling"),
    "lsp_alias_of_days": _C("d", "what it is an alias of"),
    "phase_coherence": _C("", "how well the phase keeps from season to season, 0 to 1"),
    "camera_coherence": _C("", "how well cameras agree on the phase, 0 to 1"),
    "event_recurrence": _C("", "how well events recur with the period, 0 to 1"),
    "is_periodic": _C("", "whether the light curve is periodic"),
    "periodicity_reason": _C("", "why it was not tested"),
    "period_explains_events": _C("", "whether events recur with the period"),
    "events_masked": _C("", "whether events were left out of the test"),
    "n_points_used": _C("", "points of the test"),
}
_GAIA = {
    "gaia_dr3_id": _C("", "source_id of Gaia DR3"),
    "ruwe": _C("", "Gaia's renormalised unit weight error"),
    "gaia_pm_ra_masyr": _C("mas / yr", "Gaia's proper motion in right ascension, with cos dec"),
    "gaia_pm_dec_masyr": _C("mas / yr", "Gaia's proper motion in declination"),
    "parallax_mas": _C("mas", "Gaia's parallax"),
    "g_mag": _C("mag", "Gaia G, Vega"),
    "bp_rp_mag": _C("mag", "Gaia BP-RP, Vega"),
    "pm_total_masyr": _C("mas / yr", "total proper motion, of the index, else of Gaia"),
}
_FILTERS = (
    "sparse", "single_camera", "mag_range", "vsx", "significant_detection", "evidence",
    "run_robustness", "amplitude", "morphology", "one_camera", "same_event", "score",
    "symmetric_variability", "brief_recurrent", "unexplained_variation", "gaia_ruwe", "gaia_pm",
    "periodic_catalog", "periodicity",
)  # fmt: skip


def _about(columns: dict[str, _C], prefix: str, **words: str) -> dict[str, _C]:
    return {
        f"{prefix}_{name}": _C(unit, text.format(**words)) for name, (unit, text) in columns.items()
    }


COLUMNS: dict[str, _C] = {
    **_STAR,
    **_about(_BRANCH, "dip", kind="dip"),
    **_about(_BRANCH, "jump", kind="jump"),
    **_about(_MATCH, "gaia", of="Gaia DR3"),
    **_GAIA,
    "vsx_name": _C("", "name in VSX"),
    "vsx_family": _C("", "family of the class in VSX"),
    **{
        name: text
        for key, of in _CATALOGS.items()
        for name, text in _about(_MATCH | _PERIODIC, key, of=of).items()
    },
    **_CONSENSUS,
    **{
        f"period_{key}_{name}": text
        for key, of in _CATALOGS.items()
        for name, text in {
            "days": _C("d", f"period in {of}"),
            "class": _C("", f"class in {of}"),
            "sep_arcsec": _C("arcsec", f"separation in {of}"),
        }.items()
    },
    **_OWN_PERIOD,
    **{
        f"failed_{name}": _C("", f"whether it failed {name.replace('_', ' ')}; missing: unknown")
        for name in _FILTERS
    },
    "failed_any": _C("", "whether it failed any filter that rejects"),
    "passed_branch": _C("", "by what it is a candidate: dip, jump or both"),
}
