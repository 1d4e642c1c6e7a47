"""Reading judgements from a TOML file or from tables."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from clustereffects.errors import ColumnError, EvidenceError, FileError, OptionError, Problem
from clustereffects.triangulation.elicitation.judges import ElicitedTest, Judgement
from clustereffects.triangulation.elicitation.levels import LIKELIHOOD_SCALE, Level, LevelScale

_TEST = {one.name: one for one in fields(ElicitedTest)}
_JUDGEMENT = {one.name: one for one in fields(Judgement)}


def parts_of_toml(path: str | Path) -> tuple[tuple[ElicitedTest, ...], tuple[Judgement, ...], LevelScale, str]:
    r"""Tests, judgements and scale of a file.

    Parameters
    ----------
    path : str or Path
        Tables ``[tests.<id>]`` with the fields of ``ElicitedTest``, each with ``[[tests.<id>.judgements]]``; optionally
        ``[scale]`` with ``source`` and ``levels``, a list of ``[word, low, high]``.

    Returns
    -------
    tuple
        Tests, judgements, scale and name of the file.

    Raises
    ------
    FileError
        If there is no such file.
    EvidenceError
        If it is not TOML, or with all its unknown and missing keys.

    Examples
    --------
    >>> import tempfile
    >>> text = '[tests.T01]\nclaim = "growth"\n[[tests.T01.judgements]]\njudge = "A"\nrival = "boom"\n' \
    ...        'asked_first = "p_negligible"\np_negligible = "unlikely"\np_benefit = "likely"\n'
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "judgements.toml"
    ...     _ = file.write_text(text, encoding="utf-8")
    ...     tests, judgements, scale, name = parts_of_toml(file)
    >>> judgements[0].p_benefit, name
    ('likely', 'judgements.toml')
    """
    path = Path(path)
    data = _load(path)
    problems = [
        _problem(f"unknown table {key!r}", "", "tests, scale") for key in sorted(set(data) - {"tests", "scale"})
    ]
    tests: list[dict[str, Any]] = []
    judgements: list[dict[str, Any]] = []
    for name, table in _table(data.get("tests", {}), "tests", problems).items():
        entry = dict(_table(table, f"tests.{name}", problems))
        judged = entry.pop("judgements", [])
        tests.append({"id": name, **entry})
        judgements += [{"test": name, **_table(one, f"tests.{name}.judgements", problems)} for one in judged]
    scale = _scale(data["scale"], problems) if "scale" in data else LIKELIHOOD_SCALE
    parts = _records(tests, judgements, problems, path.name)
    return *parts, scale, path.name


def parts_of_frames(
    judgements: pd.DataFrame, tests: pd.DataFrame
) -> tuple[tuple[ElicitedTest, ...], tuple[Judgement, ...]]:
    """Tests and judgements of two tables.

    Parameters
    ----------
    judgements, tests : DataFrame
        Columns are the fields of ``Judgement`` and of ``ElicitedTest``; optional ones may be missing or empty. ``roles``
        are separated by ``|``.

    Returns
    -------
    tuple of tuples
        Tests and judgements.

    Raises
    ------
    ColumnError
        If a column is missing or unknown.
    EvidenceError
        If a date is not one.

    Examples
    --------
    >>> tests = pd.DataFrame({"id": ["T01"], "claim": ["growth"], "registered": ["2013-02-15"]})
    >>> judged = pd.DataFrame({"test": ["T01"], "judge": ["A"], "rival": ["boom"], "asked_first": ["p_negligible"],
    ...                        "p_negligible": ["unlikely"], "p_benefit": ["likely"]})
    >>> parts_of_frames(judged, tests)[0][0].registered
    datetime.date(2013, 2, 15)
    """
    wrong = [*_column_problems(tests, _TEST, "tests"), *_column_problems(judgements, _JUDGEMENT, "judgements")]
    if wrong:
        raise ColumnError(wrong)
    return _records(_rows(tests), _rows(judgements), [], "")


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(_problem(f"no judgements can be read ({error})", str(path), "a TOML file")) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvidenceError(_problem(f"not TOML in UTF-8: {error}", path.name, "valid TOML")) from error


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    filled = [{str(k): v for k, v in row.items() if not _empty(v)} for row in frame.to_dict("records")]
    return [{k: v.split("|") if k == "roles" and isinstance(v, str) else v for k, v in row.items()} for row in filled]


def _empty(value: object) -> bool:
    return value is None or value is pd.NA or value != value  # noqa: PLR0124  (NaN and NaT)


def _records(
    tests: Sequence[Mapping[str, Any]], judgements: Sequence[Mapping[str, Any]], problems: list[Problem], name: str
) -> tuple[tuple[ElicitedTest, ...], tuple[Judgement, ...]]:
    entries = [_values(one, _TEST, f"test {one.get('id')!r}", problems) for one in tests]
    judged = [_values(one, _JUDGEMENT, f"judgement on {one.get('test')!r}", problems) for one in judgements]
    if problems:
        raise EvidenceError([_in_file(one, name) for one in problems])
    return tuple(ElicitedTest(**one) for one in entries), tuple(Judgement(**one) for one in judged)


def _values(entry: Mapping[str, Any], known: Mapping[str, Any], where: str, problems: list[Problem]) -> dict[str, Any]:
    problems += [_problem(f"unknown key {key!r}", where, ", ".join(known)) for key in sorted(set(entry) - set(known))]
    required = [key for key, spec in known.items() if spec.default is MISSING]
    problems += [_problem(f"no {key!r}", where, f"a value for {key!r}") for key in required if key not in entry]
    return {key: _value(key, value, where, problems) for key, value in entry.items() if key in known}


def _value(key: str, value: Any, where: str, problems: list[Problem]) -> Any:
    if key == "registered":
        return _date(value, where, problems)
    if key == "roles":
        return tuple(str(one).strip() for one in value)
    return str(value).strip()


def _date(value: Any, where: str, problems: list[Problem]) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date) or value == "":
        return value or None
    try:
        return datetime.fromisoformat(str(value)).date()
    except ValueError:
        problems.append(_problem(f"registered is {value!r}", where, "a date such as 2013-02-15, or nothing"))
        return None


def _scale(table: object, problems: list[Problem]) -> LevelScale:
    entry = _table(table, "scale", problems)
    try:
        levels = [
            Level(word=str(word), low=float(low), high=float(high)) for word, low, high in entry.get("levels", [])
        ]
        return LevelScale(levels=tuple(levels), source=str(entry.get("source", "")))
    except OptionError as error:
        problems += error.problems
    except (TypeError, ValueError):
        problems.append(_problem("levels cannot be read", "scale", "a list of [word, low, high]"))
    return LIKELIHOOD_SCALE


def _table(value: object, where: str, problems: list[Problem]) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(_problem("not a table", where, f"[{where}] with keys"))
    return {}


def _column_problems(frame: pd.DataFrame, known: Mapping[str, Any], where: str) -> list[Problem]:
    columns = [str(column) for column in frame.columns]
    missing = [name for name, spec in known.items() if spec.default is MISSING and name not in columns]
    unknown = [name for name in columns if name not in known]
    found = [_problem("columns are missing: " + ", ".join(missing), where, ", ".join(known))] if missing else []
    return found + ([_problem("unknown columns: " + ", ".join(unknown), where, ", ".join(known))] if unknown else [])


def _problem(what: str, where: str, expected: str) -> Problem:
    return Problem(what=what, where=where, expected=expected, remedy="correct the elicitation")


def _in_file(problem: Problem, file: str) -> Problem:
    return Problem(what=problem.what, where=problem.where, expected=problem.expected, remedy=problem.remedy, file=file)
