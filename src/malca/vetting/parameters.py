"""What candidates are looked up in, and what is made of the answers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from malca.astrophysics import midinfrared

Share = Annotated[float, Field(ge=0, le=1)]

#: Surveys that spectra are looked up in, in the order of their columns.
SURVEYS = ("apogee", "galah", "lamost", "rave", "sdss", "desi")
#: Catalogues that neighbours are looked up in.
NEIGHBOUR_CATALOGS = ("gaia", "tmass", "allwise", "vsx")


class _Parameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Module(_Parameters):
    """A catalogue that candidates are looked up in."""

    enabled: bool = Field(True, description="Whether it is asked at all.")


class SimbadParameters(Module):
    """SIMBAD (Wenger+ 2000, A&AS 143, 9)."""

    min_references: int = Field(
        5, ge=1, description="Papers about an object from which on it counts as known."
    )


class GaiaVariabilityParameters(Module):
    """Classes of variables in Gaia DR3 (Rimoldini+ 2023, A&A 674, A14)."""

    min_score: Share = Field(0.0, description="Score of the best class from which on it counts.")


class AsassnParameters(Module):
    """ASAS-SN catalogue of variables (Jayasinghe+ 2018, MNRAS 477, 3145, and later)."""

    min_probability: Share = Field(
        0.0, description="Probability of the class from which on it counts; unknown counts."
    )


class AlerceParameters(Module):
    """ALeRCE's classifier of ZTF light curves (Förster+ 2021, AJ 161, 242)."""

    min_probability: Share = Field(
        0.5, description="Probability of the class of the light curve from which on it counts."
    )


class EpochParameters(Module):
    """Photometry of single epochs, told by numbers that one bad point cannot spoil."""

    min_epochs: int = Field(10, ge=3, description="Epochs of a band that its spread is told from.")
    tail_share: float = Field(
        0.05,
        gt=0,
        lt=0.5,
        description="Share of the epochs left out at either end of the range.",
    )


class AtlasParameters(EpochParameters):
    """Forced photometry of ATLAS (Tonry+ 2018, PASP 130, 064505); needs a token."""

    enabled: bool = False
    min_snr: float = Field(
        5.0, gt=0, description="Flux in units of its error from which on it is a detection."
    )


class NeowiseParameters(Module):
    """Single exposures of NEOWISE (Mainzer+ 2014, ApJ 792, 30)."""

    enabled: bool = False
    variability: midinfrared.NeowiseParameters = Field(
        midinfrared.NeowiseParameters(),
        description="Which exposures are used, and what makes a variable.",
    )


class ErositaParameters(Module):
    """First catalogue of eROSITA, half the sky (Merloni+ 2024, A&A 682, A34)."""

    max_sigma: float = Field(
        3.44,
        gt=0,
        description="Largest separation in standard deviations of either coordinate: 3.44 is passed "
        "by 0.27 % of true counterparts, as 3 is of a single Gaussian.",
    )
    sky_error_arcsec: float = Field(
        0.5, ge=0, description="Error of the stars' positions at that epoch, arcsec, a coordinate."
    )
    min_likelihood: float = Field(
        10.0, ge=0, description="Detection likelihood from which on a source is believed."
    )
    extended: bool = Field(
        False, description="Whether extended sources count, which are mostly clusters of galaxies."
    )
    density_deg2: float = Field(
        45.0,
        gt=0,
        description="Sources a square degree, for chance coincidences: 930,203 on half the sky.",
    )


class ClusterParameters(_Parameters):
    """Whether a candidate moves with the cluster it is listed in."""

    max_pm_sigma: float = Field(
        3.0,
        gt=0,
        description="Offset from the cluster's proper motion, in units of its error and the "
        "cluster's spread, up to which a star moves with it.",
    )


class NeighbourParameters(_Parameters):
    """Stars next to the candidate, in whose light it was measured.

    ASAS-SN has pixels of 8 arcsec, a PSF of about 15 arcsec and apertures of 2 pixels (Kochanek+
    2017, PASP 129, 104502).
    """

    gaia: bool = Field(True, description="Whether Gaia is asked.")
    tmass: bool = Field(True, description="Whether 2MASS is asked.")
    allwise: bool = Field(True, description="Whether AllWISE is asked.")
    vsx: bool = Field(True, description="Whether VSX is asked.")
    radius_arcsec: float = Field(
        15.0, gt=0, description="Separation, arcsec, up to which neighbours are counted."
    )
    own_radius_arcsec: float = Field(
        1.5, gt=0, description="Separation, arcsec, up to which an entry can be the star itself."
    )
    own_vsx_radius_arcsec: float = Field(
        3.0, gt=0, description="The same for VSX, whose positions are of many origins."
    )
    own_max_delta_mag: float = Field(
        1.5, gt=0, description="Largest difference in G, mag, of an entry that is the star itself."
    )
    close_arcsec: float = Field(
        8.0, gt=0, description="Separation, arcsec, up to which a neighbour is close: a pixel."
    )
    bright_g_mag: float = Field(
        13.0, description="G up to which a neighbour is bright, mag, however bright the star is."
    )
    bright_delta_mag: float = Field(
        1.0, description="Difference in G, mag, up to which a neighbour is bright beside the star."
    )
    fwhm_arcsec: float = Field(15.0, gt=0, description="Width of the survey's PSF, arcsec.")
    aperture_arcsec: float = Field(
        16.0, gt=0, description="Radius of the survey's aperture, arcsec: 2 pixels."
    )


class SpectraParameters(_Parameters):
    """Surveys that may have taken a spectrum."""

    apogee: bool = Field(True, description="Whether APOGEE DR17 is asked.")
    galah: bool = Field(True, description="Whether GALAH DR3 is asked.")
    lamost: bool = Field(True, description="Whether LAMOST DR5 is asked.")
    rave: bool = Field(True, description="Whether RAVE DR6 is asked.")
    sdss: bool = Field(True, description="Whether SDSS DR16 is asked.")
    desi: bool = Field(True, description="Whether DESI DR1 is asked.")


class VettingParameters(_Parameters):
    """Everything about the vetting of candidates."""

    simbad: SimbadParameters = SimbadParameters()
    gaia_variability: GaiaVariabilityParameters = GaiaVariabilityParameters()
    gaia_eb: Module = Field(
        Module(), description="Eclipsing binaries of Gaia (Mowlavi+ 2023, A&A 674, A16)."
    )
    gaia_epoch_photometry: EpochParameters = EpochParameters()
    asassn_variables: AsassnParameters = AsassnParameters()
    ztf_periodic: Module = Field(
        Module(), description="Periodic variables of ZTF (Chen+ 2020, ApJS 249, 18)."
    )
    tns: Module = Field(Module(), description="Transient Name Server; needs a bot's key.")
    alerce: AlerceParameters = AlerceParameters()
    erosita: ErositaParameters = ErositaParameters()
    atlas: AtlasParameters = AtlasParameters()
    neowise: NeowiseParameters = NeowiseParameters()
    cluster: ClusterParameters = ClusterParameters()
    neighbours: NeighbourParameters = NeighbourParameters()
    spectra: SpectraParameters = SpectraParameters()
    ignore_generic_classes: bool = Field(
        True,
        description='Whether a class that says only that a star varies ("VAR", "MISC", "L:") makes '
        "it no known object.",
    )

    def asks(self, catalog: str) -> bool:
        """Whether a catalogue is asked, by the name of its dataset without ``_catalog``."""
        part, _, kind = catalog.rpartition("_")
        if kind in ("neighbours", "spectra"):
            return bool(getattr(getattr(self, kind), part))
        return bool(getattr(self, catalog).enabled)
