"""Codings from a table: a CSV, XLSX or Parquet file with one row per coding, in the columns of several programs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pandas as pd

import clustereffects.interviews._frames as _frames
from clustereffects.data.files import read_table
from clustereffects.errors import ColumnError, OptionError, Problem
from clustereffects.interviews.codings import Codings
from clustereffects.results.checks import Check

_CANONICAL = ("source", "organisation", "respondent", "role", "coder", "code", "start", "end", "quote", "coded_at")
_FIRM = ("orgnr", "firm", "organisation number", "organisationsnummer", "företag")

PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "canonical": {name: (name,) for name in _CANONICAL} | {"firm": _FIRM},
        "swedish": {
            "source": ("källa", "intervju"),
            "organisation": ("organisation", "klusterorganisation"),
            "respondent": ("respondent", "intervjuperson"),
            "role": ("roll", "befattning"),
            "firm": ("organisationsnummer", "orgnr", "företag"),
            "coder": ("kodare",),
            "code": ("kod",),
            "start": ("start", "början"),
            "end": ("slut",),
            "quote": ("citat",),
            "coded_at": ("kodad", "datum"),
        },
        "qualcoder": {
            "source": ("filename", "file", "file/case"),
            "organisation": ("filevar_organisation", "casevar_organisation"),
            "respondent": ("case", "casevar_respondent", "filevar_respondent"),
            "role": ("filevar_role", "casevar_role", "filevar_roll", "casevar_roll"),
            "firm": tuple(f"{kind}var_{name}" for name in ("orgnr", "firm") for kind in ("file", "case")),
            "coder": ("coder",),
            "code": ("codename",),
            "quote": ("coded",),
        },
        "maxqda": {
            "source": ("document name", "dokumentname"),
            "organisation": ("document group", "dokumentgruppe"),
            "coder": ("created by", "author", "erstellt von", "autor", "modified by", "bearbeitet von"),
            "code": ("code",),
            "quote": ("segment",),
            "coded_at": ("created", "creation date", "erstellt am", "modified on", "bearbeitet am"),
        },
    }
)
"""Columns of known exports: canonical name → headers that may hold it, in order of preference, in lower case.

QualCoder: the CSV or XLSX of a coding report, with variables. MAXQDA: the table of coded segments; its ``Beginning``
and ``End`` count paragraphs, not characters, and are therefore not used as positions.
"""


def read_codings(path: str | Path, preset: str | Mapping[str, str] | None = None, *, quotes: bool = True) -> Codings:
    r"""Read a table of codings.

    Parameters
    ----------
    path : str or Path
        CSV (any usual encoding and separator), XLSX or Parquet.
    preset : str or mapping, optional
        Name of a preset in ``PRESETS``, or a mapping from canonical names to the headers of the file. By default the
        first preset whose ``source`` and ``code`` the file has.
    quotes : bool
        Keep the quoted text. Without it only a fingerprint of each quote is kept.

    Returns
    -------
    Codings
        A row with a coder and an empty code says that this coder read the interview and found nothing.

    Raises
    ------
    FileError
        If the file cannot be read as a table.
    OptionError
        If there is no such preset.
    ColumnError
        If the columns of source or code are missing.
    CodingError
        If rows name no source, or an interview belongs to several organisations.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "codings.csv"
    ...     _ = path.write_text("källa;organisation;kodare;kod\nI1;K01;AL;M1\nI1;K01;BK;\n", encoding="latin-1")
    ...     codings = read_codings(path)
    >>> codings
    <Codings: 1 codings with 1 codes by 2 coders in 1 interviews, 1 read by several coders>
    """
    table = read_table(path)
    name, columns = _columns(table.frame, preset, table.name)
    frame = pd.DataFrame({canonical: table.frame[header] for canonical, header in columns.items()})
    canonical = _frames.canonical(frame, table.name)
    unreadable = _frames.unreadable_positions(frame, canonical)
    if not quotes:
        canonical = canonical.assign(quote="")
    return Codings(canonical, origin=table.name, reading=_reading(name, columns, unreadable))


def _columns(frame: pd.DataFrame, preset: str | Mapping[str, str] | None, file: str) -> tuple[str, dict[str, str]]:
    headers = {str(header).strip().casefold(): str(header) for header in frame.columns}
    if isinstance(preset, Mapping):
        wanted = {canonical: (header.strip().casefold(),) for canonical, header in preset.items()}
        return "mapping", _required("the given mapping", _found(wanted, headers), headers, file)
    if preset is not None and preset not in PRESETS:
        problem = Problem(
            what=f"there is no preset {preset!r}",
            where="preset",
            expected=", ".join(PRESETS),
            remedy="choose one, or pass a mapping from canonical names to headers",
        )
        raise OptionError(problem)
    for name in PRESETS if preset is None else (preset,):
        found = _found(PRESETS[name], headers)
        if preset is not None or {"source", "code"} <= found.keys():
            return name, _required(f"preset {name!r}", found, headers, file)
    return "", _required("any preset", {}, headers, file)


def _found(wanted: Mapping[str, tuple[str, ...]], headers: Mapping[str, str]) -> dict[str, str]:
    matches = {
        canonical: next((headers[n] for n in names if n in headers), None) for canonical, names in wanted.items()
    }
    return {canonical: header for canonical, header in matches.items() if header is not None}


def _required(what: str, found: dict[str, str], headers: Mapping[str, str], file: str) -> dict[str, str]:
    missing = [name for name in ("source", "code") if name not in found]
    if missing:
        raise ColumnError(
            Problem(
                what=f"{what} finds no column for " + " and ".join(missing),
                where="header has " + ", ".join(headers.values()),
                expected="a column for the interview and one for the code",
                remedy="choose another preset, or pass a mapping from canonical names to headers",
                file=file,
            )
        )
    return found


def _reading(name: str, columns: Mapping[str, str], unreadable: int) -> tuple[Check, ...]:
    return (
        Check(
            name="columns of the table",
            verdict="info",
            message=f"{name}: " + ", ".join(f"{canonical} from {header!r}" for canonical, header in columns.items()),
        ),
        Check(
            name="positions that are not whole numbers",
            verdict="warn" if unreadable else "pass",
            statistic=float(unreadable),
            threshold=0.0,
            message=f"{unreadable} cells: left empty" if unreadable else "none",
            remedy="correct start and end" if unreadable else "",
        ),
    )
