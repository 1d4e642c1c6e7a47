import math

import numpy as np
import pytest

from clustereffects.errors import EvidenceError
from clustereffects.results import BiasEvidence, BiasTerm, Diagnostic, Estimate, EvidenceProvenance, Silence

ABOUT = {"claim": "growth", "group": "K01"}
BIAS = {"id": "B1", "stream": "interviews", "target_stream": "economic", **ABOUT}


def test_every_item_can_say_where_it_comes_from():
    origin = EvidenceProvenance(source_hash="ab", coder="AL", pre_registered=True)
    chances = {"p_benefit": 0.9, "p_negligible": 0.5, "p_harm": 0.5}
    items = [
        Estimate(id="a", stream="economic", value=0.1, std_error=0.1, provenance=origin, **ABOUT),
        Diagnostic(id="b", stream="interviews", observed=True, provenance=origin, **chances, **ABOUT),
        BiasEvidence(provenance=origin, **BIAS),
        Silence(stream="survey", reason="not_asked", provenance=origin, **ABOUT),
    ]
    assert {item.provenance for item in items} == {origin}


@pytest.mark.parametrize(
    ("ratio", "prior"), [(0.0, 0.5), (0.2, 0.5), (4.0, 0.3), (math.inf, 0.3), (5.0, 0.0), (5.0, 1.0)]
)
def test_bias_evidence_from_a_ratio_has_the_moments_of_the_mixture(ratio, prior):
    item = BiasEvidence.from_ratio(ratio, prior=prior, shift=0.04, sd=0.02, **BIAS)
    share = 1.0 if math.isinf(ratio) else prior * ratio / (prior * ratio + 1 - prior)
    rng = np.random.default_rng(3)
    draws = np.where(rng.random(400_000) < share, rng.normal(0.04, 0.02, 400_000), 0.0)
    assert item.shift == pytest.approx(share * 0.04)
    assert item.sd == pytest.approx(math.sqrt(share * 0.02**2 + share * (1 - share) * 0.04**2))
    assert (item.shift, item.sd) == pytest.approx((draws.mean(), draws.std()), abs=2e-4)


@pytest.mark.parametrize(("changes", "message"), [
    ({"ratio": -1.0}, "likelihood ratio -1.0"),
    ({"ratio": math.nan}, "likelihood ratio nan"),
    ({"ratio": 1.0, "prior": 1.2}, "prior of bias evidence 'B1' is 1.2"),
    ({"ratio": 1.0, "sd": -0.1}, "has sd -0.1"),
    ({"ratio": "3"}, "likelihood ratio '3'"),
    ({"ratio": 1.0, "shift": None}, "has the shift None"),
])  # fmt: skip
def test_impossible_ratios(changes, message):
    with pytest.raises(EvidenceError, match=message):
        BiasEvidence.from_ratio(**(BIAS | changes))


def test_a_search_may_find_what_is_not_there():
    found = Silence(stream="documents", reason="searched_not_found", p_detect=0.8, p_false=0.3, **ABOUT)
    assert found.p_false == 0.3
    with pytest.raises(EvidenceError, match=r"p_false is 0\.9"):
        Silence(stream="documents", reason="searched_not_found", p_detect=0.8, p_false=0.9, **ABOUT)


@pytest.mark.parametrize("rho", [(0.5, 0.2), (-0.1, 0.5), 1.5])
def test_the_correlation_of_an_estimate_may_be_a_range(rho):
    item = {"id": "a", "stream": "economic", "value": 0.1, "std_error": 0.1, **ABOUT}
    assert Estimate(rho=(0.2, 0.5), **item).rho == (0.2, 0.5)
    with pytest.raises(EvidenceError, match="rho of estimate 'a'"):
        Estimate(rho=rho, **item)


