"""Checks on a survey: who answered, and whether the scales measure one thing."""

from __future__ import annotations

import pandas as pd

from clustereffects.results import Check
from clustereffects.survey._firms import ALL_WAVES, NON_MEMBERS

_ENOUGH_ANSWERS = 0.5
_RELIABLE = 0.7


def response_checks(table: pd.DataFrame) -> list[Check]:
    """Organisations in which fewer than half of the firms asked answered, and firms that no frame lists."""
    over = table.loc[(table["wave"] == ALL_WAVES) & (table["organisation"] != NON_MEMBERS)].dropna(
        subset=["response_rate"]
    )
    if over.empty:
        return [
            Check(
                name="response rate",
                verdict="info",
                message="there is no frame, so nobody knows how many were asked",
                remedy="keep a list of the firms in the register and of those asked",
            )
        ]
    low = over.loc[over["response_rate"] < _ENOUGH_ANSWERS, "organisation"].tolist()
    unlisted = int(table.loc[table["wave"] == ALL_WAVES, "unlisted"].sum())
    rate = Check(
        name="response rate",
        verdict="warn" if low else "pass",
        statistic=float(over["response_rate"].min()),
        threshold=_ENOUGH_ANSWERS,
        message=f"fewer than half answered in {len(low)} of {len(over)} organisations"
        + (f": {_names(low)}" if low else ""),
        remedy="compare those who answered with the register before reading their means" if low else "",
    )
    if not unlisted:
        return [rate]
    return [
        rate,
        Check(
            name="answers outside the frame",
            verdict="warn",
            statistic=float(unlisted),
            threshold=0.0,
            message=f"{unlisted} firms answered in a wave whose frame does not list them",
            remedy="check their organisation numbers; they are counted as part of the register",
        ),
    ]


def reliability_checks(table: pd.DataFrame) -> list[Check]:
    """Whether alpha over all waves reaches 0.7 (Nunnally's rule for group comparisons)."""
    over = table.loc[(table["wave"] == ALL_WAVES) & table["alpha"].notna()]
    return [
        Check(
            name=f"reliability of {row['scale']}",
            verdict="pass" if row["alpha"] >= _RELIABLE else "warn",
            statistic=float(row["alpha"]),
            threshold=_RELIABLE,
            message=f"alpha {row['alpha']:.2f} ({row['conf_low']:.2f} to {row['conf_high']:.2f})",
            remedy="" if row["alpha"] >= _RELIABLE else "look at the items: reliability(by='item')",
        )
        for _, row in over.iterrows()
    ]


def _names(names: list[str]) -> str:
    return ", ".join(names)
