"""Effects of four organisations with a known influence function."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.data.account import SampleAccount
from clustereffects.inference.influence import Influence
from clustereffects.inference.membership import Membership
from clustereffects.results import Description, Effects, Sampling


@pytest.fixture
def table():
    return pd.DataFrame(
        {"group": ["A", "B", "C", "D"], "estimate": [0.02, 0.05, 0.11, 0.03], "std_error": [0.03, 0.03, 0.05, 0.02]}
    )


@pytest.fixture
def make_effects():
    def make(members=(8, 8, 8, 8), variance=None, assignment=(), extra=None):
        """Organisations with so many members and 20 controls; two periods per organisation."""
        rng = np.random.default_rng(11)
        groups = [f"K{i + 1}" for i in range(len(members))]
        organisation = np.concatenate([np.repeat(np.arange(len(members)), members), len(members) + np.arange(20)])
        n, k = len(organisation), 2 * len(members)
        labels = pd.DataFrame(
            {"cohort": 2004, "time": [2004, 2005] * len(members), "event_time": [0, 1] * len(members)}
        )
        labels["group"] = np.repeat(groups, 2)
        labels.index = [f"cell{i}" for i in range(k)]
        own = organisation[:, None] == np.repeat(np.arange(len(members)), 2)
        psi = np.where(own, n / np.maximum(own.sum(axis=0), 1), 0.0) * rng.normal(0, 0.3, (n, k))
        psi = psi - np.where(own, psi.sum(axis=0) / np.maximum(own.sum(axis=0), 1), 0.0)
        psi[-20:] = n / 20 * rng.normal(0, 0.1, (20, 1))
        return Effects(
            labels=labels,
            estimate=rng.normal(0.05, 0.05, k),
            influence_function=Influence(psi),
            sampling=Sampling(
                units=pd.RangeIndex(n),
                clusters={"organisation": organisation, **(extra(n) if extra else {})},
                membership=Membership.of(own.astype(float)),
                assignment=assignment,
            ),
            variance=variance,
            description=Description(estimand="effect on members", method="by hand", outcome="log_sales"),
            sample=SampleAccount(rows_in=n, rows_used=n),
        )

    return make
