"""What reading a REFI-QDA project brought to light, as checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from clustereffects.interviews._refi_xml import Project
from clustereffects.results.checks import Check

_TOLERATED = 0.02


def reading_checks(sources: pd.DataFrame, project: Project, counts: Mapping[str, int]) -> tuple[Check, ...]:
    """Checks on places, line breaks, comments, cases and codings that could not be used."""
    unnamed = list(sources.loc[~sources["named"].astype(bool), "source"])
    repeated = sum(count for count in Counter(source.name for source in project.sources).values() if count > 1)
    return (
        _places(counts),
        _line_breaks(sources),
        _counted("selections without a code", counts["comments"], "comments: they say nothing about a claim", ""),
        _counted(
            "cases without a name",
            len(unnamed),
            "their respondents go by the start of the identifier: " + ", ".join(unnamed[:5]),
            "name the cases, or merge with a table that does",
        ),
        _counted("sources with the same name", repeated, "told apart by their identifiers", ""),
        _counted("codings that mark cases", counts["marks a case, not a theme"], "read as membership of the case", ""),
        _counted(
            "codings with unknown codes", counts["code not in the codebook"], "left out", "export the codebook as well"
        ),
        _counted(
            "codings in elements that are not read",
            counts["elements that are not read"],
            "left out",
            "check the export",
        ),
        _counted(
            "texts not in the archive",
            counts["texts not in the archive"],
            "their quotes could not be recovered",
            "include the sources in the export",
        ),
    )


def _places(counts: Mapping[str, int]) -> Check:
    verified = counts["exact"] + counts["moved"] + counts["mismatch"] + counts["outside"]
    missed = counts["mismatch"] + counts["outside"]
    share = missed / verified if verified else 0.0
    return Check(
        name="quotes where their positions say",
        verdict="warn" if share > _TOLERATED else "pass" if verified else "info",
        statistic=share,
        threshold=_TOLERATED,
        message=(
            f"{counts['exact']} codings exact, {counts['moved']} moved, {missed} elsewhere, "
            f"{counts['unverifiable']} without a stored quote"
        ),
        remedy="compare the listed sources with the program that exported them" if share > _TOLERATED else "",
    )


def _line_breaks(sources: pd.DataFrame) -> Check:
    found = sources.loc[sources["newline"] != "", "newline"].value_counts()
    message = ", ".join(f"{name} in {int(number)} sources" for name, number in sorted(found.items()))
    return Check(name="how line breaks are counted", verdict="info", message=message or "no text was read")


def _counted(name: str, number: int, consequence: str, remedy: str) -> Check:
    return Check(
        name=name,
        verdict="pass" if not number else "warn" if remedy else "info",
        statistic=float(number),
        threshold=0.0,
        message=f"{number}: {consequence}" if number else "none",
        remedy=remedy if number else "",
    )
