"""The shipped data sets: shape, provenance, and numbers published about them."""

from importlib import resources

import numpy as np
import pytest

from clustereffects.datasets import describe, load_jobtraining, load_lalonde, load_mpdta
from clustereffects.datasets.real import DATASETS
from clustereffects.errors import InputError

LOADERS = {"mpdta": load_mpdta, "jobtraining": load_jobtraining, "lalonde": load_lalonde}


@pytest.mark.parametrize("name", LOADERS)
def test_shape_matches_the_description(name: str) -> None:
    frame = LOADERS[name]().drop(columns="first_grant", errors="ignore")
    assert frame.shape == (describe(name).rows, describe(name).columns)


def test_every_file_is_documented_with_its_licence() -> None:
    text = resources.files("clustereffects.datasets").joinpath("files", "README.md").read_text(encoding="utf-8")
    for description in DATASETS:
        assert f"`{description.name}.csv`" in text
        assert description.licence.replace(">=", "≥") in text
    assert set(LOADERS) == {description.name for description in DATASETS}


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"no data set named 'card' .* expected one of mpdta, jobtraining, lalonde"):
        describe("card")


def test_a_loader_returns_a_fresh_frame() -> None:
    first = load_lalonde()
    first["treat"] = 9
    assert set(load_lalonde()["treat"]) == {0, 1}


def test_jobtraining_reproduces_wooldridges_fixed_effects_regression() -> None:
    """Wooldridge, Example 10.5: lscrap on d88, d89, grant, grant_1 with firm effects, 54 firms, 162 rows."""
    frame = load_jobtraining().dropna(subset=["lscrap"])
    assert len(frame) == 162
    columns = ["lscrap", "d88", "d89", "grant", "grant_1"]
    within = frame[columns] - frame.groupby("fcode")[columns].transform("mean")
    values = within.to_numpy()
    coefficients, *_ = np.linalg.lstsq(values[:, 1:], values[:, 0])
    assert coefficients == pytest.approx([-0.080, -0.247, -0.252, -0.422], abs=5e-4)


def test_lalonde_raw_difference_in_earnings() -> None:
    """Dehejia & Wahba (1999), Table 3: treated minus CPS-3 controls, −635 dollars of 1978."""
    means = load_lalonde().groupby("treat")["re78"].mean()
    assert means[1] - means[0] == pytest.approx(-635, abs=0.5)


def test_mpdta_unadjusted_two_by_two() -> None:
    """The R package did: group-time effect of cohort 2004 in 2004 without covariates is −0.0105."""
    wide = load_mpdta().set_index(["countyreal", "year"])["lemp"].unstack()
    cohort = load_mpdta().drop_duplicates("countyreal").set_index("countyreal")["first.treat"]
    growth = wide[2004] - wide[2003]
    assert growth[cohort == 2004].mean() - growth[cohort == 0].mean() == pytest.approx(-0.0105, abs=5e-5)
