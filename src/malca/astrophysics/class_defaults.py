"""Default priors and likelihoods of the classes, each with where it comes from.

Few of these numbers have been measured for stars that were selected as ours are. Where a source gives
a distribution it is cited; what is called "judgement" is set by hand from what is known of such stars,
wide on purpose. All can be replaced in the parameters of ``classification``.
"""

from __future__ import annotations

from typing import Any

#: Shares of what is found. JoHantgen+ 2025 (arXiv:2507.19594) looked through 5.1 million ASAS-SN stars
#: of 13 < g < 14 for dips of 0.3 mag or more: 20 eclipsing binaries of long period and 11 dust or disc
#: occultations. They had rejected spotted, cataclysmic and most young variables before; those shares
#: and that of everything else are judgement.
PRIORS = {
    "eclipsing_binary": 0.40,
    "cataclysmic": 0.03,
    "starspot": 0.09,
    "circumstellar_disc": 0.15,
    "yso": 0.13,
    "unknown": 0.20,
}


def _normals(*parts: tuple[float, float, float], flat: float = 0.0) -> dict[str, Any]:
    return {"flat": flat, "normals": parts}


def _classes(eb: Any, cv: Any, spot: Any, disc: Any, yso: Any, unknown: Any) -> dict[str, Any]:
    return {
        "eclipsing_binary": eb,
        "cataclysmic": cv,
        "starspot": spot,
        "circumstellar_disc": disc,
        "yso": yso,
        "unknown": unknown,
    }


