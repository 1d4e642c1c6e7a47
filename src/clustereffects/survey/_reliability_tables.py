"""Reliability by scale and wave as tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clustereffects.survey._firms import ALL_WAVES
from clustereffects.survey.codebook import Codebook, Scale
from clustereffects.survey.reliability import Missing, cronbach_alpha
from clustereffects.survey.scores import key_answers

FloatArray = NDArray[np.float64]
_CONVENTIONS = {
    "pairwise": "pairwise covariances; n counts respondents with at least one answer",
    "listwise": "respondents who answered all items",
}


def keyed_answers(frame: pd.DataFrame, scale: Scale) -> FloatArray:
    """Answers to the items of a scale, in its direction."""
    reverse = np.array([item in scale.reversed for item in scale.items])
    return key_answers(frame[list(scale.items)].to_numpy(dtype=np.float64), reverse, scale.minimum, scale.maximum)


def scale_table(frame: pd.DataFrame, codebook: Codebook, *, missing: Missing, level: float) -> pd.DataFrame:
    """Alpha of each scale in each wave and over all of them."""
    rows = []
    for scale, wave, keyed in _cells(frame, codebook):
        found = cronbach_alpha(keyed, missing=missing, level=level)
        rows.append(
            {
                "scale": scale.name,
                "wave": wave,
                "items": len(scale.items),
                "n": found.n,
                "complete": int(np.isfinite(keyed).all(axis=1).sum()),
                "alpha": found.alpha,
                "std_error": found.std_error,
                "conf_low": found.low,
                "conf_high": found.high,
                "level": level,
                "interval": "Feldt",
                "alpha_standardised": found.standardised,
                "mean_correlation": found.mean_correlation,
                "convention": _CONVENTIONS[missing],
                "reason": found.reason,
            }
        )
    return pd.DataFrame(rows)


def item_table(frame: pd.DataFrame, codebook: Codebook, *, missing: Missing) -> pd.DataFrame:
    """What each item contributes to its scale, in each wave and over all of them; reversed items are turned round."""
    parts = []
    for scale, wave, keyed in _cells(frame, codebook):
        found = cronbach_alpha(keyed, missing=missing)
        given = np.isfinite(keyed)
        n = given.sum(axis=0)
        table = pd.DataFrame(keyed, columns=list(scale.items))
        part = pd.DataFrame(
            {
                "scale": scale.name,
                "wave": wave,
                "item": scale.items,
                "reversed": [item in scale.reversed for item in scale.items],
                "n": n,
                "mean": table.mean().to_numpy(),
                "sd": table.std().to_numpy(),
                "floor": _share(keyed == scale.minimum, n),
                "ceiling": _share(keyed == scale.maximum, n),
                "item_rest": found.item_rest,
                "alpha_without": found.dropped,
                "convention": _CONVENTIONS[missing],
            }
        )
        parts.append(part.astype({"wave": object}))
    return pd.concat(parts, ignore_index=True)


def _cells(frame: pd.DataFrame, codebook: Codebook) -> Iterator[tuple[Scale, object, FloatArray]]:
    waves = sorted(set(frame["wave"]))
    for scale in codebook.scales:
        keyed = keyed_answers(frame, scale)
        for wave in waves:
            yield scale, int(wave), keyed[(frame["wave"] == wave).to_numpy(dtype=bool)]
        yield scale, ALL_WAVES, keyed


def _share(hits: NDArray[np.bool_], n: NDArray[np.int64]) -> FloatArray:
    return np.asarray(np.where(n > 0, hits.sum(axis=0) / np.maximum(n, 1), np.nan), dtype=np.float64)
