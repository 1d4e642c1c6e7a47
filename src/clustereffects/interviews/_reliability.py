"""Who found what where, as arrays, and the tables of agreement and unreliability made from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from clustereffects.interviews._private import coding_error, option_error
from clustereffects.interviews.agreement import krippendorff_alpha
from clustereffects.interviews.agreement_intervals import AgreementInterval, Coefficient, bootstrap_agreement
from clustereffects.interviews.probative import chance_weight, shrunken_alpha

if TYPE_CHECKING:
    from clustereffects.interviews.probative import DiagnosticOptions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Judged:
    """Judgements as numbers: 1 used the code, 0 did not, NaN did not read the interview."""

    codes: tuple[str, ...]
    coders: tuple[str, ...]
    values: Floats  # (interviews, coders, codes)

    @property
    def several(self) -> npt.NDArray[np.bool_]:
        """Interviews that at least two coders read."""
        return np.asarray((~np.isnan(self.values)).any(axis=2).sum(axis=1) >= 2)


def judgements(frame: pd.DataFrame, sources: pd.DataFrame, codes: tuple[str, ...]) -> Judged:
    """Judgements of every coder on every interview that this coder read."""
    coders = tuple(sorted(set().union(*sources["coders"])))
    values = np.full((len(sources), len(coders), len(codes)), np.nan)
    for row, names in enumerate(sources["coders"]):
        values[row, [coders.index(name) for name in names], :] = 0.0
    where = [
        pd.Index(labels).get_indexer(pd.Index(frame[column]))
        for labels, column in ((sources["source"], "source"), (coders, "coder"), (codes, "code"))
    ]
    values[where[0], where[1], where[2]] = 1.0
    return Judged(codes, coders, values)


def votes(frame: pd.DataFrame, sources: pd.DataFrame, codes: tuple[str, ...]) -> tuple[Ints, Ints]:
    """How many coders found each code in each interview, and how many read the interview."""
    values = judgements(frame, sources, codes).values
    found = np.nansum(values, axis=1).astype(np.int64)
    return found, np.asarray(sources["coders"].map(len), dtype=np.int64)


def agreement_table(
    judged: Judged,
    measure: Literal["alpha", "kappa", "ac1"],
    *,
    level: float,
    draws: int,
    rng: int | np.random.Generator | None,
) -> pd.DataFrame:
    """Agreement per code and overall, over the interviews that several coders read."""
    if measure not in {"alpha", "kappa", "ac1"}:
        raise option_error("measure", measure, "alpha, kappa or ac1")
    values = _common(judged)
    interviews, coders, codes = values.shape
    generator = np.random.default_rng(rng)
    rows = []
    for name, ratings in [(code, values[:, :, i]) for i, code in enumerate(judged.codes)]:
        interval = bootstrap_agreement(ratings, _named(measure, ratings), level=level, draws=draws, rng=generator)
        rows.append(_agreement_row(name, measure, ratings, interval))
    stacked = values.transpose(0, 2, 1).reshape(interviews * codes, coders)
    blocks = np.repeat(np.arange(interviews), codes)
    coefficient = _named(measure, stacked)
    interval = bootstrap_agreement(stacked, coefficient, blocks=blocks, level=level, draws=draws, rng=generator)
    return pd.DataFrame([*rows, _agreement_row("overall", measure, stacked, interval)])


def unreliability_table(judged: Judged, options: DiagnosticOptions) -> pd.DataFrame:
    """Unreliability ε and noise q of one report, per code."""
    several = judged.several
    common = judged.values[several]
    alphas = np.array([_alpha(common[:, :, i]) for i in range(len(judged.codes))])
    noise = [_share(judged.values[:, :, i]) for i in range(len(judged.codes))]
    shrunken = shrunken_alpha(alphas, np.array([_weight(common[:, :, i]) for i in range(len(judged.codes))]), options)
    epsilon = chance_weight(shrunken, options)
    return pd.DataFrame(
        {
            "code": list(judged.codes),
            "interviews": int(several.sum()),
            "alpha": alphas,
            "shrunken_alpha": shrunken,
            "unreliability": epsilon,
            "noise": noise,
            "basis": "double coding" if several.any() else "assumed: no interview was read by two coders",
        }
    )


def _alpha(ratings: Floats) -> float:
    return krippendorff_alpha(ratings).value if len(ratings) else np.nan


def _weight(ratings: Floats) -> float:
    """Interviews times chance disagreement: how much a code's own coefficient can be trusted."""
    return len(ratings) * (1 - krippendorff_alpha(ratings).expected) if len(ratings) else 0.0


def _share(ratings: Floats) -> float:
    """Share of reports that use the code, with half a report added on each side so that it is never 0 or 1."""
    return float((np.nansum(ratings) + 0.5) / (np.isfinite(ratings).sum() + 1))


def _common(judged: Judged) -> Floats:
    several = judged.several
    if not several.any():
        raise coding_error(
            "no interview was read by two coders",
            "a common subset that two coders read independently",
            "have a tenth of the interviews coded twice; name coders who found nothing with with_sources(...)",
            where=f"{len(several)} interviews",
        )
    values = judged.values[several]
    return np.asarray(values[:, np.isfinite(values).any(axis=(0, 2)), :])


def _named(measure: Literal["alpha", "kappa", "ac1"], ratings: Floats) -> Coefficient:
    if measure != "kappa":
        return measure
    return "kappa" if ratings.shape[1] == 2 else "fleiss"


def _agreement_row(name: str, measure: str, ratings: Floats, interval: AgreementInterval) -> dict[str, object]:
    used, read = np.nansum(ratings, axis=1), np.isfinite(ratings).sum(axis=1)
    agreeing = (used * (used - 1) + (read - used) * (read - used - 1)) / (read * (read - 1))
    return {
        "code": name,
        "measure": measure,
        "estimate": interval.estimate,
        "std_error": interval.std_error,
        "conf_low": interval.low,
        "conf_high": interval.high,
        "level": interval.level,
        "interval": "percentile bootstrap over interviews",
        "units": len(ratings),
        "coders": ratings.shape[1],
        "percent_agreement": float(agreeing.mean()),
        "prevalence": float(np.nanmean(ratings)),
        "undefined_draws": interval.undefined,
    }
