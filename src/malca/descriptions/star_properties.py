"""What catalogues list of a star, and its distance, extinction, place, motion and company."""

from __future__ import annotations

from malca.descriptions import ColumnDescription as _C

_DR3 = "Gaia DR3 (Vallenari+ 2023, A&A 674, A1)"


def _match(name: str, of: str) -> dict[str, _C]:
    return {
        f"{name}_outcome": _C(
            "", f"whether {of} has the star: matched, not_matched, not_covered, unknown"
        ),
        f"{name}_reason": _C("", "why that is not covered or unknown"),
        f"{name}_sep_arcsec": _C("arcsec", "separation, the star moved to the catalogue's epoch"),
        f"{name}_match_by": _C("", "what matched: an id or the position"),
    }


def _photometry(name: str, bands: tuple[str, ...], of: str) -> dict[str, _C]:
    columns = {}
    for band in bands:
        columns[f"{name}_{band}_mag"] = _C("mag", f"{band.capitalize()}, Vega ({of})")
        columns[f"{name}_{band}_error_mag"] = _C("mag", f"error of {band.capitalize()}")
    return columns


GAIA = {
    **_match("gaia", _DR3),
    "gaia_dr3_id": _C("", "source id in Gaia DR3"),
    "gaia_ra_deg": _C("deg", "right ascension, ICRS, epoch 2016.0"),
    "gaia_dec_deg": _C("deg", "declination, ICRS, epoch 2016.0"),
    "gaia_parallax_mas": _C("mas", "parallax as catalogued, without the zero-point"),
    "gaia_parallax_error_mas": _C("mas", "its error"),
    "gaia_pm_ra_masyr": _C("mas / yr", "proper motion in right ascension, times cos(dec)"),
    "gaia_pm_ra_error_masyr": _C("mas / yr", "its error"),
    "gaia_pm_dec_masyr": _C("mas / yr", "proper motion in declination"),
    "gaia_pm_dec_error_masyr": _C("mas / yr", "its error"),
    "gaia_ruwe": _C("", "renormalised unit weight error of the astrometry"),
    "gaia_rv_kms": _C("km / s", "radial velocity"),
    "gaia_rv_error_kms": _C("km / s", "its error"),
    "gaia_g_mag": _C("mag", "G, Vega"),
    "gaia_bp_mag": _C("mag", "BP, Vega"),
    "gaia_rp_mag": _C("mag", "RP, Vega"),
    "gaia_bp_rp_mag": _C("mag", "BP - RP"),
    "gaia_teff_k": _C("K", "effective temperature (GSP-Phot, Andrae+ 2023, A&A 674, A27)"),
    "gaia_logg_dex": _C("dex(cm / s2)", "surface gravity (GSP-Phot)"),
    "gaia_mh_dex": _C("dex", "metallicity (GSP-Phot); far off for many stars"),
    "gaia_distance_pc": _C("pc", "distance (GSP-Phot); far too near beyond 2 kpc"),
    "gaia_distance_low_pc": _C("pc", "its 16 % quantile"),
    "gaia_distance_high_pc": _C("pc", "its 84 % quantile"),
    "gaia_ag_mag": _C("mag", "extinction in G (GSP-Phot)"),
    "gaia_non_single_star": _C("", "which solutions for non-single stars there are"),
    "gaia_variable_flag": _C("", "whether Gaia's photometry varies"),
    "gaia_has_epoch_photometry": _C("", "whether Gaia's epoch photometry is published"),
}
INFRARED = {
    **_match("tmass", "2MASS (Skrutskie+ 2006, AJ 131, 1163)"),
    **_photometry("tmass", ("j", "h", "ks"), "2MASS"),
    "tmass_designation": _C("", "name in 2MASS"),
    "allwise_designation": _C("", "name in AllWISE"),
    "allwise_extended_flag": _C("", "ext_flg of AllWISE; 0: a point"),
    "allwise_variability_flags": _C("", "var_flg of AllWISE, a digit a band; 7 and more: variable"),
    "tmass_quality": _C("", "quality of J, H and Ks, A to X"),
    **_match("allwise", "AllWISE (Cutri+ 2013)"),
    **_photometry("allwise", ("w1", "w2", "w3", "w4"), "AllWISE"),
    "allwise_quality": _C("", "quality of W1 to W4, A to X; U is a limit"),
    "allwise_cc_flags": _C("", "artefacts in W1 to W4; 0: none"),
}
_STARHORSE_OF = "StarHorse (Anders+ 2022, A&A 658, A91)"
STARHORSE = {
    **_match("starhorse", _STARHORSE_OF),
    "starhorse_mass_msun": _C("solMass", f"mass, median ({_STARHORSE_OF})"),
    "starhorse_mass_low_msun": _C("Msun", "its 16 % quantile"),
    "starhorse_mass_high_msun": _C("Msun", "its 84 % quantile"),
    "starhorse_teff_k": _C("K", "effective temperature, median"),
    "starhorse_logg_dex": _C("dex(cm / s2)", "surface gravity, median"),
    "starhorse_met_dex": _C("dex", "metallicity, median"),
    "starhorse_distance_pc": _C("pc", "distance, median"),
    "starhorse_distance_low_pc": _C("pc", "distance, 16 %"),
    "starhorse_distance_high_pc": _C("pc", "distance, 84 %"),
    "starhorse_av_mag": _C("mag", "extinction at 5420 Å, median"),
    "starhorse_av_low_mag": _C("mag", "extinction at 5420 Å, 16 %"),
    "starhorse_av_high_mag": _C("mag", "extinction at 5420 Å, 84 %"),
    "starhorse_outflag": _C("", "output flag; 0000: clean"),
    "starhorse_fidelity": _C("", "fidelity of the astrometry (Rybizki+ 2022, MNRAS 510, 2597)"),
}
BAILER_JONES = {
    **_match("bailer_jones", "Bailer-Jones+ 2021 (AJ 161, 147)"),
    **{
        f"bailer_jones_{kind}{end}_pc": _C("pc", f"{kind} distance, {point}")
        for kind in ("photogeometric", "geometric")
        for end, point in (("", "median"), ("_low", "16 %"), ("_high", "84 %"))
    },
}
DISTANCES = {
    "distance_pc": _C("pc", "distance that was chosen"),
    "distance_low_pc": _C("pc", "its 16 % point"),
    "distance_high_pc": _C("pc", "its 84 % point"),
    "distance_source": _C(
        "",
        "bailer_jones_photogeometric, bailer_jones_geometric (2021, AJ 161, 147), starhorse (Anders+ "
        "2022, A&A 658, A91), parallax, gsp_phot; empty: unknown",
    ),
    "gaia_parallax_zero_point_mas": _C(
        "mas", "zero-point to be taken off the parallax (Lindegren+ 2021, A&A 649, A4)"
    ),
}
EXTINCTION = {
    "av_mag": _C("mag", "extinction in V that was chosen"),
    "av_error_mag": _C("mag", "its error"),
    "ebv_mag": _C("mag", "reddening E(B-V): A_V over R_V"),
    "av_source": _C(
        "", "dust_map, starhorse, gsp_phot; dust_map_limit: at least so much; empty: unknown"
    ),
    "dust_outcome": _C("", "whether the dust map knows the star's direction and distance"),
    "dust_reason": _C("", "why not"),
    "dust_ebv_mag": _C("mag", "reddening E(B-V) up to the star by the 3-D dust map"),
    "dust_ebv_error_mag": _C("mag", "its error"),
    "dust_max_distance_pc": _C("pc", "distance up to which the map is reliable there"),
    "dust_beyond_map": _C("", "whether the star is beyond that"),
}
INTRINSIC = {
    "abs_g0_mag": _C(
        "mag", "absolute G without extinction (0.789 A_V, Wang & Chen 2019, ApJ 877, 116)"
    ),
    "abs_g0_error_mag": _C("mag", "its error, of distance and extinction"),
    "bp_rp0_mag": _C("mag", "BP - RP without reddening (0.413 A_V, Wang & Chen 2019, ApJ 877, 116)"),
    "j_h0_mag": _C("mag", "J - H without reddening (0.112 A_V)"),
    "h_ks0_mag": _C("mag", "H - Ks without reddening (0.053 A_V)"),
    "w1_w2_0_mag": _C("mag", "W1 - W2 without reddening (0.013 A_V)"),
    "w2_w3_0_mag": _C("mag", "W2 - W3 without reddening (-0.014 A_V)"),
    "w3_w4_0_mag": _C("mag", "W3 - W4 without reddening (0.020 A_V)"),
}
GALACTIC = {
    "galactic_l_deg": _C("deg", "Galactic longitude"),
    "galactic_b_deg": _C("deg", "Galactic latitude"),
    "galactic_x_kpc": _C("kpc", "from the Galactic centre, away from the Sun (which is at -8.122)"),
    "galactic_y_kpc": _C("kpc", "from the Galactic centre, along the rotation at the Sun"),
    "galactic_z_kpc": _C("kpc", "above the Galactic plane (the Sun is at 0.0208)"),
    **{
        f"{axis}{end}_kms": _C("km / s", text)
        for axis, direction in (
            ("u", "towards the Galactic centre"),
            ("v", "along the Galactic rotation"),
            ("w", "towards the north Galactic pole"),
        )
        for end, text in (("", f"heliocentric velocity {direction}"), ("_error", "its error"))
    },
    "tangential_velocity_kms": _C("km / s", "speed across the line of sight"),
    "tangential_velocity_error_kms": _C("km / s", "its error"),
}
POPULATION = {
    "population": _C(
        "", "thin_disk, thick_disk, halo, uncertain; unknown: neither motion nor metallicity is known"
    ),
    "population_p_thin": _C("", "probability of the thin disc (after Bensby+ 2014, A&A 562, A71)"),
    "population_p_thick": _C("", "probability of the thick disc"),
    "population_p_halo": _C("", "probability of the halo"),
    "population_by": _C("", "what of the star is known: velocity, tangential velocity, metallicity"),
}
BANYAN = {
    "banyan_field_probability": _C("", "probability of the field (BANYAN Σ, Gagné+ 2018, ApJ 856, 23)"),
    "banyan_best_association": _C("", "likeliest young association, if it is likely enough"),
    "banyan_best_probability": _C("", "probability of the likeliest association, named or not"),
    "banyan_observables": _C("", "what went in: PM, PM+RV, PM+PLX or PM+RV+PLX"),
    "banyan_outcome": _C("", "assessed or unknown"),
    "banyan_reason": _C("", "why it is unknown"),
}
STAR_FORMING_REGIONS = {
    "sfr_name": _C("", "star-forming region (clouds of Zucker+ 2020, A&A 633, A51; Sco-Cen)"),
    "sfr_by": _C("", "distance: on the sky and in distance; position: only on the sky, no membership"),
    "sfr_separation_deg": _C("deg", "from the region's nearest sightline"),
    "sfr_distance_pc": _C("pc", "distance of the region there"),
    "sfr_distance_sigma": _C("", "distance of the star less the region's over their error"),
    "sfr_member": _C("", "whether in a region by sky and distance; missing: the distance is unknown"),
}
OPEN_CLUSTERS = {
    "cluster_outcome": _C("", "whether a catalogue of clusters lists the star as a member"),
    "cluster_name": _C("", "open cluster"),
    "cluster_probability": _C("", "catalogued probability of membership"),
    "cluster_catalog": _C(
        "",
        "hunt_reffert (2023, A&A 673, A114), else cantat_gaudin (2020, A&A 640, A1)",
    ),
    "cluster_type": _C(
        "", "o open, m moving group, g globular, d too distant to tell (Hunt & Reffert)"
    ),
    "cluster_age_log10yr": _C("dex(yr)", "age of the cluster"),
    "cluster_age_low_log10yr": _C("dex(yr)", "its 16 % point"),
    "cluster_age_high_log10yr": _C("dex(yr)", "its 84 % point"),
    "cluster_distance_pc": _C("pc", "distance of the cluster"),
    "cluster_rv_kms": _C("km / s", "radial velocity of the cluster"),
    "cluster_pm_ra_masyr": _C("mas / yr", "mean proper motion of the cluster in right ascension"),
    "cluster_pm_ra_dispersion_masyr": _C("mas / yr", "its dispersion among the members"),
    "cluster_pm_dec_masyr": _C("mas / yr", "mean proper motion of the cluster in declination"),
    "cluster_pm_dec_dispersion_masyr": _C("mas / yr", "its dispersion among the members"),
    "cluster_pm_offset_sigma": _C(
        "", "motion of the star off the cluster's, root of chi2 in two dimensions; above 3.4: 0.3 %"
    ),
    "cluster_members_agree": _C("", "whether both catalogues name the same cluster"),
}
COLUMNS: dict[str, _C] = {
    **GAIA,
    **INFRARED,
    **BAILER_JONES,
    **STARHORSE,
    **DISTANCES,
    **EXTINCTION,
    **INTRINSIC,
    **GALACTIC,
    **POPULATION,
    **BANYAN,
    **STAR_FORMING_REGIONS,
    **OPEN_CLUSTERS,
}
