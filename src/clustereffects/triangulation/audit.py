"""The audit file: inputs with their hashes, options, versions, verdicts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from clustereffects.errors import FileError, Problem
from clustereffects.results import versions
from clustereffects.results.evidence import Evidence
from clustereffects.results.provenance import plain
from clustereffects.triangulation.theory import Theory


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
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def audit_record(
    theory: Theory, options: Mapping[str, object], evidence: Sequence[Evidence], verdicts: pd.DataFrame
) -> dict[str, Any]:
    """Everything an auditor needs to trace the verdicts.

    Parameters
    ----------
    theory : Theory
    options : mapping of str to object
    evidence : sequence of evidence items
    verdicts : DataFrame

    Returns
    -------
    dict
        Plain data; ``inputs`` is the hash of theory, options and evidence together. Items that rest on judgement are
        listed under ``judgements``.

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
    >>> sorted(audit_record(theory, {}, [], pd.DataFrame()))
    ['engine', 'evidence', 'inputs', 'judgements', 'options', 'theory', 'verdicts', 'versions']
    """
    items = [plain(item) for item in evidence]
    given = {"theory": theory.to_dict(), "options": plain(dict(options)), "evidence": items}
    return {
        "inputs": content_hash(given),
        "engine": "adaptive Gauss–Kronrod grid, deterministic, no random numbers",
        "versions": versions(),
        "theory": {"hash": content_hash(given["theory"]), "content": given["theory"]},
        "options": given["options"],
        "evidence": [{"hash": content_hash(item), "content": item} for item in items],
        "judgements": [
            "priors",
            "thresholds",
            "smallest effects of interest",
            "biases of estimates",
            "probabilities of signs under each state",
            "correlation within dependence groups",
        ],
        "verdicts": [
            {str(key): None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
            for row in verdicts.to_dict(orient="records")
        ],
    }


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
        path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(
            Problem(
                what=f"the audit file cannot be written ({error.strerror})",
                where=str(path),
                expected="a folder that exists and can be written to",
                remedy="choose another path",
            )
        ) from error
    return path
