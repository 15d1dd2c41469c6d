"""Where a position or an entry can be looked at: addresses of public pages, nothing is fetched."""

from __future__ import annotations

from urllib.parse import quote, urlencode

#: Width of a finding chart, degrees.
_CHART_DEG = 0.1


def finding_chart(ra_deg: float, dec_deg: float) -> str:
    """Aladin Lite on a position, in the colours of DSS2 (Boch & Fernique 2014, ASPC 485, 277)."""
    options = {
        "target": f"{ra_deg:.6f} {dec_deg:+.6f}",
        "fov": f"{_CHART_DEG}",
        "survey": "CDS/P/DSS2/color",
    }
    return f"https://aladin.cds.unistra.fr/AladinLite/?{urlencode(options, quote_via=quote)}"


def simbad_position(ra_deg: float, dec_deg: float, radius_arcsec: float = 10.0) -> str:
    """SIMBAD about a position."""
    options = {
        "Coord": f"{ra_deg:.6f} {dec_deg:+.6f}",
        "Radius": f"{radius_arcsec:g}",
        "Radius.unit": "arcsec",
    }
    return f"https://simbad.cds.unistra.fr/simbad/sim-coo?{urlencode(options, quote_via=quote)}"


def simbad_object(name: str) -> str:
    """SIMBAD's page of an object."""
    return f"https://simbad.cds.unistra.fr/simbad/sim-id?{urlencode({'Ident': name}, quote_via=quote)}"


def vizier(table: str, ra_deg: float, dec_deg: float, radius_arcsec: float = 5.0) -> str:
    """VizieR's table about a position."""
    options = {
        "-source": table,
        "-c": f"{ra_deg:.6f} {dec_deg:+.6f}",
        "-c.rs": f"{radius_arcsec:g}",
        "-out.add": "_r",
    }
    return f"https://vizier.cds.unistra.fr/viz-bin/VizieR-4?{urlencode(options, quote_via=quote)}"


def vizier_all(ra_deg: float, dec_deg: float, radius_arcsec: float = 5.0) -> str:
    """All of VizieR about a position."""
    options = {"-c": f"{ra_deg:.6f} {dec_deg:+.6f}", "-c.rs": f"{radius_arcsec:g}"}
    return f"https://vizier.cds.unistra.fr/viz-bin/VizieR?{urlencode(options, quote_via=quote)}"


def alerce_object(oid: str) -> str:
    """ALeRCE's page of a ZTF object."""
    return f"https://alerce.online/object/{quote(oid, safe='')}"


def tns_object(name: str) -> str:
    """Page of a transient in the Transient Name Server."""
    return f"https://www.wis-tns.org/object/{quote(name.rpartition(' ')[2], safe='')}"


def skypatrol(asas_sn_id: int) -> str:
    """Light curve of a star in ASAS-SN Sky Patrol V2 (Hart+ 2023, arXiv:2304.03791)."""
    return f"http://asas-sn.ifa.hawaii.edu/skypatrol/objects/{asas_sn_id}"
