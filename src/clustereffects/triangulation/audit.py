"""The audit file: everything that was handed in with its hashes, versions, verdicts; and the way back from it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from clustereffects.errors import ClusterEffectsError, FileError, Problem
from clustereffects.results import versions
from clustereffects.results.evidence import BiasEvidence, BiasTerm, Diagnostic, Estimate, Silence
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.results.provenance import plain
from clustereffects.triangulation.cell_finding import CellFinding
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.dependence import DependenceGroup
from clustereffects.triangulation.given import Given
from clustereffects.triangulation.options import OrganisationPrior, Prior, Thresholds
from clustereffects.triangulation.overrides import Override
from clustereffects.triangulation.theory import Theory

_KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        Estimate,
        Diagnostic,
        BiasEvidence,
        Silence,
        BiasTerm,
        EvidenceProvenance,
        DependenceGroup,
        Override,
        Prior,
        OrganisationPrior,
        Thresholds,
        ConvergenceRules,
    )
}
_JUDGEMENTS = (
    "prior",
    "thresholds",
    "smallest effects of interest",
    "biases of estimates",
    "probabilities of signs under each state",
    "correlation within dependence groups",
)
_LISTS = ("evidence", "dependence", "overrides")
_OPTIONS = ("prior", "thresholds", "rules")
#: Half of a surrogate pair, which a broken reading of a file leaves in a text, is written as it is.
_ODD_TEXT = "surrogatepass"
_ABOUT = ("engine", "versions", "judgements")
_TOLERANCE = 1e-9


def content_hash(value: object) -> str:
    """Hash of plain data that does not depend on the order of keys.

    Parameters
    ----------
    value : object
        Anything that becomes JSON.

    Returns
    -------
    str
        SHA-256 in hexadecimal.

    Raises
    ------
    TypeError
        If the value cannot become JSON.

    Examples
    --------
    >>> content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", _ODD_TEXT)).hexdigest()


def audit_record(given: Given, cells: Sequence[CellFinding], verdicts: pd.DataFrame) -> dict[str, Any]:
    """Everything an auditor needs to trace the verdicts and to compute them again.

    Parameters
    ----------
    given : Given
    cells : sequence of CellFinding
    verdicts : DataFrame

    Returns
    -------
    dict
        Plain data; ``inputs`` is the hash of everything that was handed in, ``about`` that of engine, versions and kinds
        of judgement. Kinds of input that rest on judgement are
        listed under ``judgements``; ``figures`` holds the unrounded numbers, also of verdicts that are withheld.

    Raises
    ------
    TypeError
        If an option cannot become JSON.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> record = audit_record(Given(theory=theory), [], pd.DataFrame())
    >>> restored(record) == Given(theory=theory)
    True
    """
    options = {name: plain(getattr(given, name)) for name in _OPTIONS}
    content = {"theory": given.theory.to_dict(), "options": options}
    lists = {name: [plain(item) for item in getattr(given, name)] for name in _LISTS}
    hashed = {name: [{"hash": content_hash(item), "content": item} for item in items] for name, items in lists.items()}
    about = {"engine": "deterministic, no random numbers", "versions": versions(), "judgements": list(_JUDGEMENTS)}
    return {
        "inputs": content_hash({**content, **lists}),
        "about": content_hash(about),
        **about,
        **{name: {"hash": content_hash(part), "content": part} for name, part in content.items()},
        **hashed,
        "verdicts": plain(verdicts.to_dict(orient="records")),
        "figures": [_figures(cell) for cell in cells],
    }


def _figures(cell: CellFinding) -> dict[str, Any]:
    now = cell.posterior
    numbers = {"probability": now.probability[0], "bounds": cell.bounds, "mean": now.mean[0], "sd": now.sd[0]}
    return {**cell.key, "verdict": cell.verdict, **{name: plain(number) for name, number in numbers.items()}}


def write_record(record: Mapping[str, Any], path: Path) -> Path:
    """Write a record as JSON in UTF-8.

    Parameters
    ----------
    record : mapping
    path : Path

    Returns
    -------
    Path

    Raises
    ------
    FileError
        If the file cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_record({"a": 1}, Path(folder) / "run.json").name
    'run.json'
    """
    try:
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", errors=_ODD_TEXT)
    except OSError as error:
        what = f"the audit file cannot be written ({error.strerror})"
        expected = "a folder that exists and can be written to"
        raise FileError(_problem(what, str(path), expected, "choose another path")) from error
    return path


