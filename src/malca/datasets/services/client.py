"""Look stars up in a service: what is kept, what is asked in batches, and what remains unknown."""

from __future__ import annotations

import hashlib
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd

from malca.catalogs import Entries
from malca.datasets.catalog_declaration import Declaration
from malca.datasets.catalog_matching import ParquetCatalog
from malca.datasets.services.cache import AnswerCache, plain_name
from malca.datasets.services.conversion import copy_numbers, no_entries
from malca.datasets.services.declaration import ServiceDeclaration
from malca.datasets.services.stars import Stars
from malca.datasets.services.transport import (
    OfflineError,
    ServiceError,
    StoppedError,
    TruncatedError,
)

logger = logging.getLogger(__name__)

#: Reason of stars that nobody was asked about because of the switch.
OFFLINE = "offline"
_REASON_LENGTH = 200


class Answer(NamedTuple):
    """What a service says of a batch of stars.

    Attributes
    ----------
    entries : DataFrame
        ``star``, the number in the batch, and the columns of a local twin. All that are near a star
        or have its id, and no matter how many others.
    failures : dict of int to str
        Stars that it says nothing of, and why.
    """

    entries: pd.DataFrame
    failures: dict[int, str]


class Client(Protocol):
    """A kind of service, asked in its own language."""

    #: Name of the kind, under which answers are kept.
    service: str

    def ask(self, stars: Stars, *, everything: bool) -> Answer:
        """Ask about a batch of stars.

        Parameters
        ----------
        stars : Stars
            Each with a position or a usable id.
        everything : bool
            Whether all entries around a star are wanted; else those of stars found by id need not
            be.

        Raises
        ------
        TruncatedError
            The answer is not whole: fewer stars are to be asked about.
        StoppedError
            Nothing more is to be asked.
        ServiceError
            No answer.
        """

    def scrub(self, text: str) -> str:
        """Text without credentials."""


class _Answered(NamedTuple):
    entries: pd.DataFrame
    reasons: np.ndarray  # of stars nothing is known of, else empty, shape (n,)


