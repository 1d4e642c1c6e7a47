"""Where a result comes from: versions, seed, fingerprint of the data, options."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np

_LIBRARIES = ("clustereffects", "numpy", "pandas", "scipy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Everything that is needed to compute a result again.

    Parameters
    ----------
    versions : mapping of str to str
    seed : int, optional
        Seed of the random numbers, ``None`` if none were drawn.
    fingerprint : str
        Hash of the data that were used.
    options : mapping of str to object
        Options of the estimator.

    Raises
    ------
    TypeError
        If an argument is unknown.

    Examples
    --------
    >>> sorted(Provenance.now(fingerprint="ab", options={"ratio": 5}).versions)
    ['clustereffects', 'numpy', 'pandas', 'python', 'scipy']
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    fingerprint: str = ""
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def now(
        cls, *, fingerprint: str = "", options: Mapping[str, object] | None = None, seed: int | None = None
    ) -> Provenance:
        """Provenance of a result computed now, with the versions of this installation."""
        return cls(versions=versions(), seed=seed, fingerprint=fingerprint, options=dict(options or {}))

    def to_dict(self) -> dict[str, Any]:
        """Provenance as plain data."""
        return {
            "versions": dict(self.versions),
            "seed": self.seed,
            "fingerprint": self.fingerprint,
            "options": {key: plain(value) for key, value in self.options.items()},
        }


def versions(libraries: tuple[str, ...] = _LIBRARIES) -> dict[str, str]:
    """Versions of Python and the libraries that numbers depend on.

    Parameters
    ----------
    libraries : tuple of str

    Returns
    -------
    dict of str to str

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If a library is not installed.

    Examples
    --------
    >>> "numpy" in versions()
    True
    """
    return {"python": platform.python_version(), **{name: _version(name) for name in libraries}}


@cache
def _version(library: str) -> str:
    """Version of an installed library; reading it takes longer than a small estimate."""
    return metadata.version(library)


def options_of(estimator: Any) -> dict[str, object]:
    """Options of a frozen estimator as plain data.

    Parameters
    ----------
    estimator : dataclass instance

    Returns
    -------
    dict of str to object

    Raises
    ------
    TypeError
        If the estimator is not a dataclass.

    Examples
    --------
    >>> from clustereffects.results import Cluster
    >>> options_of(Cluster("county"))
    {'columns': ['county'], 'small_sample': 'none'}
    """
    return {item.name: plain(getattr(estimator, item.name)) for item in fields(estimator)}


def plain(value: object) -> object:
    """Value as JSON data: tuples as lists, sets sorted, dataclasses as dictionaries, anything unknown as its ``repr``.

    JSON has no NaN and no infinity: NaN becomes ``None``, infinities ``"inf"`` and ``"-inf"``.

    Parameters
    ----------
    value : object

    Returns
    -------
    object

    Raises
    ------
    RecursionError
        If the value contains itself.

    Examples
    --------
    >>> plain({"lags": (1, 2), "caliper": float("nan")})
    {'lags': [1, 2], 'caliper': None}
    """
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        value = {"type": type(value).__name__, **{item.name: getattr(value, item.name) for item in fields(value)}}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [plain(item) for item in value]
        return sorted(items, key=repr) if isinstance(value, set | frozenset) else items
    if isinstance(value, float):
        return _number(value)
    return value if value is None or isinstance(value, str | int) else repr(value)


def _number(value: float) -> float | str | None:
    if math.isfinite(value):
        return value
    return None if math.isnan(value) else str(value)
