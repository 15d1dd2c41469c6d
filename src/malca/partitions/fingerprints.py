"""What a partition is made from, as one line of text: inputs, parameters and code, each a digest."""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import pandas as pd
from pydantic import BaseModel

_ROOT = Path(__file__).parents[1]
_PACKAGE = _ROOT.name
#: No table depends on these; what draws adds the fingerprint of its drawing to its inputs.
_NO_TABLE_DEPENDS_ON = frozenset({"plots", "review"})
_PARTS = ("inputs", "parameters", "code")
#: Threads that parse at one time upset each other before Python 3.11.8 (gh-106905).
_PARSING = Lock()


def fingerprint(*parts: Any) -> str:
    """Fingerprint of ``parts`` and of the package's code.

    Parameter models make up the parameters; frames, fingerprints of other partitions, numbers and
    text the inputs. ``run_partitions`` narrows the code to what a partition's function uses.

    Returns
    -------
    str
        ``inputs:<digest> parameters:<digest> code:<digest>``.
    """
    inputs, parameters = hashlib.sha256(), hashlib.sha256()
    for part in parts:
        if isinstance(part, BaseModel):
            parameters.update(part.model_dump_json().encode() + b"\0")
        elif isinstance(part, pd.DataFrame):
            inputs.update(json.dumps([list(part.columns), [str(t) for t in part.dtypes]]).encode())
            inputs.update(pd.util.hash_pandas_object(part, index=False).to_numpy().tobytes() + b"\0")
        else:
            inputs.update(json.dumps(part, sort_keys=True, default=str).encode() + b"\0")
    digests = inputs.hexdigest(), parameters.hexdigest(), code_fingerprint()
    return " ".join(f"{name}:{digest[:32]}" for name, digest in zip(_PARTS, digests, strict=True))


def with_code(mark: str, code: str) -> str:
    """Fingerprint ``mark`` with another code."""
    return " ".join(
        f"code:{code[:32]}" if part.startswith("code:") else part for part in mark.split(" ")
    )


def what_differs(before: str, now: str) -> tuple[str, ...]:
    """Which of inputs, parameters and code differ between two fingerprints.

    Empty if ``before`` does not tell them apart: a bundle or another version of MALCA made it.
    """
    old, new = _parts(before), _parts(now)
    if set(old) != set(_PARTS):
        return ()
    return tuple(name for name in _PARTS if old[name] != new.get(name))


def _parts(mark: str) -> Mapping[str, str]:
    return dict(part.split(":", 1) for part in mark.split(" ") if ":" in part)


@cache
def code_fingerprint() -> str:
    """SHA-256 of the whole package's source, without figures and the review app."""
    return _digest(path for path in _ROOT.rglob("*.py") if not _is_left_out(path))


def code_of(modules: Iterable[str]) -> str:
    """SHA-256 of the source of modules and of all that these import of MALCA.

    Imports are read from the source, also those within functions, so that nothing that could run
    is missing; what is imported by a computed name would be, and no module that makes tables does
    that. Figures and the review app are left out. Modules of others count with their own source.

    Parameters
    ----------
    modules : iterable of str
        Names of modules, see ``modules_of``.
    """
    found: set[Path] = set()
    todo = [path for name in modules for path in _source(name)]
    while todo:
        path = todo.pop()
        if path not in found and not _is_left_out(path):
            found.add(path)
            todo += _imports(path)
    return _digest(found)


def modules_of(
    function: Callable[..., Any], tasks: Iterable[Mapping[str, Any]], store: object
) -> tuple[str, ...]:
    """Modules that make tables: of a map's function, of the loaders among its tasks, of the store."""
    found = _modules(function) | {type(store).__module__}
    for task in tasks:
        for value in task.values():
            if callable(value):
                found |= _modules(value)
    return tuple(sorted(found))


def own_modules(modules: Iterable[str]) -> tuple[str, ...]:
    """Those that are MALCA's, and so are to be the same on every machine that works for a run."""
    return tuple(name for name in modules if name.split(".")[0] == _PACKAGE)


def _modules(function: Any) -> set[str]:
    if isinstance(function, partial):
        inner = [function.func, *function.args, *function.keywords.values()]
        return set().union(*(_modules(each) for each in inner if callable(each)))
    return {getattr(function, "__module__", None) or type(function).__module__}


def _source(module: str) -> list[Path]:
    """Source files of a module; all of MALCA for one that has none (a session of Python)."""
    path = _in_package(module)
    if path is None:
        known = getattr(sys.modules.get(module), "__file__", None)
        path = Path(known) if known and known.endswith(".py") else None
    return [path] if path is not None else sorted(_ROOT.rglob("*.py"))


def _in_package(module: str) -> Path | None:
    first, *rest = module.split(".")
    if first != _PACKAGE:
        return None
    path = _ROOT.joinpath(*rest)
    for candidate in (path.with_suffix(".py") if rest else path, path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Files of this package that a source file imports anywhere in it."""
    names: set[str] = set()
    with _PARSING:
        tree = ast.parse(path.read_bytes(), path)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level and path.is_relative_to(_ROOT):
                folder = path.parents[node.level - 1].relative_to(_ROOT.parent)
                base = ".".join([*folder.parts, base]).rstrip(".")
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    files = (_in_package(name) for name in sorted(names))
    return tuple(file for file in files if file is not None)


def _is_left_out(path: Path) -> bool:
    return path.is_relative_to(_ROOT) and path.relative_to(_ROOT).parts[0] in _NO_TABLE_DEPENDS_ON


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(_ROOT) if path.is_relative_to(_ROOT) else path.name
        digest.update(f"{name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
