"""Efficiency cubes from files and their figures to files, for people without a project.

The figures are those of ``malca.plots``; each also takes ``output_path``, a file to write it to.
An edge: cube, figures and files, which otherwise know nothing of each other, are brought together.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import DatasetError

from malca.datasets.figures import write_figure
from malca.datasets.npz import read_npz
from malca.evaluation.completeness_calibration import Calibration
from malca.evaluation.efficiency import EfficiencyCube
from malca.plots import efficiency, efficiency_3d, efficiency_checks


def load_efficiency_cube(path: str | Path, fingerprint: str | None = None) -> EfficiencyCube:
    """Load an efficiency cube; it is also the mapping of its arrays, ``cube["efficiency"]``.

    Parameters
    ----------
    path : str or Path
        The ``.npz`` file, or the folder of its versions, of which the last is taken.
    fingerprint : str, optional
        Refuse a cube of other parameters.

    Raises
    ------
    kedro.io.DatasetError
        There is no such file, it is damaged, holds no efficiency cube or one of other parameters.
    """
    path = Path(path)
    if path.is_dir():  # versions, as the catalog keeps them; their names sort by time
        versions = sorted(path.glob(f"*/{path.name}"))
        if not versions:
            raise DatasetError(f"{path} holds no version of {path.name}")
        path = versions[-1]
    arrays = read_npz(path, fingerprint)
    try:
        return EfficiencyCube.from_arrays(arrays)
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from error


def _saving(draw: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(draw)
    def drawn(*args: Any, output_path: str | Path | None = None, **options: Any) -> Any:
        figure = draw(*args, **options)
        if output_path is not None:
            write_figure(figure, Path(output_path))
        return figure

    return drawn


plot_efficiency_mag_slices = _saving(efficiency.plot_efficiency_mag_slices)
plot_efficiency_marginalized = _saving(efficiency.plot_efficiency_marginalized)
plot_depth_at_efficiency = _saving(efficiency.plot_depth_at_efficiency)
plot_efficiency_threshold_contour = _saving(efficiency.plot_efficiency_threshold_contour)
plot_efficiency_stages = _saving(efficiency.plot_efficiency_stages)
plot_efficiency_3d = _saving(efficiency_3d.plot_efficiency_3d)
plot_recovery_bias = _saving(efficiency_checks.plot_recovery_bias)
plot_completeness_calibration = _saving(efficiency_checks.plot_completeness_calibration)


def plot_efficiency_all(
    cube: EfficiencyCube,
    output_dir: str | Path,
    *,
    trials: pd.DataFrame | None = None,
    calibration: Calibration | None = None,
) -> list[Path]:
    """Draw all figures of a cube to files, one after the other.

    Parameters
    ----------
    cube : EfficiencyCube
    output_dir : str or Path
        Made if it is not there; files of the same names are replaced.
    trials : DataFrame, optional
        Adds how depth, duration and time are recovered.
    calibration : Calibration, optional
        Adds how well the completeness model predicts.

    Returns
    -------
    list of Path
    """
    folder = Path(output_dir)
    drawings: dict[str, Callable[[], Any]] = {
        "efficiency_mag_slices.png": lambda: efficiency.plot_efficiency_mag_slices(cube),
        "efficiency_marginalized.png": lambda: efficiency.plot_efficiency_marginalized(cube),
        "depth_at_efficiency.png": lambda: efficiency.plot_depth_at_efficiency(cube),
        "efficiency_stages.png": lambda: efficiency.plot_efficiency_stages(cube),
        "efficiency_3d.html": lambda: efficiency_3d.plot_efficiency_3d(cube),
    }
    if trials is not None:
        drawings["recovery_bias.png"] = lambda: efficiency_checks.plot_recovery_bias(trials)
    if calibration is not None:
        drawings["completeness_calibration.png"] = lambda: (
            efficiency_checks.plot_completeness_calibration(calibration)
        )
    for name, draw in drawings.items():
        write_figure(draw(), folder / name)
    return [folder / name for name in drawings]
