"""A match as arrays with one entry per pair."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Links:
    treated: np.ndarray
    control: np.ndarray
    weight: np.ndarray
    stratum: np.ndarray
    x_treated: np.ndarray
    x_control: np.ndarray


def links(match):
    of, link = match.sets.links()
    sets = match.sets
    return Links(
        treated=sets.treated[of],
        control=sets.control[link],
        weight=sets.share[link],
        stratum=sets.stratum[sets.treated_set[of]],
        x_treated=match.x_treated[of],
        x_control=match.x_control[link],
    )
