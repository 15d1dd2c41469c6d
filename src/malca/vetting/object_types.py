"""SIMBAD's types of objects that say what a varying star is.

After the list of object types of SIMBAD (Wenger+ 2000, A&AS 143, 9; its guide, otypes_desc.htx).
"""

from __future__ import annotations

#: Types that name another nature than that of a dipper. Types that say only that something shines
#: or varies ("*", "V*", "IR", "X" …), or that a star is young, are not among them.
EXPLAINING = frozenset(
    {
        "EB*", "El*",  # eclipsing and ellipsoidal binaries
        "CV*", "No*", "Sy*", "XB*", "HXB", "LXB",  # cataclysmic, symbiotic and X-ray binaries
        "RS*", "BY*", "Ro*", "a2*", "Be*",  # rotating stars
        "Pu*", "RR*", "Ce*", "cC*", "WV*", "RV*", "LP*", "Mi*", "bC*", "dS*", "gD*", "SX*",
        "SN*", "WR*", "PN", "Psr",
        "QSO", "AGN", "Sy1", "Sy2", "SyG", "BLL", "Bla", "G", "rG", "GiG",
    }
)  # fmt: skip
#: Types of stars that dim as what is searched for does: R CrB stars.
DIPPERS = frozenset({"RC*"})


def explains(otype: str) -> bool:
    """Whether a type (its short form; candidates end in "?") names another nature."""
    name = otype.strip()
    candidate_of = name[:-1] + "*" if name.endswith("?") else name
    return name in EXPLAINING or candidate_of in EXPLAINING


def is_dipper_type(otype: str) -> bool:
    """Whether a type is one that dims like a dipper."""
    name = otype.strip()
    return name in DIPPERS or (name.endswith("?") and name[:-1] + "*" in DIPPERS)