def read_record(path: Path) -> dict[str, Any]:
    """Read an audit file and check every hash in it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict

    Raises
    ------
    FileError
        If the file cannot be read or is no audit file, and with every part that does not match its hash.

    Notes
    -----
    A hash shows that a part was changed after it was written. Whoever changes the hash too can only be found out by
    somebody who noted ``inputs`` elsewhere, such as in the report.

    Examples
    --------
    >>> read_record(Path("no such file.json"))
    Traceback (most recent call last):
    ...
    clustereffects.errors.FileError: ...
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8", errors=_ODD_TEXT))
    except (OSError, ValueError) as error:
        what = f"the audit file cannot be read ({error})"
        raise FileError(_problem(what, str(path), "a file written by audit", "check the path")) from error
    known = record if isinstance(record, Mapping) else {}
    missing = sorted({"inputs", "about", "theory", "options", "verdicts", "figures", *_ABOUT, *_LISTS} - set(known))
    if missing:
        raise FileError(_problem("no " + ", ".join(missing), str(path), "a file written by audit", "check the path"))
    remedy = "restore the original file; what was handed in must not be edited here"
    changed = [
        _problem("changed after it was written", where, "content that matches its hash", remedy)
        for where in _altered(record, path)
    ]
    if changed:
        raise FileError(changed)
    return dict(record)


def _altered(record: Mapping[str, Any], path: Path) -> list[str]:
    try:
        return list(_changed(record))
    except (TypeError, LookupError, AttributeError) as error:
        what = f"parts are not laid out as audit writes them ({type(error).__name__}: {error})"
        raise FileError(_problem(what, str(path), "a file written by audit", "restore the original file")) from error


def _changed(record: Mapping[str, Any]) -> Iterator[str]:
    parts = [(name, record[name]) for name in ("theory", "options")]
    parts += [(f"{name}, item {i}", one) for name in _LISTS for i, one in enumerate(record[name], 1)]
    for where, part in parts:
        if content_hash(part["content"]) != part["hash"]:
            yield where
    whole = {name: record[name]["content"] for name in ("theory", "options")}
    whole |= {name: [one["content"] for one in record[name]] for name in _LISTS}
    if content_hash(whole) != record["inputs"]:
        yield "inputs as a whole"
    if content_hash({name: record[name] for name in _ABOUT}) != record["about"]:
        yield ", ".join(_ABOUT)


def restored(record: Mapping[str, Any]) -> Given:
    """What was handed in, from an audit record.

    Parameters
    ----------
    record : mapping

    Returns
    -------
    Given

    Raises
    ------
    FileError
        If a part is not of a kind or layout that this version knows.

    Examples
    --------
    >>> theory = Theory.from_dict({"nodes": {"a": {"kind": "activity"}, "b": {"kind": "outcome"}},
    ...     "links": {"ab": {"from": "a", "to": "b"}}, "rivals": {"boom": {}},
    ...     "claims": {"growth": {"outcome": "y", "scale": "log", "horizon": 3, "delta": 0.01, "rivals": ["boom"],
    ...                           "link": "ab"}}})
    >>> restored(audit_record(Given(theory=theory), [], pd.DataFrame())).prior
    'provisional'
    """
    try:
        parts = {name: _object(record["options"]["content"][name]) for name in _OPTIONS}
        parts |= {name: tuple(_object(one["content"]) for one in record[name]) for name in _LISTS}
        return Given(theory=Theory.from_dict(record["theory"]["content"]), **parts)
    except (LookupError, TypeError, AttributeError, ClusterEffectsError) as error:
        what = f"a part cannot be read by this version ({error})"
        remedy = "use the versions that the file names"
        raise FileError(_problem(what, "audit record", "the layout of this version", remedy)) from error


def _object(value: Any) -> Any:
    """Inverse of ``plain`` for the kinds of objects that are handed in."""
    if isinstance(value, Mapping):
        parts = {key: _object(item) for key, item in value.items()}
        # A claim or scale may be called "type"; its prior is an object, the name of a kind is text.
        return _KINDS[parts.pop("type")](**parts) if isinstance(value.get("type"), str) else parts
    return tuple(_object(item) for item in value) if isinstance(value, list) else value


def differences(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> list[Problem]:
    """Compare the verdicts and figures of two records.

    Parameters
    ----------
    recorded, again : mapping
        As stored, and computed again.

    Returns
    -------
    list of Problem
        One for each difference; numbers may differ by 1e-9.

    Raises
    ------
    KeyError
        If a record has no verdicts.

    Examples
    --------
    >>> one = {"verdicts": [{"claim": "growth", "p_benefit": 0.9}], "figures": []}
    >>> other = {"verdicts": [{"claim": "growth", "p_benefit": 0.8}], "figures": []}
    >>> print(differences(one, other)[0])
    0.9 became 0.8 – verdicts.0.p_benefit – expected the same figure – compare inputs and versions of the two runs
    """
    remedy = "compare inputs and versions of the two runs"
    return [
        _problem(f"{old!r} became {new!r}", where, "the same figure", remedy)
        for name in ("verdicts", "figures")
        for where, old, new in _unequal(recorded[name], again[name], name)
    ]


def _unequal(old: Any, new: Any, where: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _unequal(old.get(key), new.get(key), f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _unequal(one, other, f"{where}.{i}")
    elif isinstance(old, float) and isinstance(new, float):
        if not (abs(old - new) <= _TOLERANCE or (math.isnan(old) and math.isnan(new))):
            yield where, old, new
    elif old != new:
        yield where, old, new


def _problem(what: str, where: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy=remedy)
