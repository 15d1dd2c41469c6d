"""Variable-star types as GCVS and VSX write them, and the families they belong to.

Types after Samus et al. (2017, ARep 61, 80; GCVS 5.1) and the list of types of the
International Variable Star Index (Watson, Henden & Price 2006, SASS 25, 47).
"""

from __future__ import annotations

import re

#: Types by family. A star may belong to several.
FAMILIES: dict[str, frozenset[str]] = {
    name: frozenset(types.split())
    for name, types in {
        "dipper": "DIP UXOR RCB DYPER",
        "eclipsing": "E EA EB EC ED EP EW E-DO ESD ELL HB DPV",
        "cataclysmic": """AM CBSS CV DQ IBWD N NA NB NC NL NR NON-CV UG UGER UGSS UGSU UGWZ UGZ UGSH VY
            ZAND ZAMD""",
        "supernova_transient": "V838MON LFBOT GRB TRANSIENT MICROLENS",
        "compact_extragalactic": """XB XN XP X BHXB HMXB LMXB PSR WDP AGN BLLAC QSO GALAXY GAL
            MINOR_PLANET""",
        "eruptive": "EXOR FUOR GCAS UV UVN FF BE WR FSCMA CPNB SDOR RCB DYPER UXOR I IA IB",
        "young": """YSO TTS CTTS WTTS IN INA INB INS INSA INSB INST INT INAT IS ISA ISB EXOR FUOR UXOR
            DIP""",
        "rotating": "ACV BY FKCOM LERI R ROT RS SXARI NSIN_ELL",
        "pulsating": """ACEP ACEPS ACYG AHB1 BCEP BCEPS BL BLAP BXCIR CEP CW CWA CWB CWBS CW-FO CW-FU
            DCEP DCEPS DCEP-FO DCEP-FU DSCT DSCTC DSCTR DWLYN GDOR GWLIB HADS L LB LC LPV M ORG PPN
            PULS PVTEL PVTELI PVTELII PVTELIII ROAM ROAP RPHS RR RRAB RRC RRD RV RVA RVB SPB SPBE SR
            SRA SRB SRC SRD SRS SXPHE V361HYA V1093HER ZZ ZZA ZZB ZZLEP ZZO""",
        "generic": "S V NSIN PER SIN VBD APER CST VAR MISC *",
    }.items()
}

#: Types of stars that dim as what is searched for does: dippers, UX Ori and R CrB stars.
DIPPER_TYPES = FAMILIES["dipper"]

# Behind a slash these tell how an eclipsing binary is built ("EA/D", "EB/KE"), not a type.
_MODIFIERS = frozenset(
    {"AR", "BD", "D", "DM", "DS", "DW", "EL", "GS", "HW", "K", "KE", "KW", "PN", "SD", "WD"}
)
# "SN", "SN Ia", "SNIIn", "SLSN-I": all that begin so are supernovae
_SUPERNOVA = re.compile(r"(SL)?SN\b|(SL)?SN ?I")
_SEPARATOR = re.compile(r"([+|/,;])")
_BRACKETED = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_ALIASES = {"PUL": "PULS", "MINOR PLANET": "MINOR_PLANET", "NSIN ELL": "NSIN_ELL"}


def class_types(text: str) -> tuple[str, ...]:
    """Types in a class such as ``"EA/D:+UXOR"``: here ``("EA", "UXOR")``.

    Parts are separated by ``+ | / , ;``; marks of doubt, brackets and modifiers of eclipsing
    binaries are dropped.
    """
    types = []
    separator = ""
    for part in _SEPARATOR.split(_BRACKETED.sub("", text)):
        if _SEPARATOR.fullmatch(part):
            separator = part
            continue
        name = re.sub(r"[:()\[\]\"']", "", part).strip().upper()
        name = _ALIASES.get(name, name)
        if name and not (separator == "/" and name in _MODIFIERS):
            types.append(name)
    return tuple(dict.fromkeys(types))


def class_families(text: str) -> tuple[str, ...]:
    """Families of a class, in the order of its types; ``"other"`` for a type of none.

    A type of several families gives them in the order of ``FAMILIES``. An empty class has none.
    """
    families: dict[str, None] = {}
    for name in class_types(text):
        of_type = [family for family, types in FAMILIES.items() if name in types]
        if _SUPERNOVA.match(name):
            of_type = ["supernova_transient"]
        families.update(dict.fromkeys(of_type or ["other"]))
    return tuple(families)


def is_dipper_class(text: str) -> bool:
    """Whether a class names a type that dims like a dipper (``DIPPER_TYPES``)."""
    return not DIPPER_TYPES.isdisjoint(class_types(text))
