"""Requests to services: one session with manners, for our own code, pyvo and astroquery alike.

Every request has a time limit, waits for its turn at the host, and is repeated with growing, random
pauses where that can help. Bodies are read here and whole, so that one that is cut or never ends
is a failed attempt like any other.
"""

from __future__ import annotations

import io
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from urllib3.util import Retry

import malca
from malca.datasets.services.credentials import Secret, scrub

logger = logging.getLogger(__name__)

USER_AGENT = f"malca/{malca.__version__}"
#: Answers after which the same request may succeed: too many, too early, or something broke.
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
#: Answers that ask to be slower.
_TOO_MANY = frozenset({429, 503})
_CHUNK = 1 << 16
#: Slowest that a long answer may come, byte/s.
_SLOWEST = 20_000
#: A host that could not be reached this often, retries and all, is not asked for so long, s.
_OFTEN_UNREACHED, _DOWN_SECONDS = 2, 60.0
_CONNECT_SECONDS = 15.0


class ServiceError(Exception):
    """A service did not answer, or answered what cannot be used."""


class RefusedError(ServiceError):
    """The service says that the question is wrong: asking it again is of no use."""


class StoppedError(ServiceError):
    """The service wants no more requests from here, or there is no way to ask it: ask nothing else."""


class OfflineError(StoppedError):
    """A request was tried although the switch ``offline`` is on."""


class TruncatedError(ServiceError):
    """The service left a part of its answer away."""


class NoAnswerError(requests.ConnectionError):
    """No attempt at a request was answered."""


class Pace:
    """When the next request to each host may be sent, for all threads and catalogues of a process."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._next: dict[str, float] = {}
        self._unreached: dict[str, int] = {}
        self._down_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def wait(self, host: str, interval_seconds: float) -> None:
        """Wait for a turn, and put the next one off by the interval."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next.get(host, now))
            self._next[host] = turn + interval_seconds
        if turn > now:
            self._sleep(turn - now)

    def unreached(self, host: str) -> None:
        """Note that a host could not be reached at all; twice, and nobody asks for a while.

        Without a network each of some thirty catalogues would else find it out by itself.
        """
        with self._lock:
            self._unreached[host] = self._unreached.get(host, 0) + 1
            if self._unreached[host] >= _OFTEN_UNREACHED:
                self._down_until[host] = self._clock() + _DOWN_SECONDS

    def reached(self, host: str) -> None:
        """Note that a host answered."""
        with self._lock:
            self._unreached.pop(host, None)
            self._down_until.pop(host, None)

    def is_down(self, host: str) -> bool:
        """Whether a host could not be reached just now."""
        with self._lock:
            return self._clock() < self._down_until.get(host, -1.0)

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody ask a host for a while."""
        with self._lock:
            self._next[host] = max(self._next.get(host, 0.0), self._clock() + seconds)


PACE = Pace()


@dataclass(frozen=True)
class Manners:
    """How a service is asked.

    Attributes
    ----------
    requests_per_second : float
    timeout_seconds : float
        Longest wait for an answer to begin, and again for it to end.
    retries : int
        Further attempts.
    backoff_seconds : float
        The pause before attempt k is random between 0 and this times 2^k ("full jitter"), so that
        many clients that failed at once do not come back at once.
    longest_pause_seconds : float
        No pause is longer; a service that asks for a longer one has failed.
    """

    requests_per_second: float = 2.0
    timeout_seconds: float = 120.0
    retries: int = 4
    backoff_seconds: float = 1.0
    longest_pause_seconds: float = 120.0


@dataclass
class _Attempt:
    response: requests.Response | None = None
    problem: str = ""
    pause_seconds: float | None = field(default=None)
    unreached: bool = False


class ServiceSession(requests.Session):
    """A session of ``requests`` that retries, paces, limits and, if told so, refuses to ask at all.

    Parameters
    ----------
    manners : Manners
    offline : bool
        Whether every request raises ``OfflineError`` before a socket is opened.
    secrets : iterable of Secret
        Kept out of every message.
    seed : int, optional
        Of the pauses.
    pause_of : function, optional
        Seconds that an answer asks to wait, where it says so elsewhere than in its headers.
    pace : Pace
    sleep : function
    """

    def __init__(
        self,
        manners: Manners | None = None,
        *,
        offline: bool = False,
        secrets: Iterable[Secret] = (),
        seed: int | None = None,
        pause_of: Callable[[requests.Response], float | None] | None = None,
        pace: Pace = PACE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__()
        self.manners = manners or Manners()
        self.offline = offline
        self._secrets = tuple(secrets)
        self._random = random.Random(seed)
        self.pause_of = pause_of
        self._pace, self._sleep = pace, sleep
        self.headers["User-Agent"] = USER_AGENT

    def scrub(self, text: str) -> str:
        """Text without the session's credentials."""
        return scrub(text, self._secrets)

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send a request until it is answered; an answer that says "no" is an answer.

        Raises
        ------
        OfflineError
        RefusedError
            The address, to which another one has led, holds a credential.
        NoAnswerError
            With what happened the last time; without address and headers, which may hold secrets.
        """
        host = urlsplit(request.url or "").netloc.rsplit("@", 1)[-1]
        if self.offline:
            raise OfflineError(f"offline: {host} is not asked")
        if self.scrub(request.url or "") != (request.url or ""):
            # we put none there: a service that leads elsewhere does, and libraries log addresses
            raise RefusedError(f"{host}: not asked, as the address holds a credential")
        if self._pace.is_down(host):
            raise NoAnswerError(f"{host}: it could not be reached a moment ago", request=None)
        last = _Attempt()
        for number in range(self.manners.retries + 1):
            if number:
                pause = self._pause(number, last.pause_seconds)
                if pause is None:
                    break
                logger.info(
                    "%s: %s; attempt %d of %d in %.1f s", host, last.problem, number + 1,
                    self.manners.retries + 1, pause,
                )  # fmt: skip
                self._sleep(pause)
            self._pace.wait(host, 1.0 / self.manners.requests_per_second)
            last = self._attempt(request, options, host)
            if not last.unreached:
                self._pace.reached(host)
            if last.response is not None and not last.problem:
                return last.response
        if last.response is not None:
            return last.response
        if last.unreached and self.manners.retries:
            self._pace.unreached(host)
        raise NoAnswerError(self.scrub(f"{host}: {last.problem}"), request=None)

    def _pause(self, number: int, asked_seconds: float | None) -> float | None:
        """Pause before an attempt; None: the service asks for more patience than there is."""
        longest = self.manners.longest_pause_seconds
        pause = self._random.uniform(
            0.0, min(longest, self.manners.backoff_seconds * 2.0 ** (number - 1))
        )
        if asked_seconds is None:
            return pause
        return None if asked_seconds > longest else asked_seconds + pause

    def _attempt(
        self, request: requests.PreparedRequest, options: dict[str, Any], host: str
    ) -> _Attempt:
        limit = self.manners.timeout_seconds
        if options.get("timeout") is None:
            options = {**options, "timeout": (min(_CONNECT_SECONDS, limit), limit)}
        _rewind(request)
        try:
            response = super().send(request, **{**options, "stream": True})
            _read(response, limit)
        except NoAnswerError:
            raise  # of an address that this one leads to, which was tried as often
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            return _Attempt(problem=_in_words(error), unreached=_is_unreached(error))
        if response.status_code not in RETRIED or b"QUERY_STATUS" in response.content[:10_000]:
            return _Attempt(response)
        asked = _retry_after(response)
        if asked is None and self.pause_of is not None:
            asked = self.pause_of(response)
        attempt = _Attempt(response, f"HTTP {response.status_code}", asked)
        if response.status_code in _TOO_MANY and attempt.pause_seconds is not None:
            # whoever else asks this host from here is to wait as well
            held = min(attempt.pause_seconds, self.manners.longest_pause_seconds)
            self._pace.hold(host, held)
        return attempt


def _is_unreached(error: Exception) -> bool:
    """Whether no connection came about at all."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)


