import dataclasses

import numpy as np
import pytest
from scipy import stats

from clustereffects.results import BiasTerm, Estimate
from clustereffects.triangulation import Prior, Thresholds
from clustereffects.triangulation.borrowed import what_was_borrowed
from clustereffects.triangulation.cell_finding import find_cell
from clustereffects.triangulation.cells import cell_model
from clustereffects.triangulation.comparison.mixtures import update_normal
from clustereffects.triangulation.options import OrganisationPrior
from clustereffects.triangulation.organisation_prior import base_mixture, organisation_priors
from clustereffects.triangulation.sensitivity import scenarios
from clustereffects.triangulation.sorting import CellEvidence, sort_evidence
from triangulation_cases import interviews, theory

CLAIM = theory().claim("growth")


def _items(values, bias=()):
    return [
        Estimate(id="did", claim="growth", group=f"K{i:02d}", stream="economic", value=v, std_error=0.03, bias=bias)
        for i, v in enumerate(values)
    ]


def _models(values, options=None, bias=()):
    cells = sort_evidence(theory(), _items(values, bias))
    priors = organisation_priors(cells, theory(), options or OrganisationPrior())
    return [cell_model(CLAIM, group, cell, priors["growth", group]) for (_, group), cell in cells.items()]


def test_weights_are_those_of_the_mixture_update():
    for model in _models([0.03, 0.05, 0.04, 0.3]):
        found = what_was_borrowed(model)
        after = update_normal(model.prior, float(model.value[0]), 0.03)
        assert found.robust_before == pytest.approx(0.2)
        assert found.robust_after == pytest.approx(after.weight[-2:].sum(), rel=1e-8)


def test_without_borrowing_it_is_the_base_prior():
    model = _models([0.03, 0.05, 0.04])[0]
    alone = dataclasses.replace(model, prior=base_mixture(Prior(sceptical_sd=0.05, wide_sd=0.15)))
    np.testing.assert_allclose(what_was_borrowed(model).alone, scenarios(alone).probability[0], rtol=1e-8)


def test_an_organisation_unlike_the_others_is_seen():
    *others, outlier = (what_was_borrowed(model) for model in _models([0.03, 0.05, 0.04, 0.05, 0.3]))
    assert outlier.robust_after > 0.6
    assert all(one.robust_after < 0.3 for one in others)


def test_diagnostics_take_part_in_the_weights():
    model = _models([0.03, 0.05, 0.04])[0]
    signs = [dataclasses.replace(one, group="K00") for one in interviews()]
    cell = CellEvidence(estimates=tuple(_items([0.03])), diagnostics=tuple(signs))
    heard = cell_model(CLAIM, "K00", cell, model.prior)
    assert what_was_borrowed(heard).robust_after < what_was_borrowed(model).robust_after


def test_nothing_borrowed_or_nothing_held_back():
    assert what_was_borrowed(_models([0.03])[0]) is None
    assert what_was_borrowed(_models([0.03, 0.04], OrganisationPrior(robust_weight=1.0))[0]) is None
    assert what_was_borrowed(_models([0.03, 0.04], OrganisationPrior(robust_weight=0.0))[0]) is None


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_a_cell_with_a_borrowed_prior_is_the_mixture_update(weight):
    """The engine against the closed form of an update by one estimate."""
    term = (BiasTerm(domain="selection", mean=0.01, sd=0.01),)
    options = OrganisationPrior(robust_weight=weight)
    for model in _models([0.03, 0.05, 0.04, 0.2], options, term):
        after = update_normal(model.prior, float(model.value[0]) - 0.01, np.hypot(0.03, 0.01))
        cdf = [after.weight @ stats.norm.cdf(x, after.mean, after.sd) for x in (-0.01, 0.01)]
        found = scenarios(model)
        np.testing.assert_allclose(found.probability[0], np.diff([0, *cdf, 1]), rtol=1e-7)
        assert found.mean[0] == pytest.approx(after.weight @ after.mean, rel=1e-7)


def test_everything_about_a_cell_works_with_a_borrowed_prior():
    cells = sort_evidence(theory(), [*_items([0.05, 0.05, 0.04]), *_signs()])
    priors = organisation_priors(cells, theory(), OrganisationPrior())
    found = find_cell(CLAIM, "K01", cells["growth", "K01"], priors["growth", "K01"], Thresholds())
    assert found.verdict == "probably beneficial"
    assert {one.name if hasattr(one, "name") else one.stream for one in found.left_out} >= {"economic", "interviews"}
    assert found.tips


def _signs():
    return interviews()