_MAKE = {
    "estimate": lambda **changes: Estimate(
        **({"id": "a", "stream": "economic", "value": 0.1, "std_error": 0.1, **ABOUT} | changes)
    ),
    "diagnostic": lambda **changes: Diagnostic(
        **({"id": "a", "stream": "interviews", "observed": True, **ABOUT} | dict.fromkeys(_CHANCES, 0.5) | changes)
    ),
    "silence": lambda **changes: Silence(**({"stream": "survey", "reason": "missing", **ABOUT} | changes)),
    "bias evidence": lambda **changes: BiasEvidence(**(BIAS | changes)),
    "bias": lambda **changes: BiasTerm(**({"domain": "selection"} | changes)),
}
_CHANCES = ("p_benefit", "p_negligible", "p_harm")


@pytest.mark.parametrize(("kind", "changes"), [
    ("estimate", {"value": "0.05"}), ("estimate", {"value": None}), ("estimate", {"value": 10**400}),
    ("estimate", {"std_error": "0.1"}), ("estimate", {"rho": "x"}), ("estimate", {"rho": (0.1,)}),
    ("estimate", {"bias": BiasTerm(domain="selection")}), ("estimate", {"bias": ("selection",)}),
    ("estimate", {"group": 5}), ("estimate", {"group": None}), ("estimate", {"claim": np.int64(4)}),
    ("estimate", {"id": 5}), ("estimate", {"group": ["K01"]}), ("estimate", {"respondents": "abc"}),
    ("estimate", {"stream": ["economic"]}), ("diagnostic", {"respondents": "abc"}), ("diagnostic", {"group": 5}),
    ("diagnostic", {"p_benefit": "0.5"}), ("diagnostic", {"p_benefit": (0.1, 0.2, 0.3)}),
    ("diagnostic", {"p_benefit": None}), ("diagnostic", {"unreliability": (0.1, 0.2)}), ("diagnostic", {"noise": None}),
    ("diagnostic", {"target": None}), ("silence", {"p_detect": "0.5"}), ("silence", {"p_false": (0.1, 0.2)}),
    ("silence", {"claim": 5}), ("bias evidence", {"shift": "0"}), ("bias evidence", {"sd": None}),
    ("bias evidence", {"group": 5}), ("bias", {"mean": "0"}), ("bias", {"sd": None}), ("bias", {"mean_range": (0.1,)}),
    ("bias", {"mean_range": ("a", "b")}), ("bias", {"mean_range": 0.1}), ("bias", {"shared": 1}),
])  # fmt: skip
def test_what_is_of_the_wrong_type_is_refused_by_name(kind, changes):
    _MAKE[kind]()
    with pytest.raises(EvidenceError, match="correct the item"):
        _MAKE[kind](**changes)


def test_a_range_may_be_a_list():
    assert _MAKE["diagnostic"](p_benefit=[0.4, 0.6]) == _MAKE["diagnostic"](p_benefit=(0.4, 0.6))
    assert _MAKE["estimate"](rho=[0.4, 0.6], respondents=["P-1"]).respondents == ("P-1",)
    assert _MAKE["bias"](mean_range=[0.0, 0.1]).mean_range == (0.0, 0.1)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("unreliability", (0.1, 0.2), "one probability within 0–1"),
        ("noise", (0.1, 0.2), "one probability within 0–1"),
        ("noise", "often", "one probability within 0–1"),
        ("p_benefit", (0.1, 0.2, 0.3), "a range lower–upper"),
        ("p_harm", "seldom", "a probability, or a range"),
        ("rho", (0.5, 0.2), "a range lower–upper"),
    ],
)
def test_what_is_no_probability_is_refused_by_name(name, value, expected):
    given = {"p_benefit": 0.9, "p_negligible": 0.5, "p_harm": 0.5} | {name: value}
    with pytest.raises(EvidenceError) as caught:
        Diagnostic(id="b", stream="interviews", observed=True, **given, **ABOUT)
    assert f"{name} of diagnostic 'b' is {value}" in str(caught.value)
    assert expected in str(caught.value)


def test_chances_of_a_silence_are_no_ranges():
    with pytest.raises(EvidenceError, match="p_detect is"):
        Silence(stream="survey", reason="searched_not_found", p_detect=(0.1, 0.2), **ABOUT)
