"""Truth tables and single conditions across organisations."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.errors import InputError
from clustereffects.results import Silence
from clustereffects.triangulation import Triangulation
from clustereffects.triangulation.comparison import configurations, single_conditions
from clustereffects.triangulation.comparison.set_relations import truth_table
from triangulation_cases import did, theory

VALUES = {"K01": 0.12, "K02": -0.03, "K03": 0.11, "K04": 0.0, "programme": 0.05}
TRAITS = pd.DataFrame(
    {"old": [0.9, 0.2, 0.8, 0.3], "staffed": [0.7, 0.6, 0.1, 0.4]}, index=["K01", "K02", "K03", "K04"]
)  # fmt: skip


@pytest.fixture(scope="module")
def cells():
    items = [did(value=value, bias_sd=0.0, group=name) for name, value in VALUES.items()]
    silent = Silence(claim="growth", group="K05", stream="survey", reason="missing")
    return Triangulation(theory()).fit([*items, silent]).cells


def test_truth_table_has_the_cases_and_agrees_with_the_arrays(cells):
    table = configurations(cells, TRAITS)
    assert table["cases"].tolist() == ["K04", "K02", "K03", "K01"]
    assert table[["old", "staffed"]].to_numpy().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    benefit = [cell.posterior.probability[0, 2] for cell in cells if cell.model.group in TRAITS.index]
    arrays = truth_table(TRAITS.to_numpy(), np.array(benefit))
    np.testing.assert_allclose(table["consistency"], arrays.consistency)
    np.testing.assert_allclose(table["pri"], arrays.pri)
    assert table["outcome"].tolist() == ["0", "0", "1", "1"]


def test_few_cases_make_a_remainder(cells):
    assert set(configurations(cells, TRAITS, least=2)["outcome"]) == {"?"}
    assert set(configurations(cells, TRAITS[["old"]], least=2)["outcome"]) == {"0", "1"}


def test_single_conditions_include_negations(cells):
    table = single_conditions(cells, TRAITS).set_index(["condition", "relation"])
    assert len(table) == 8
    assert table.loc[("old", "sufficient"), "consistency"] > 0.9
    assert table.loc[("~old", "sufficient"), "consistency"] < 0.6
    assert (table["n"] == 4).all()
    assert table.xs("necessary", level="relation")["pri"].isna().all()


def test_missing_organisations_and_uncalibrated_conditions_are_named_at_once(cells):
    wrong = TRAITS.drop(index="K02").assign(old=[3.0, 0.2, 0.4])
    with pytest.raises(InputError, match=r"no conditions for K02[\s\S]*conditions old"):
        configurations(cells, wrong)
    with pytest.raises(InputError, match="several rows"):
        single_conditions(cells, pd.concat([TRAITS, TRAITS]))


def test_nothing_found_gives_an_empty_table():
    assert list(configurations([], TRAITS).columns) == [
        "claim", "old", "staffed", "cases", "n", "consistency", "pri", "outcome",
    ]  # fmt: skip
