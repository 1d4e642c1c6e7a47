"""Cooke's classical model: how well judges know what they do not know, from seed questions with known answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import gammaincc, xlogy

from clustereffects.errors import OptionError, Problem

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CookeScores:
    """Scores of judges on seed questions.

    Parameters
    ----------
    calibration : array, shape (judges,)
        Probability that a judge whose stated quantiles are right would miss as badly as this one did.
    information : array, shape (judges,)
        Mean concentration of the stated distributions relative to the background, in nats.
    counts : array, shape (judges, bins)
        How many answers fell between which of the judge's quantiles.

    Raises
    ------
    TypeError
        If a part is missing.

    Examples
    --------
    >>> cooke_scores(np.array([[[1.0, 2.0, 3.0]]]), np.array([2.5])).counts.tolist()
    [[0.0, 0.0, 1.0, 0.0]]
    """

    calibration: FloatArray
    information: FloatArray
    counts: FloatArray

    def weights(self, cut: float = 0.0) -> FloatArray:
        """Weights: calibration × information, zero for judges whose calibration is below ``cut``."""
        raw = np.where(self.calibration >= cut, self.calibration * self.information, 0.0)
        if not raw.sum() > 0:
            raise OptionError(_wrong(f"no judge reaches the calibration {cut}", "at least one", "lower the cut"))
        return np.asarray(raw / raw.sum())


def cooke_scores(
    quantiles: npt.ArrayLike,
    answers: npt.ArrayLike,
    *,
    levels: tuple[float, ...] = (0.05, 0.5, 0.95),
    overshoot: float = 0.1,
) -> CookeScores:
    """Calibration and information of judges on seed questions.

    Parameters
    ----------
    quantiles : array_like, shape (judges, questions, levels)
        Strictly rising quantiles stated by each judge; take logarithms first for questions on a logarithmic scale.
    answers : array_like, shape (questions,)
        What is true; an answer on a quantile belongs to the bin below it.
    levels : tuple of float
        Levels of the quantiles.
    overshoot : float
        Share by which the background reaches beyond the smallest and largest number given on a question.

    Returns
    -------
    CookeScores

    Raises
    ------
    OptionError
        If shapes do not fit, quantiles or levels do not rise, or the overshoot is not positive.

    Notes
    -----
    With shares s of the N answers in the B bins and p their probabilities: calibration ``1 − F(2N·I(s, p))``, F the
    distribution function of χ² with B − 1 degrees of freedom and ``I(s, p) = Σ s·ln(s/p)``. Information is the mean over
    questions of ``Σ p·ln(p/r)``, r the bins' shares of a uniform background. The χ² distribution holds for many
    questions; ten are the usual minimum.

    References
    ----------
    Cooke (1991), *Experts in Uncertainty*, chapter 12.

    Examples
    --------
    Two of four answers in each middle bin are as good as four answers can be:

    >>> stated = np.tile([1.0, 2.0, 3.0], (1, 4, 1))
    >>> round(float(cooke_scores(stated, [1.5, 1.7, 2.5, 2.7]).calibration[0]), 3)
    0.839
    """
    stated, true, level = (np.asarray(x, dtype=np.float64) for x in (quantiles, answers, levels))
    _check(stated, true, level, overshoot)
    share = np.diff(np.concatenate([[0.0], level, [1.0]]))
    position = (true[None, :, None] > stated).sum(axis=2)
    counts = (position[:, :, None] == np.arange(share.size)).sum(axis=1).astype(np.float64)
    found = counts / true.size
    distance = xlogy(found, found / share).sum(axis=1)
    return CookeScores(
        calibration=np.asarray(gammaincc((share.size - 1) / 2, true.size * np.maximum(distance, 0.0))),
        information=_information(stated, true, share, overshoot),
        counts=counts,
    )


def _information(stated: FloatArray, true: FloatArray, share: FloatArray, overshoot: float) -> FloatArray:
    low = np.minimum(stated.min(axis=(0, 2)), true)
    high = np.maximum(stated.max(axis=(0, 2)), true)
    width = high - low
    low, high = low - overshoot * width, high + overshoot * width
    ends = [np.broadcast_to(end[None, :, None], (*stated.shape[:2], 1)) for end in (low, high)]
    bins = np.diff(np.concatenate([ends[0], stated, ends[1]], axis=2), axis=2)
    background = bins / (high - low)[None, :, None]
    return np.asarray((share * np.log(share / background)).sum(axis=2).mean(axis=1))


def _check(stated: FloatArray, true: FloatArray, level: FloatArray, overshoot: float) -> None:
    problems = []
    if stated.ndim != 3 or true.ndim != 1 or stated.shape[1:] != (true.size, level.size) or not stated.size:
        shapes = f"quantiles {stated.shape}, answers {true.shape}, {level.size} levels"
        problems.append(_wrong(shapes, "judges × questions × levels", "arrange the arrays so"))
    elif not (np.isfinite(stated).all() and np.isfinite(true).all() and (np.diff(stated, axis=2) > 0).all()):
        problems.append(_wrong("quantiles do not rise or numbers are missing", "rising numbers", "leave the judge out"))
    if not ((np.diff(level) > 0).all() and ((level > 0) & (level < 1)).all()):
        problems.append(_wrong(f"levels {level.tolist()}", "rising levels between 0 and 1", "correct the levels"))
    if not overshoot > 0:
        problems.append(_wrong(f"overshoot {overshoot}", "a number above 0", "use .1"))
    if problems:
        raise OptionError(problems)


def _wrong(what: str, expected: str, remedy: str) -> Problem:
    return Problem(what=what, where="seed questions", expected=expected, remedy=remedy)
