"""The plan of a study: every file and every choice of the analysis, checked as a whole."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from clustereffects.errors import OptionError, PlanError, Problem
from clustereffects.results.provenance import plain
from clustereffects.study._matching import matching_with
from clustereffects.study._options import read_section
from clustereffects.study._sections import (
    BiasOptions,
    DisclosureOptions,
    EstimatorOptions,
    FileOptions,
    MatchingOptions,
    OutcomeOptions,
    PopulationOptions,
    StudyOptions,
    ThresholdOptions,
    TriangulationOptions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every choice of a study; its content hash is the pre-registration.

    Parameters
    ----------
    folder : Path
        Folder of the plan file, from which file names are taken.
    name : str
        Name of the plan file.
    study, files, outcomes, population, matching, estimator, bias, triangulation, thresholds, disclosure
        Sections of the plan, one frozen object each.

    Raises
    ------
    PlanError
        From ``from_toml``: lists every unknown section or key, wrong type and impossible value at once.

    Examples
    --------
    >>> Plan(folder=Path()).matching.controls
    5
    >>> len(Plan(folder=Path()).hash)
    16
    """

    folder: Path
    name: str = "study.toml"
    study: StudyOptions = field(default_factory=StudyOptions)
    files: FileOptions = field(default_factory=FileOptions)
    outcomes: OutcomeOptions = field(default_factory=OutcomeOptions)
    population: PopulationOptions = field(default_factory=PopulationOptions)
    matching: MatchingOptions = field(default_factory=MatchingOptions)
    estimator: EstimatorOptions = field(default_factory=EstimatorOptions)
    bias: BiasOptions = field(default_factory=BiasOptions)
    triangulation: TriangulationOptions = field(default_factory=TriangulationOptions)
    thresholds: ThresholdOptions = field(default_factory=ThresholdOptions)
    disclosure: DisclosureOptions = field(default_factory=DisclosureOptions)

    @classmethod
    def from_toml(cls, path: str | Path) -> Plan:
        """Read a plan; every problem in one error."""
        plan, problems = cls.read(path)
        if problems:
            raise PlanError(problems)
        return plan

    @classmethod
    def read(cls, path: str | Path) -> tuple[Plan, list[Problem]]:
        """Plan, with defaults in place of what is wrong, and every problem; a file that is no TOML raises."""
        path = Path(path)
        data = _toml(path)
        sections = {item.name: item.default_factory for item in fields(cls) if item.name not in {"folder", "name"}}
        problems = _unknown_sections(data, tuple(sections), path.name)
        read = {}
        for name, kind in sections.items():
            table = data.get(name, {})
            read[name], found = read_section(kind, table, section=name, file=path.name)
            problems += found
        problems += _contradictions(read, path.name)
        return cls(folder=path.resolve().parent, name=path.name, **read), problems

    def path(self, name: str) -> Path:
        """Full path of a file named in the plan."""
        return self.folder / name

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages of the report, the first one first."""
        rest = tuple(language for language in self.study.languages if language != self.study.language)
        return (self.study.language, *rest)

    def to_dict(self) -> dict[str, Any]:
        """Every choice as plain data, without the folder."""
        return {item.name: _section_dict(getattr(self, item.name)) for item in fields(self) if item.name not in _PLACE}

    @property
    def hash(self) -> str:
        """Content hash of all choices: independent of comments, order and layout of the plan file."""
        choices = self.to_dict()
        choices["study"].pop("registered")
        text = json.dumps(choices, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_PLACE = {"folder", "name"}


def _section_dict(section: Any) -> dict[str, Any]:
    return {item.name: plain(getattr(section, item.name)) for item in fields(section)}


def _toml(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise PlanError(
            Problem(
                what="the plan cannot be read",
                where=error.strerror or "",
                expected="a TOML file",
                remedy="check the path, or let `clustereffects init DIR` write one",
                file=path.name,
            )
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(
            Problem(
                what="the plan is not valid TOML",
                where=str(error),
                expected='lines such as: title = "…"',
                remedy="correct that line",
                file=path.name,
            )
        ) from error


def _unknown_sections(data: Mapping[str, Any], known: tuple[str, ...], file: str) -> list[Problem]:
    return [
        Problem(
            what=f"unknown section [{name}]",
            where="",
            expected="one of " + ", ".join(f"[{section}]" for section in known),
            remedy="correct its name or remove it",
            file=file,
        )
        for name in data
        if name not in known
    ]


def _contradictions(read: Mapping[str, Any], file: str) -> list[Problem]:
    study, files, times = read["study"], read["files"], read["estimator"].event_times
    problems = [_contradiction(f"{key} is empty", "at least one name", file) for key in _empty(read)]
    if study.first_year and study.last_year and study.first_year >= study.last_year:
        problems.append(_contradiction("[study] first_year is not before last_year", "first_year < last_year", file))
    if len(times) != 2 or not times[0] < -1 < 0 <= times[1]:
        expected = "two whole numbers, the first at most -2, the second at least 0"
        problems.append(_contradiction(f"[estimator] event_times = {list(times)}", expected, file))
    if files.survey and not files.codebook:
        problems.append(_contradiction("[files] has a survey but no codebook", 'codebook = "…"', file))
    if (files.interviews or files.codings) and not (files.bridge or files.judgements):
        problems.append(_contradiction("[files] has interviews but no bridge to the claims", 'bridge = "…"', file))
    if read["matching"].donor_pool == "other counties" and "county" in read["matching"].exact:
        what = '[matching] exact has "county" while donor_pool = "other counties"'
        problems.append(_contradiction(what, "one of the two", file))
    return problems or _impossible(read, file)


def _impossible(read: Mapping[str, Any], file: str) -> list[Problem]:
    """What the matching cannot do, in its own words."""
    choice = read["matching"]
    window = choice.support_window
    if window and (len(window) != 2 or window[0] > window[1]):
        what = f"[matching] support_window = {list(window)}"
        return [_contradiction(what, "two whole numbers, the first not above the second", file)]
    if window and not read["files"].supports:
        return [_contradiction("[matching] has a support_window but [files] no supports", 'supports = "…"', file)]
    try:
        matching_with(choice, read["estimator"].event_times[1])
    except OptionError as error:
        return [_contradiction(f"[matching] {one.what}", one.expected, file) for one in error.problems]
    return []


def _empty(read: Mapping[str, Any]) -> list[str]:
    """Keys that need a value and have an empty one."""
    files = read["files"]
    named = {name: getattr(files, name) for name in ("accounts", "organisations", "members", "deflator", "theory")}
    lists = {"[outcomes] names": read["outcomes"].names, "[matching] nearest": read["matching"].nearest}
    return [f"[files] {name}" for name, value in named.items() if not value] + [k for k, v in lists.items() if not v]


def _contradiction(what: str, expected: str, file: str) -> Problem:
    return Problem(what=what, where="", expected=expected, remedy="correct the plan", file=file)