def _rewind(request: requests.PreparedRequest) -> None:
    """Make a body that was sent once ready to be sent again."""
    seek = getattr(request.body, "seek", None)
    if seek is not None:
        seek(0)


def _read(response: requests.Response, limit_seconds: float) -> None:
    """Read a body whole and within a time, and leave it to be read from memory.

    Raises
    ------
    requests.Timeout
    urllib3.exceptions.HTTPError
        It was cut, or is no valid compressed one.
    """
    if getattr(response, "_content_consumed", False):
        return
    started, n_bytes = time.monotonic(), 0
    parts = []
    raw = response.raw
    while part := raw.read1(_CHUNK, decode_content=True):
        parts.append(part)
        n_bytes += len(part)
        # long answers may take longer, as long as they come along
        if time.monotonic() - started > limit_seconds + n_bytes / _SLOWEST:
            response.close()
            raise requests.Timeout(f"the answer did not end within {limit_seconds:g} s")
    content = b"".join(parts)
    raw.release_conn()
    response._content = content
    response._content_consumed = True  # type: ignore[attr-defined]
    # pyvo and astroquery read from `raw`
    response.raw = urllib3.HTTPResponse(io.BytesIO(content), preload_content=False)


def _retry_after(response: requests.Response) -> float | None:
    stated = response.headers.get("Retry-After")
    if not stated:
        return None
    try:
        return Retry(retry_after_max=86_400).parse_retry_after(stated)
    except urllib3.exceptions.InvalidHeader:
        return None


def _in_words(error: Exception) -> str:
    """Say what went wrong, without the address that libraries put into their messages."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        text = str(error)
        return text if text.startswith("the answer") else "no answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not valid"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | urllib3.exceptions.ProtocolError):
        return "the connection was cut"
    if isinstance(error, requests.ConnectionError | ConnectionError):
        return "no connection"
    return type(error).__name__
