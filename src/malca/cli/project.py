"""The project a command is called in: its catalog and parameters, without starting a run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

if TYPE_CHECKING:
    from kedro.config import OmegaConfigLoader
    from kedro.io import AbstractDataset, DataCatalog

#: Keys of a catalog entry that hold a path.
_PATH_KEYS = ("filepath", "path")


class Refusal(click.ClickException):
    """One clear sentence and exit code 2."""

    exit_code = 2


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Tell a refused run in one sentence, without a traceback."""
    from kedro.framework.context import KedroContextError
    from kedro.validation.exceptions import ParameterValidationError
    from omegaconf.errors import OmegaConfBaseException

    from malca.hooks import RefusedError

    try:
        yield
    except ParameterValidationError as error:
        # Kedro renders pydantic's report; its links and line breaks say nothing to a user.
        lines = [line.strip(" -") for line in str(error).splitlines() if "https://" not in line]
        raise click.ClickException(
            f"{' '.join(lines)} (from conf/ or --params; what there is: docs/user_guide.md)"
        ) from None
    except (RefusedError, KedroContextError) as error:
        raise click.ClickException(str(error)) from None
    except OmegaConfBaseException as error:
        raise click.ClickException(_own_words(error)) from None
    except ValueError as error:
        if not str(error).startswith("Failed to find the pipeline named"):
            raise
        raise click.ClickException(" ".join(str(error).split())) from None


def _own_words(error: Exception) -> str:
    """Sentence of a resolver; OmegaConf says around it where it was called."""
    return str(error).splitlines()[0].split("raised while resolving interpolation: ")[-1]


@dataclass(frozen=True)
class Project:
    """What the configuration of a project says about one magnitude bin.

    Attributes
    ----------
    folder : Path
    mag_bin : str
    entries : mapping of str to mapping
        The catalog's entries, paths made absolute.
    parameters : mapping
    catalog : DataCatalog
    credentials : mapping
        Of conf/local/credentials.yml; empty where there is none.
    """

    folder: Path
    mag_bin: str
    entries: Mapping[str, Mapping[str, Any]]
    parameters: Mapping[str, Any]
    catalog: DataCatalog
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def datasets(self, names: Iterable[str], *, offline: bool = False) -> dict[str, AbstractDataset]:
        """Make datasets of the catalog.

        Parameters
        ----------
        names : iterable of str
        offline : bool
            Whether those that could ask a service are told not to, whatever the catalog says.

        Raises
        ------
        Refusal
            The catalog has no such dataset.
        """
        from kedro.io import DataCatalog

        names = list(names)
        if unknown := sorted(set(names) - set(self.entries)):
            raise Refusal(f"the catalog of {self.folder} has no {', '.join(unknown)}")
        entries = {
            name: {
                **self.entries[name],
                **({"offline": True} if "offline" in self.entries[name] else {}),
            }
            if offline
            else dict(self.entries[name])
            for name in names
        }
        made = DataCatalog.from_config(entries, dict(self.credentials))
        return {name: made.get(name) for name in names}

    def load(self, name: str, made_by: str) -> Any:
        """Load a dataset.

        Parameters
        ----------
        name : str
        made_by : str
            The pipeline that makes it, for the sentence that says it is missing.

        Raises
        ------
        Refusal
            It is not there, or cannot be read.
        """
        from kedro.io import DatasetError

        if not self.catalog.exists(name):
            raise Refusal(
                f"bin {self.mag_bin} has no {name} at {self.path_of(name)}: first "
                f"kedro run --pipelines {made_by} --params mag_bin={self.mag_bin}"
            )
        try:
            return self.catalog.load(name)
        except DatasetError as error:
            raise Refusal(f"{name}: {error}") from None

    def path_of(self, name: str) -> Path:
        """File or folder of a dataset.

        Raises
        ------
        Refusal
            The catalog has no such dataset, or it is neither file nor folder.
        """
        entry = self.entries.get(name, {})
        for key in _PATH_KEYS:
            if key in entry:
                return Path(entry[key])
        raise Refusal(f"the catalog of {self.folder} has no dataset {name} with a path")


def open_project(
    mag_bin: str | None = None,
    env: str | None = None,
    conf_source: str | Path | None = None,
    folder: Path | None = None,
) -> Project:
    """Read the configuration of the project in ``folder`` or the working folder or above it.

    Raises
    ------
    Refusal
        There is no project, or its configuration is wrong; the sentence says what.
    """
    from kedro.config import MissingConfigException, OmegaConfigLoader
    from kedro.io import DataCatalog, DatasetError
    from kedro.utils import find_kedro_project
    from omegaconf.errors import OmegaConfBaseException

    from malca.settings import CONFIG_LOADER_ARGS

    start = (folder or Path.cwd()).resolve()
    found = find_kedro_project(start)
    if found is None:
        raise Refusal(f"{start} is in no MALCA project: there is no pyproject.toml with [tool.kedro]")
    try:
        with warnings.catch_warnings():
            # omegaconf's deprecation notes about Kedro's calls say nothing to a user.
            warnings.simplefilter("ignore")
            loader = OmegaConfigLoader(
                conf_source=str(conf_source or found / "conf"),
                env=env,
                runtime_params={"mag_bin": mag_bin} if mag_bin else None,
                **cast("dict[str, Any]", CONFIG_LOADER_ARGS),
            )
            entries = {
                name: _with_absolute_paths(entry, found) for name, entry in loader["catalog"].items()
            }
            parameters = loader["parameters"]
            credentials = _credentials(loader)
            catalog = DataCatalog.from_config(entries, credentials)
    except OmegaConfBaseException as error:
        raise Refusal(_own_words(error)) from None
    except (MissingConfigException, DatasetError) as error:
        raise Refusal(str(error)) from None
    return Project(found, str(parameters["mag_bin"]), entries, parameters, catalog, credentials)


def _credentials(loader: OmegaConfigLoader) -> dict[str, Any]:
    from kedro.config import MissingConfigException

    try:
        return dict(loader["credentials"])
    except MissingConfigException:
        return {}


def _with_absolute_paths(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    return {
        key: str(folder / value) if key in _PATH_KEYS and isinstance(value, str) else value
        for key, value in entry.items()
    }


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say which project, environment and bin a command looks at."""
    for option in reversed(
        (
            click.option("--mag-bin", metavar="BIN", help="For instance 13_13.5.  [default: conf's]"),
            click.option("--env", metavar="NAME", help="Environment of conf/.  [default: local]"),
            click.option(
                "--conf-source",
                type=click.Path(exists=True, file_okay=False, path_type=Path),
                help="Folder of the configuration.  [default: the project's conf]",
            ),
        )
    ):
        command = option(command)
    return command
