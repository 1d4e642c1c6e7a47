"""Effects: what they refuse, what they say about themselves, and how they become evidence."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.errors import NotStoredError, OptionError
from clustereffects.inference import Membership
from clustereffects.results import BiasTerm, Description, Effects, MultiplierBootstrap
from support.made_effects import CELLS, make

GROUPED = tuple((cohort, time, group) for cohort, time in CELLS for group in ("K1", "K2"))


def _grouped(**parts):
    return make(cells=GROUPED, groups=np.array(["K1", "K2"])[np.arange(60) // 3 % 2], **parts)


def test_aggregation_names_what_it_cannot_do():
    effects = make()
    for by in ("firm", ["event", "firm"], ["overall", "event"], ["event", "event"], []):
        with pytest.raises(OptionError, match=r"aggregation by \[.*expected 'overall', or 'event'"):
            effects.aggregate(by)
    with pytest.raises(OptionError, match="these effects have no group – labels: cohort, time, event_time"):
        effects.aggregate("group")
    with pytest.raises(OptionError, match=r"in the window \(5, 9\) – event times -2 to 1"):
        effects.aggregate("event", window=(5, 9))
    with pytest.raises(OptionError, match=r"in the window \(-2, -1\)"):
        effects.aggregate("cohort", window=(-2, -1))
    with pytest.raises(OptionError, match="effects are aggregated by event already"):
        effects.aggregate("event").aggregate("overall")
    with pytest.raises(OptionError, match="there is no effect to aggregate – no effects at all"):
        effects.select([False] * 6).aggregate("overall")


def test_averages_need_one_label():
    with pytest.raises(OptionError, match="an average of effects by 'cell' – expected effects aggregated by event"):
        make().average()
    with pytest.raises(OptionError, match="an average of effects by 'group × event'"):
        _grouped().aggregate(["group", "event"]).average()


def test_terms_and_labels_of_aggregations():
    effects = _grouped()
    expected = {
        "overall": ["overall"],
        "event": ["event_time[-2]", "event_time[-1]", "event_time[0]", "event_time[1]"],
        "cohort": ["cohort[2004]", "cohort[2006]"],
        "calendar": ["time[2004]", "time[2005]", "time[2006]", "time[2007]"],
        "group": ["group[K1]", "group[K2]"],
    }
    for by, terms in expected.items():
        assert effects.aggregate(by).params.index.tolist() == terms
    both = effects.aggregate(["group", "event"], window=(0, 1))
    assert both.params.index.tolist() == [
        f"group[{group}], event_time[{event}]" for group in ("K1", "K2") for event in (0, 1)
    ]
    assert both.labels.columns.tolist() == ["group", "event_time"]
    assert both.description.aggregation == "group × event"
    assert effects.aggregate(["overall"]).params.index.tolist() == ["overall"]


def test_windows_choose_event_times():
    effects = make([0, 1, 2, 0, 4, 5])
    assert effects.aggregate("overall", window=(0, 0)).params.tolist() == pytest.approx([2.5])
    assert effects.aggregate("event", window=(-1, 0)).labels["event_time"].tolist() == [-1, 0]


def test_unidentified_effects_enter_no_mean_and_are_told():
    values = [0.1, 1.0, np.nan, 0.2, 3.0, np.nan]
    effects = make(values)
    assert effects.aggregate("overall").params.tolist() == pytest.approx([2.0])
    event = effects.aggregate("event")
    assert event.params.isna().tolist() == [False, False, False, True]
    assert event.std_errors.isna().tolist() == [False, False, False, True]
    assert event.treated_units().tolist() == [20, 20, 40, 0]
    assert event.average().params.tolist() == pytest.approx([2.0])
    check = effects.checks()[-1]
    assert check.message == "2 of 6 effects are not identified and left out of aggregations"
    assert effects.glance().loc[0, "not_identified"] == 2


def test_no_effect_at_all_is_missing_not_zero():
    overall = make([np.nan] * 6).aggregate("overall")
    assert overall.params.isna().all()
    assert overall.tidy()[["std_error", "p_value", "conf_low", "conf_high"]].isna().all(axis=None)


def test_reference_periods_have_no_standard_error():
    effects = make()
    psi = effects.influence.copy()
    psi[:, 0] = 0.0
    reference = Effects(
        labels=effects.labels,
        estimate=np.r_[0.0, effects.estimate[1:]],
        description=effects.description,
        sample=effects.sample,
        influence_function=type(effects.influence_function)(psi),
        sampling=effects.sampling,
    )
    assert reference.tidy().loc[0, ["estimate", "std_error", "conf_low"]].isna().tolist() == [False, True, True]
    assert np.isnan(reference.critical_value()).sum() == 0


def test_effects_without_an_influence_function_say_where_it_comes_from():
    effects = make()
    with pytest.raises(NotStoredError, match=r"hold no influence function – store them with influence=True in to_dict"):
        Effects(
            labels=effects.labels, estimate=effects.estimate, description=effects.description, sample=effects.sample
        )


def test_pretrends_need_event_times():
    effects = make()
    assert effects.pretrends().name == "parallel trends before joining"
    with pytest.raises(OptionError, match="no test before joining from effects by 'overall'"):
        effects.aggregate("overall").pretrends()
    assert "parallel trends before joining" in [check.name for check in effects.aggregate("event").checks()]
    assert "parallel trends before joining" not in [check.name for check in effects.aggregate("cohort").checks()]


def test_declared_anticipation_is_not_tested():
    effects = make(description=Description(estimand="ATT", method="m", outcome="y", anticipation=1))
    assert "joint Wald test of 1 effects" in effects.pretrends().message
    assert "joint Wald test of 2 effects" in effects.pretrends(include_anticipation=True).message


def test_evidence_is_one_item_per_organisation_or_one_for_the_programme():
    bias = (BiasTerm(domain="selection", sd=0.1),)
    items = _grouped().aggregate("group").as_evidence(claim="growth", bias=bias, dependence="accounts")
    assert [(item.group, item.claim, item.stream, item.dependence) for item in items] == [
        ("K1", "growth", "economic", "accounts"),
        ("K2", "growth", "economic", "accounts"),
    ]
    assert all(item.bias == bias for item in items)
    overall = make().aggregate("overall")
    (item,) = overall.as_evidence(claim="growth")
    assert (item.group, item.id) == ("programme", "economic:y:programme")
    assert item.value == overall.params["overall"]
    assert item.std_error == overall.std_errors["overall"]
    assert (item.unit, item.provenance.method) == ("", overall.method)
    assert overall.as_evidence(claim="growth", unit="log")[0].unit == "log"
    assert make([np.nan] * 6).aggregate("overall").as_evidence(claim="growth") == ()
    with pytest.raises(OptionError, match="evidence from effects by 'event' – expected one effect for the programme"):
        make().aggregate("event").as_evidence(claim="growth")


def test_evidence_of_few_clusters_is_as_wide_as_its_interval():
    clusters = {"organisation": np.where(np.arange(60) % 3 == 2, np.arange(60), 100 + np.arange(60) // 3 % 4)}
    overall = make(assignment=("organisation",), clusters=clusters).aggregate("overall")
    assert overall.uncertainty.dfs.tolist() == [3.0]
    (item,) = overall.as_evidence(claim="growth")
    assert item.std_error > 1.6 * overall.std_errors["overall"]
    limits = overall.conf_int().loc["overall"].to_numpy()
    np.testing.assert_allclose(item.value + np.array([-1, 1]) * 1.959963984540054 * item.std_error, limits)


def test_selection_keeps_what_is_asked_for():
    event = make().aggregate("event")
    kept = event.select([True, False, True, False])
    assert kept.params.index.tolist() == ["event_time[-2]", "event_time[0]"]
    pd.testing.assert_frame_equal(kept.tidy(), event.tidy().iloc[[0, 2]].reset_index(drop=True))
    assert kept.treated_units().tolist() == [20, 40]
    assert len(event.select([False] * 4).tidy()) == 0


def test_observed_units_are_counted_not_members():
    effects = make()
    there = effects.sampling.membership.to_matrix()
    there[0, 1] = 0.0
    sampling = type(effects.sampling)(
        units=effects.units,
        clusters={},
        membership=effects.sampling.membership,
        observed=Membership.of(there),
    )
    partly = make(sampling=sampling)
    assert partly.treated_units().tolist() == [20, 19, 20, 20, 20, 20]
    assert partly.aggregate("cohort").treated_units().tolist() == [20, 20]
    assert partly.aggregate("calendar").treated_units().tolist() == [19, 20, 20, 20]
    assert partly.select([False, True, False, False, False, False]).treated_units().tolist() == [19]
    pd.testing.assert_frame_equal(partly.aggregate("event").tidy(), effects.aggregate("event").tidy())


def test_one_choice_of_variance_holds_for_all_aggregations():
    effects = make(variance=MultiplierBootstrap(draws=199, rng=2))
    for by in ("overall", "event", "cohort", "calendar"):
        assert "multiplier bootstrap, 199 rademacher draws, seed 2" in effects.aggregate(by).uncertainty.convention


def test_summaries_state_the_convention_and_warn():
    text = str(make([0.1, 1.0, np.nan, 0.2, 3.0, 1.0]).summary(0.9))
    assert "Standard errors: influence function, independent units (60 units)" in text
    assert "90% intervals: pointwise normal." in text
    assert "warn: identified effects: 1 of 6 effects are not identified" in text
    assert "Sample: 60 units" in text


def test_repr():
    assert repr(make()) == "Effects('y', by hand, cell, 6 terms)"


@pytest.mark.parametrize("effects", [make([np.nan] * 6), make().select([False] * 6)], ids=["unidentified", "none"])
def test_results_with_nothing_in_them_still_speak(effects):
    assert effects.tidy(simultaneous=True)["conf_low"].isna().all()
    assert effects.glance().loc[0, "terms"] == len(effects.params)
    assert effects.pretrends().verdict == "info"
    assert all(check.message for check in effects.checks())
    assert "ATT" in str(effects.summary())
    assert "<table" in effects.summary().to_html()
    assert r"\end{table}" in effects.summary().to_latex()
