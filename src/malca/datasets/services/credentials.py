"""Passwords and tokens of services: from Kedro's credentials or the environment, and never shown."""

from __future__ import annotations

import base64
import html
import json
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

_HIDDEN = "***"
#: Shorter texts are no secrets, and taking them out of messages would garble these.
_SHORTEST = 6
#: What can be repeated as the name of a credential; all else may be one in the wrong place.
_NAME = re.compile(r"[A-Za-z_]{1,20}")


class Secret:
    """A text that is shown to nobody but the service it is for.

    It has no other text than ``***`` and cannot be pickled, so that it gets into no log, record,
    cache or other process by accident.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text; for what is sent to the service only."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return _HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(type(self))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials do not leave the process they were given to")


def secrets_of(given: Mapping[str, Any] | None, variables: Mapping[str, str]) -> dict[str, Secret]:
    """Credentials of a service: what the catalog was given, else the environment's.

    Parameters
    ----------
    given : mapping or None
        From ``conf/local/credentials.yml``.
    variables : mapping
        Environment variable of each credential there may be.

    Raises
    ------
    ValueError
        A credential has a name the service knows none by, or is no text. What was given is not told.
    """
    given = given or {}
    known = f"there are {', '.join(variables) or 'none'}"
    if not isinstance(given, Mapping):
        raise ValueError(f"credentials: each has a name and a colon before it; {known}")
    unknown = sorted({str(name) for name in given} - set(variables))
    if unknown:
        names = [name if _NAME.fullmatch(name) else "such name" for name in unknown]
        raise ValueError(f"credentials: there is no {', '.join(names)}; {known}")
    if wrong := [name for name, text in given.items() if isinstance(text, Mapping | list)]:
        raise ValueError(f"credentials: {', '.join(wrong)} is no text")
    found = {}
    for name, variable in variables.items():
        text = given.get(name)
        text = os.environ.get(variable, "") if text is None else str(text)
        if text.strip():
            found[name] = Secret(text.strip())
    return found


def scrub(text: str, secrets: Iterable[Secret]) -> str:
    """Text without what is secret in it."""
    hidden = [secret.reveal() for secret in secrets]
    ways = {way(word) for word in hidden for way in _WAYS}
    for word in sorted(ways, key=len, reverse=True):
        if len(word) >= _SHORTEST:
            text = text.replace(word, _HIDDEN)
    return text


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


#: As texts are, in addresses and forms, in JSON, on pages, and coded.
_WAYS = (str, quote, quote_plus, _in_json, html.escape, _in_base64)