NUMBERS: dict[str, dict[str, Any]] = {
    "duration": {
        "source": "log10 d of the strongest dip. Eclipses: hours to days, of long periods weeks "
        "(Prsa+ 2011, AJ 141, 83; JoHantgen+ 2025). Low states of nova-likes: weeks to "
        "a year or more (Weil+ 2018, arXiv:1810.01472). Spots: half a rotation of 0.5-60 d "
        "(McQuillan+ 2014, ApJS 211, 24). Discs: a day (EPIC 204376071) to years (eps Aur, "
        "TYC 2505-672-1, Gaia17bpp). Young dippers: days to months (Cody+ 2014, AJ 147, "
        "82). Widths: judgement.",
        "low": -1.0,
        "high": 3.5,
        "classes": _classes(
            _normals((0.6, -0.2, 0.5), (0.4, 1.0, 0.5)),
            _normals((1.0, 1.3, 0.9)),
            _normals((1.0, 0.8, 0.5)),
            _normals((1.0, 2.0, 0.8)),
            _normals((1.0, 1.2, 0.7)),
            _normals(flat=1.0),
        ),
    },
    "depth": {
        "source": "log10 mag of the strongest dip. Two alike stars give 0.75 mag at most, a bright "
        "and a dark one more; spots rarely 0.3 mag (Strassmeier 2009, A&ARv 17, 251); low "
        "states 1-5 mag; discs any depth, of giants up to 4.5 mag (TYC 2505-672-1; "
        "Gaia17bpp, Tzanidakis+ 2023, ApJ 955, 69). Widths: judgement.",
        "low": -2.0,
        "high": 1.0,
        "classes": _classes(
            _normals((1.0, -0.45, 0.25)),
            _normals((1.0, 0.15, 0.40)),
            _normals((1.0, -1.1, 0.30)),
            _normals((0.6, -0.35, 0.35), (0.4, 0.3, 0.35)),
            _normals((1.0, -0.2, 0.40)),
            _normals(flat=1.0),
        ),
    },
    "period": {
        "source": "log10 d, of catalogues or of the star's own light. Contact binaries 0.25-0.5 d, "
        "others to 100 d (Jayasinghe+ 2018, MNRAS 477, 3145); cataclysmic variables 1.3-10 "
        "h (Ritter & Kolb 2003, A&A 404, 301); spotted stars that vary most rotate in "
        "0.5-20 d (McQuillan+ 2014); young stars in 1-12 d (Herbst+ 2007, Protostars and "
        "Planets V, 297). Widths: judgement.",
        "low": -1.5,
        "high": 3.0,
        "classes": _classes(
            _normals((0.45, -0.45, 0.12), (0.55, 0.4, 0.6)),
            _normals((1.0, -0.80, 0.25)),
            _normals((1.0, 0.65, 0.5)),
            _normals((0.4, 0.6, 0.6), flat=0.6),
            _normals((1.0, 0.7, 0.35)),
            _normals(flat=1.0),
        ),
    },
    "asymmetry": {
        "source": "(egress - ingress) / (egress + ingress) of the strongest dip, where its shape is "
        "known. Eclipses are symmetric; dust need not be. Widths: judgement.",
        "low": -1.0,
        "high": 1.0,
        "classes": _classes(
            _normals((1.0, 0.0, 0.12)),
            _normals((1.0, 0.0, 0.45)),
            _normals((1.0, 0.0, 0.25)),
            _normals((0.5, 0.0, 0.15), (0.5, 0.0, 0.5)),
            _normals((1.0, 0.0, 0.4)),
            _normals((0.5, 0.0, 0.3), flat=0.5),
        ),
    },
    "cmd_offset": {
        "source": "Absolute G less that of the main sequence, mag. Binaries lie 0-0.75 above, giants "
        "are eclipsed too; cataclysmic variables between sequence and white dwarfs (Abril+ "
        "2020, MNRAS 492, L40); active giants and dwarfs; 81 dippers of the main sequence "
        "scatter by 0.35 about it (Tzanidakis+ 2025, measured from their table) but discs "
        "eclipse giants too; young stars above. Shares: judgement.",
        "low": -12.0,
        "high": 10.0,
        "classes": _classes(
            _normals((0.75, -0.35, 0.5), (0.25, -4.0, 2.0)),
            _normals((1.0, 3.0, 1.7)),
            _normals((0.6, -0.35, 0.45), (0.4, -3.0, 1.8)),
            _normals((0.6, 0.0, 0.4), (0.4, -5.5, 2.5)),
            _normals((0.9, -1.4, 1.0), (0.1, 2.0, 2.0)),
            _normals((0.55, -0.2, 0.55), (0.35, -5.0, 2.5), flat=0.1),
        ),
    },
    "colour": {
        "source": "Dereddened BP-RP, mag: cataclysmic variables are blue (Abril+ 2020), young stars "
        "red. Eclipsing binaries of catalogues are F to K; dippers of the main sequence "
        "0.93 +- 0.18 (Tzanidakis+ 2025), giants redder. Widths: judgement.",
        "low": -0.6,
        "high": 5.0,
        "classes": _classes(
            _normals((1.0, 0.85, 0.40)),
            _normals((1.0, 0.45, 0.40)),
            _normals((1.0, 1.3, 0.50)),
            _normals((0.6, 0.93, 0.30), (0.4, 1.5, 0.7)),
            _normals((1.0, 1.7, 0.70)),
            _normals((0.8, 1.05, 0.50), flat=0.2),
        ),
    },
}  # fmt: skip