class ServiceCatalog:
    """A catalogue of a service; the ``malca.catalogs.Catalog`` that service datasets load.

    Entries of a service are matched as those of a local twin are: they are written to a small table
    with the twin's columns, in which ``ParquetCatalog`` looks the stars up.

    Parameters
    ----------
    name : str
        Of the catalogue, in messages.
    declared : ServiceDeclaration
    client : Client
    """

    def __init__(self, name: str, declared: ServiceDeclaration, client: Client) -> None:
        self.name, self.declared = name, declared
        self._client = client

    @property
    def fingerprint(self) -> str:
        """Digest of the declaration; what services answer next time nobody knows."""
        ours = self.declared.model_dump_json(
            exclude={"filepath", "cache", "offline", "source", "optional", "seed"}
        )
        return hashlib.sha256(f"{self._client.service}\n{ours}".encode()).hexdigest()

    def match(self, targets: pd.DataFrame) -> pd.DataFrame:
        """Look targets up; see ``malca.catalogs.Catalog.match``."""
        answered = self._answers(targets, everything=False)
        silent = answered.reasons != ""
        with self._twin_of(answered.entries) as (twin, nothing):
            asked = nothing if silent.all() else twin
            known, unknown = asked.match(targets[~silent]), nothing.match(targets[silent])
        unknown["reason"] = pd.array(answered.reasons[silent], dtype="str")
        return _in_order(known, unknown, silent)

    def match_all(self, targets: pd.DataFrame) -> Entries:
        """List all entries of targets; see ``malca.catalogs.Catalog.match_all``."""
        answered = self._answers(targets, everything=True)
        silent = answered.reasons != ""
        with self._twin_of(answered.entries) as (twin, nothing):
            asked = nothing if silent.all() else twin
            known = asked.match_all(targets[~silent])
            unknown = nothing.match_all(targets[silent])
        unknown.outcomes["reason"] = pd.array(answered.reasons[silent], dtype="str")
        return Entries(_in_order(known.outcomes, unknown.outcomes, silent), known.entries)

    @contextmanager
    def _twin_of(self, entries: pd.DataFrame) -> Iterator[tuple[ParquetCatalog, ParquetCatalog]]:
        """Local catalogue of some entries, each once, and one that knows nothing of any star."""
        columns = [name for name in entries if name != "star"]
        # What was found near two stars is one entry; what is there twice for one star are two.
        once = entries.assign(_copy=copy_numbers(entries)).drop_duplicates([*columns, "_copy"])[columns]
        with tempfile.TemporaryDirectory(prefix="malca-") as folder:
            there = Path(folder) / f"{plain_name(self.name)}.parquet"
            once.to_parquet(there, index=False)
            declared = Declaration.model_validate(
                {**self.declared.twin(), "filepath": str(there), "indexed": False}
            )
            absent = declared.model_copy(update={"filepath": Path(folder) / "absent.parquet"})
            yield ParquetCatalog(declared), ParquetCatalog(absent)

    def _answers(self, targets: pd.DataFrame, *, everything: bool) -> _Answered:
        """Gather what is known of the targets, from what is kept and from the service."""
        declared = self.declared
        stars = Stars.of(targets, declared)
        surveyed = declared.id_columns.asas_sn_id is not None
        reasons = np.full(len(stars), "", object)
        # Of a star that has neither position nor id nothing can be asked: that is no failure.
        askable = stars.placed | (stars.gaia_release != "") | surveyed
        cache = self._cache(everything)
        keys = stars.keys(surveyed)
        parts, known = [no_entries(declared)], np.zeros(len(stars), bool)
        if cache is not None and len(stars):
            known, kept = cache.get(keys)
            parts.append(kept)
        wanted = np.flatnonzero(askable & ~known)
        if len(wanted):
            logger.info(
                "%s: %d stars, %d answers kept, %d to ask for", self.name, len(stars), known.sum(),
                len(wanted),
            )  # fmt: skip
        if declared.offline:
            reasons[wanted] = OFFLINE
        else:
            for rows, answer in self._ask_batches(stars, wanted, everything=everything):
                failed = np.array(sorted(answer.failures), np.int64)
                reasons[rows[failed]] = [self._reason(answer.failures[k]) for k in failed]
                entries = answer.entries[~answer.entries["star"].isin(failed)]
                good = np.setdiff1d(np.arange(len(rows)), failed)
                if cache is not None:
                    number = pd.Series(np.arange(len(good)), index=good)
                    cache.put(
                        [keys[k] for k in rows[good]],
                        entries.assign(star=entries["star"].map(number).astype("int64")),
                    )
                parts.append(entries.assign(star=rows[entries["star"].to_numpy(np.int64)]))
            if cache is not None:
                cache.tidy()
        unknown = int((reasons != "").sum())
        if unknown:
            logger.warning(
                "%s: nothing is known of %d of %d stars (%s)", self.name, unknown, len(stars),
                next(reason for reason in reasons if reason),
            )  # fmt: skip
        return _Answered(pd.concat(parts, ignore_index=True), reasons)

    def _ask_batches(
        self, stars: Stars, wanted: np.ndarray, *, everything: bool
    ) -> Iterator[tuple[np.ndarray, Answer]]:
        """Answers to all the stars, a batch at a time; a failed batch is a batch of failures."""
        size = self.declared.batch_size
        batches = [wanted[k : k + size] for k in range(0, len(wanted), size)]
        started, done, in_a_row, stopped = time.monotonic(), 0, 0, ""
        for number, rows in enumerate(batches, 1):
            if stopped:
                yield rows, _failed(rows, stopped)
                continue
            for part, answer in self._ask(stars, rows, everything=everything):
                yield part, answer
                nothing = len(answer.failures) == len(part)
                in_a_row = in_a_row + 1 if nothing else 0
                done += len(part)
                if nothing and answer.failures[0].startswith(_STOP):
                    stopped = answer.failures[0]
            if not stopped and in_a_row >= self.declared.give_up_after and number < len(batches):
                stopped = f"service failed: not asked, after {in_a_row} failures in a row"
            if stopped and number < len(batches):
                logger.warning(
                    "%s: the other %d stars are not asked about: %s", self.name,
                    sum(map(len, batches[number:])), self._reason(stopped),
                )  # fmt: skip
            spent = time.monotonic() - started
            logger.info(
                "%s: batch %d of %d, %d of %d stars, about %.0f s left", self.name, number,
                len(batches), done, len(wanted),
                0.0 if stopped else spent / done * (len(wanted) - done),
            )  # fmt: skip

    def _ask(
        self, stars: Stars, rows: np.ndarray, *, everything: bool
    ) -> Iterator[tuple[np.ndarray, Answer]]:
        """Answer to a batch, in as many parts as it takes to have each whole."""
        try:
            yield rows, self._client.ask(stars.take(rows), everything=everything)
        except TruncatedError as error:
            if len(rows) == 1:
                yield rows, _failed(rows, f"service failed: {error}")
                return
            logger.info(
                "%s: the answer to %d stars is cut (%s): asking about half as many", self.name,
                len(rows), error,
            )  # fmt: skip
            middle = len(rows) // 2
            for part in (rows[:middle], rows[middle:]):
                yield from self._ask(stars, part, everything=everything)
        except StoppedError as error:
            reason = OFFLINE if isinstance(error, OfflineError) else f"{_STOP} {error}"
            yield rows, _failed(rows, self._reason(reason))
        except ServiceError as error:
            logger.warning("%s: %s", self.name, self._reason(str(error)))
            yield rows, _failed(rows, f"service failed: {error}")
        except Exception as error:  # no answer, however odd, costs the others
            told = self._reason(f"{type(error).__name__}: {error}")
            logger.warning("%s: an answer that cannot be used (%s)", self.name, told)
            yield rows, _failed(rows, f"service failed: an answer that cannot be used ({told})")

    def _reason(self, text: str) -> str:
        """Short text of why nothing is known, without credentials."""
        return " ".join(self._client.scrub(text).split())[:_REASON_LENGTH]

    def _cache(self, everything: bool) -> AnswerCache | None:
        options = self.declared.cache
        if options is None:
            return None
        return AnswerCache(
            options.folder, self.name, self.declared, service=self._client.service,
            rule="all" if everything else "match",
        )  # fmt: skip


_STOP = "service stopped:"


def _failed(rows: np.ndarray, reason: str) -> Answer:
    entries = pd.DataFrame({"star": pd.Series([], dtype="int64")})
    return Answer(entries, dict.fromkeys(range(len(rows)), reason))


def _in_order(known: pd.DataFrame, unknown: pd.DataFrame, silent: np.ndarray) -> pd.DataFrame:
    """Rows of both tables in the order of the targets."""
    together = pd.concat([known, unknown], ignore_index=True)
    place = np.argsort(np.concatenate([np.flatnonzero(~silent), np.flatnonzero(silent)]))
    return together.iloc[place].reset_index(drop=True)
