"""Checks on codings: how well they were read, how far the interviews are covered, and whether the bridge fits."""

from __future__ import annotations

from datetime import date

import pandas as pd

from clustereffects.errors import CodingError
from clustereffects.interviews._evidence import registration
from clustereffects.interviews._reliability import judgements
from clustereffects.interviews.agreement import krippendorff_alpha
from clustereffects.interviews.bridge import Bridge
from clustereffects.results.checks import Check

_ENOUGH_TWICE = 0.1
_RELIABLE, _TENTATIVE = 0.8, 0.667


def unbridged(frame: pd.DataFrame, codebook: tuple[str, ...], bridge: Bridge) -> pd.DataFrame:
    """Codes that the bridge does not mention."""
    codes = [code for code in codebook if code not in bridge.codes]
    parts = [frame[frame["code"] == code] for code in codes]
    return pd.DataFrame(
        {
            "code": pd.Series(codes, dtype=object),
            "codings": pd.Series([len(part) for part in parts], dtype="int64"),
            "interviews": pd.Series([part["source"].nunique() for part in parts], dtype="int64"),
        }
    )


def coverage_checks(frame: pd.DataFrame, sources: pd.DataFrame, codebook: tuple[str, ...]) -> list[Check]:
    """Interviews without an organisation, unread interviews, double coding and its agreement."""
    return [
        _listed(
            "interviews without an organisation",
            list(sources.loc[sources["organisation"] == "", "source"]),
            "they bear on no organisation's claims",
            "name the organisation in the project's variables or with with_sources(...)",
        ),
        _listed(
            "interviews nobody coded",
            list(sources.loc[sources["coders"].map(len) == 0, "source"]),
            "whether a code is absent there is unknown, so they give no evidence",
            "name the coders who read them with with_sources(...)",
        ),
        *_double_coding(frame, sources, codebook),
    ]


def bridge_checks(
    frame: pd.DataFrame, codebook: tuple[str, ...], bridge: Bridge, data_from: date | None
) -> list[Check]:
    """Codes without a test, tests without a code, and tests that the data may have suggested."""
    free = unbridged(frame, codebook, bridge)
    unknown = [f"{row.test} ({row.code})" for row in bridge.rows if row.code not in codebook]
    idle = [f"{row.test} ({row.code})" for row in bridge.rows if row.direction == "neither" and not row.bias_stream]
    late = {row.test: registration(row, data_from) for row in bridge.rows}
    undated = data_from is None
    return [
        _listed(
            "codes without a test",
            list(free["code"]),
            f"their {int(free['codings'].sum())} codings move nothing",
            "register a test, if one was meant",
        ),
        _listed(
            "tests of codes that nobody looked for",
            unknown,
            "they are left out: absence means nothing there",
            "correct the code in the bridge or the codebook",
        ),
        _listed(
            "tests that cannot tell benefit from its absence", idle, "hearing the code changes nothing", "revise them"
        ),
        _listed(
            "tests registered after the data",
            [f"{test} ({note})" for test, (note, after) in late.items() if after],
            "each counts as one observation per organisation",
            "report them apart, or omit them with DiagnosticOptions(late='omit')",
        ),
        Check(
            name="registration verified",
            verdict="warn" if undated else "pass",
            message="the codings carry no dates" if undated else f"data from {data_from}",
            remedy="give DiagnosticOptions(data_from=...)" if undated else "",
        ),
    ]


def _double_coding(frame: pd.DataFrame, sources: pd.DataFrame, codebook: tuple[str, ...]) -> list[Check]:
    judged = judgements(frame, sources, codebook)
    share = float(judged.several.mean())
    coverage = Check(
        name="interviews read by several coders",
        verdict="pass" if share >= _ENOUGH_TWICE else "warn",
        statistic=share,
        threshold=_ENOUGH_TWICE,
        message=f"{int(judged.several.sum())} of {len(sources)} interviews",
        remedy="" if share >= _ENOUGH_TWICE else "have more interviews coded twice, or name silent coders",
    )
    values = judged.values[judged.several].transpose(0, 2, 1)
    try:
        alpha = krippendorff_alpha(values.reshape(-1, values.shape[2])).value
    except CodingError:
        return [coverage]
    if alpha != alpha:  # noqa: PLR0124  (NaN: nothing was coded twice, or nothing varied)
        return [coverage]
    verdict = "pass" if alpha >= _RELIABLE else "warn" if alpha >= _TENTATIVE else "fail"
    remedy = {"pass": "", "warn": "draw tentative conclusions only", "fail": "revise the codebook and code again"}
    agreement = Check(
        name="coder agreement",
        verdict="pass" if verdict == "pass" else "warn" if verdict == "warn" else "fail",
        statistic=alpha,
        threshold=_TENTATIVE,
        message=f"Krippendorff's alpha {alpha:.2f} over interviews × codes",
        remedy=remedy[verdict],
    )
    return [coverage, agreement]


def _listed(name: str, found: list[str], consequence: str, remedy: str) -> Check:
    shown = ", ".join(found[:10]) + (" …" if len(found) > 10 else "")
    return Check(
        name=name,
        verdict="warn" if found else "pass",
        statistic=float(len(found)),
        threshold=0.0,
        message=f"{len(found)}: {shown}; {consequence}" if found else "none",
        remedy=remedy if found else "",
    )