OUTCOMES: dict[str, dict[str, Any]] = {
    "recurrence": {
        "source": "How dips repeat: of 31 objects of JoHantgen+ 2025 thirteen of twenty binaries "
        "showed one eclipse, 61 of 81 dippers one dip (Tzanidakis+ 2025); the others: "
        "judgement.",
        "outcomes": (
            "a period makes the dips", "dips repeat, with another period", "dips repeat",
            "one dip, with a period", "one dip",
        ),
        "classes": _classes(
            (0.40, 0.04, 0.18, 0.04, 0.34),
            (0.08, 0.07, 0.55, 0.05, 0.25),
            (0.55, 0.20, 0.10, 0.08, 0.07),
            (0.03, 0.03, 0.19, 0.09, 0.66),
            (0.10, 0.20, 0.40, 0.10, 0.20),
            (0.10, 0.10, 0.35, 0.08, 0.37),
        ),
    },
    "brightenings": {
        "source": "Whether the star also brightens: outbursts, accretion, flares. Judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.05, 0.95), (0.60, 0.40), (0.15, 0.85), (0.06, 0.94), (0.35, 0.65), (0.25, 0.75),
        ),
    },
    "infrared": {
        "source": "Class by WISE and 2MASS colours (Koenig & Leisawitz 2014, ApJ 791, 131). Half of "
        "young stars have inner discs at 2-3 Myr (Mamajek 2009, AIP Conf. 1158, 3), those "
        "that dim by dust all; of field stars some per cent are misclassed. Judgement.",
        "outcomes": ("Class I", "Class II", "transition disc", "no excess"),
        "classes": _classes(
            (0.003, 0.007, 0.005, 0.985), (0.005, 0.040, 0.020, 0.935), (0.002, 0.008, 0.010, 0.980),
            (0.020, 0.080, 0.080, 0.820), (0.120, 0.580, 0.150, 0.150), (0.015, 0.025, 0.020, 0.940),
        ),
    },
    "halpha": {
        "source": "H-alpha emission above the stars around: cataclysmic variables and accreting young "
        "stars (Witham+ 2008, MNRAS 384, 1277; Barentsen+ 2014, MNRAS 444, 3230). Shares: "
        "judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.01, 0.99), (0.70, 0.30), (0.05, 0.95), (0.04, 0.96), (0.60, 0.40), (0.015, 0.985),
        ),
    },
    "youth": {
        "source": "Member of a young association, cluster or star-forming region, by BANYAN and "
        "membership lists. Judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.03, 0.97), (0.01, 0.99), (0.20, 0.80), (0.10, 0.90), (0.80, 0.20), (0.04, 0.96),
        ),
    },
    "xrays": {
        "source": "Source of eRASS1 (Merloni+ 2024, A&A 682, A34): coronae and accretion. Of stars at "
        "all distances; judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.10, 0.90), (0.40, 0.60), (0.45, 0.55), (0.03, 0.97), (0.35, 0.65), (0.04, 0.96),
        ),
    },
    "mid_infrared": {
        "source": "Variable in the mid-infrared: young stars mostly are (Park+ 2021, ApJ 920, 132). "
        "Judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.10, 0.90), (0.25, 0.75), (0.10, 0.90), (0.20, 0.80), (0.65, 0.35), (0.15, 0.85),
        ),
    },
    "reddening": {
        "source": "Whether dips are redder than the star: small grains redden, eclipses mostly do "
        "not. Judgement.",
        "outcomes": ("yes", "no"),
        "classes": _classes(
            (0.20, 0.80), (0.30, 0.70), (0.45, 0.55), (0.60, 0.40), (0.75, 0.25), (0.35, 0.65),
        ),
    },
    "ruwe": {
        "source": "RUWE above 1.4: 5 of 81 dippers (Tzanidakis+ 2025), more of young stars with discs "
        "(Fitton+ 2022, RNAAS 6, 18) and of wide binaries (Belokurov+ 2020, MNRAS 496, "
        "1922). Judgement.",
        "outcomes": ("high", "low"),
        "classes": _classes(
            (0.18, 0.82), (0.08, 0.92), (0.14, 0.86), (0.10, 0.90), (0.28, 0.72), (0.12, 0.88),
        ),
    },
    "non_single": {
        "source": "Gaia DR3 non-single-star solutions (Gaia Collaboration, Arenou+ 2023, A&A 674, "
        "A34): about 800,000 in all. Shares: judgement.",
        "outcomes": ("eclipsing", "other orbit", "none"),
        "classes": _classes(
            (0.050, 0.040, 0.910), (0.004, 0.010, 0.986), (0.002, 0.040, 0.958),
            (0.002, 0.030, 0.968), (0.002, 0.010, 0.988), (0.002, 0.015, 0.983),
        ),
    },
    "catalogues": {
        "foreign": 0.05,
        "source": "Class in catalogues of variables, given that one lists the star. Completeness and "
        "contamination of such lists: Rimoldini+ 2023 (A&A 674, A14), Jayasinghe+ 2018. The "
        "confusion of these classes: judgement.",
        "outcomes": ("eclipsing", "cataclysmic", "rotating", "young", "pulsating", "other"),
        "classes": _classes(
            (0.82, 0.01, 0.06, 0.01, 0.06, 0.04),
            (0.06, 0.72, 0.02, 0.03, 0.07, 0.10),
            (0.08, 0.01, 0.68, 0.08, 0.10, 0.05),
            (0.30, 0.02, 0.08, 0.10, 0.22, 0.28),
            (0.03, 0.02, 0.14, 0.63, 0.10, 0.08),
            (0.12, 0.03, 0.13, 0.05, 0.43, 0.24),
        ),
    },
}  # fmt: skip
