import pickle
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest

from clustereffects.errors import CodingError, ColumnError, OptionError
from clustereffects.interviews import (
    Bridge,
    BridgeRow,
    Codings,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
)


def long(matrix, coder, organisation="K01"):
    """Codings of one coder from a 0/1 matrix interviews × codes, a row without a code where nothing was found."""
    rows = []
    for i, row in enumerate(matrix):
        codes = [f"M{j + 1}" for j in np.flatnonzero(row)] or [""]
        rows += [{"source": f"I{i}", "organisation": organisation, "coder": coder, "code": code} for code in codes]
    return rows


def coded(seed=1, interviews=20, codes=3, error=0.15, coders=("AL", "BK")):
    rng = np.random.default_rng(seed)
    truth = rng.random((interviews, codes)) < 0.4
    views = [truth ^ (rng.random(truth.shape) < error) for _ in coders]
    return views, pd.DataFrame([row for view, name in zip(views, coders, strict=True) for row in long(view, name)])


def check(codings, name, **options):
    return next(item for item in codings.checks(**options) if item.name == name)


def test_any_data_frame_will_do_and_is_left_alone():
    frame = pd.DataFrame({"source": [" I1 "], "code": ["M1"], "coder": [None], "start": ["7"]})
    before = frame.copy()
    first, second = Codings(frame), Codings(pl.from_pandas(frame))
    pd.testing.assert_frame_equal(frame, before)
    for codings in (first, second):
        assert codings.frame.loc[0, ["source", "coder", "code_path"]].tolist() == ["I1", "(unknown)", "M1"]
        assert codings.frame.loc[0, "start"] == 7


def test_codings_do_not_change():
    codings = Codings(pd.DataFrame({"source": ["I1"], "code": ["M1"]}))
    frame, sources = codings.frame, codings.sources
    frame.loc[0, "code"] = "X"
    sources.loc[0, "organisation"] = "X"
    assert codings.frame.loc[0, "code"] == "M1"
    assert codings.sources.loc[0, "organisation"] == ""
    with pytest.raises(AttributeError):
        codings.origin = "x"
    assert pickle.loads(pickle.dumps(codings)).frame.equals(codings.frame)  # noqa: S301


def test_source_and_code_are_needed():
    with pytest.raises(ColumnError, match="columns are missing: code"):
        Codings(pd.DataFrame({"source": ["I1"]}))


def test_repeats_count_once_and_the_account_says_so():
    frame = pd.DataFrame({"source": ["I1"] * 4, "code": ["M1"] * 4, "start": [1, 1, 2, None], "quote": ["a"] * 4})
    codings = Codings(frame)
    assert len(codings.frame) == 3
    assert codings.account.rows_in == 4
    assert sum(codings.account.dropped.values()) == 1


def test_several_respondents_of_one_interview():
    frame = pd.DataFrame({"source": ["I1", "I1"], "code": ["M1", "M2"], "respondent": ["IP1", "IP2"]})
    assert Codings(frame).sources.loc[0, "respondent"] == "IP1 + IP2"


def test_presence_of_either_or_both():
    views, frame = coded()
    codings = Codings(frame)
    np.testing.assert_array_equal(codings.presence().to_numpy(), views[0] | views[1])
    np.testing.assert_array_equal(codings.presence("both").to_numpy(), views[0] & views[1])


@pytest.mark.parametrize(
    ("measure", "direct"), [("alpha", krippendorff_alpha), ("kappa", cohen_kappa), ("ac1", gwet_ac1)]
)
def test_agreement_is_that_of_the_array_functions(measure, direct):
    views, frame = coded()
    table = Codings(frame).agreement(measure, draws=50, rng=1)
    assert list(table["code"]) == ["M1", "M2", "M3", "overall"]
    for j, estimate in enumerate(table["estimate"][:3]):
        assert estimate == pytest.approx(direct(np.column_stack([view[:, j] for view in views])).value)
    stacked = np.column_stack([view.ravel() for view in views])
    last = table.iloc[-1]
    assert last["estimate"] == pytest.approx(direct(stacked).value)
    assert (last["units"], last["coders"], last["level"]) == (60, 2, 0.95)
    assert last["percent_agreement"] == pytest.approx(np.mean(stacked[:, 0] == stacked[:, 1]))
    assert last["prevalence"] == pytest.approx(stacked.mean())
    assert last["conf_low"] < last["estimate"] < last["conf_high"]


def test_agreement_is_seeded():
    codings = Codings(coded()[1])
    pd.testing.assert_frame_equal(codings.agreement(draws=20, rng=3), codings.agreement(draws=20, rng=3))


def test_kappa_of_three_coders_is_fleiss():
    views, frame = coded(coders=("AL", "BK", "CM"))
    table = Codings(frame).agreement("kappa", draws=20, rng=1)
    assert table["estimate"].iloc[0] == pytest.approx(fleiss_kappa(np.column_stack([v[:, 0] for v in views])).value)


def test_only_interviews_that_several_read_count():
    _, frame = coded()
    single = pd.DataFrame([{"source": f"S{i}", "organisation": "K01", "coder": "AL", "code": "M1"} for i in range(9)])
    first = Codings(frame).agreement(draws=20, rng=1)
    second = Codings(pd.concat([frame, single])).agreement(draws=20, rng=1)
    pd.testing.assert_frame_equal(first, second)


def test_agreement_needs_double_coding_and_a_known_measure():
    codings = Codings(pd.DataFrame({"source": ["I1", "I2"], "coder": ["AL", "BK"], "code": ["M1", "M1"]}))
    with pytest.raises(CodingError, match="no interview was read by two coders – 2 interviews"):
        codings.agreement()
    with pytest.raises(OptionError, match="measure is 'omega'"):
        codings.agreement("omega")


def test_a_code_that_nobody_used_has_no_alpha():
    frame = coded()[1]
    table = Codings(frame, codebook=("M1", "M2", "M3", "Z")).agreement(draws=20, rng=1).set_index("code")
    assert np.isnan(table.loc["Z", "estimate"])
    assert table.loc["Z", "undefined_draws"] == 20
    assert table.loc["Z", "percent_agreement"] == 1


def test_silent_coders_become_visible_with_a_list_of_interviews():
    frame = pd.DataFrame({"source": ["I1"], "coder": ["AL"], "code": ["M1"]})
    listed = pd.DataFrame(
        {"source": ["I1", "I2"], "organisation": ["K01", "K02"], "coders": ["AL | BK", "BK"], "role": ["VD", ""]}
    )
    codings = Codings(frame).with_sources(listed)
    assert codings.sources["coders"].tolist() == [("AL", "BK"), ("BK",)]
    assert codings.organisations == ("K01", "K02")
    assert codings.frame.loc[0, ["organisation", "role"]].tolist() == ["K01", "VD"]
    assert codings.agreement("ac1", draws=10, rng=1)["percent_agreement"].iloc[0] == 0
    assert not codings.presence().loc["I2", "M1"]


def test_a_list_of_interviews_must_agree_with_the_codings():
    codings = Codings(pd.DataFrame({"source": ["I1"], "organisation": ["K01"], "code": ["M1"]}))
    with pytest.raises(CodingError, match="'I1' belongs to several organisations – K01, K02"):
        codings.with_sources(pd.DataFrame({"source": ["I1"], "organisation": ["K02"]}))


def both_files():
    project = pd.DataFrame(
        {"source": ["I1", "I1"], "organisation": "K01", "coder": "AL", "code": ["M1", "M2"], "start": [5, 40],
         "quote": ["ny kund", "tog tid"], "respondent": "case 1234", "coded_at": "2013-06-01T12:00:00Z"}
    )  # fmt: skip
    named = pd.DataFrame({"source": ["I1"], "organisation": ["K01"], "respondent": ["case 1234"], "named": [False]})
    table = pd.DataFrame(
        {"source": ["I1", "I1", "I2"], "organisation": "K01", "coder": ["AL", "AL", "BK"], "code": ["M1", "M2", "M1"],
         "start": [5, 42, 7], "quote": ["ny kund", "tog  tid", "order"], "respondent": ["IP1", "IP1", "IP2"]}
    )  # fmt: skip
    return Codings(project, sources=named, codebook=("M1", "M2", "X1"), origin="a"), Codings(table, origin="b")


def test_two_files_with_the_same_codings_count_once():
    project, table = both_files()
    merged = project.merge(table)
    assert len(merged.frame) == 3, "the same place, or the same quote, is the same coding"
    assert dict(merged.account.dropped) == {"the same coding in both": 2}
    assert merged.codebook == ("M1", "M2", "X1")
    assert merged.origin == "a + b"
    assert dict(merged.sources[["source", "respondent"]].to_numpy()) == {"I1": "IP1", "I2": "IP2"}
    assert merged.first_coded == date(2013, 6, 1)
    assert len(table.merge(project).frame) == 3
    assert len(merged.merge(merged).frame) == 3


def test_pseudonyms_are_keyed_and_quotes_go():
    _, table = both_files()
    first = table.pseudonymised("secret")
    assert set(first.sources["respondent"]).isdisjoint({"IP1", "IP2"})
    assert first.sources["respondent"].nunique() == 2
    assert set(first.frame["quote"]) == {""}
    assert set(first.frame["quote_hash"]).isdisjoint(set(table.frame["quote_hash"]))
    assert first.frame["respondent"].tolist() == table.pseudonymised("secret").frame["respondent"].tolist()
    assert first.frame["respondent"].tolist() != table.pseudonymised("other").frame["respondent"].tolist()
    assert table.pseudonymised("secret", quotes=True).frame["quote"].tolist() == table.frame["quote"].tolist()
    with pytest.raises(CodingError, match="the key is empty"):
        table.pseudonymised("")


def test_checks_of_coverage():
    frame = pd.DataFrame(
        {"source": [f"I{i}" for i in range(12)], "coder": "AL", "code": "M1", "organisation": ["", *["K01"] * 11]}
    )
    codings = Codings(frame, sources=pd.DataFrame({"source": ["I99"], "organisation": ["K02"]}))
    assert check(codings, "interviews without an organisation").message.startswith("1: I0; they bear on no")
    assert check(codings, "interviews nobody coded").message.startswith("1: I99")
    assert check(codings, "interviews read by several coders").verdict == "warn"
    assert all(item.name != "coder agreement" for item in codings.checks())


@pytest.mark.parametrize(("error", "verdict"), [(0.0, "pass"), (0.06, "warn"), (0.3, "fail")])
def test_check_of_agreement(error, verdict):
    codings = Codings(coded(seed=2, interviews=60, error=error)[1])
    assert check(codings, "interviews read by several coders").verdict == "pass"
    assert check(codings, "coder agreement").verdict == verdict


def test_checks_of_the_bridge():
    rows = (
        BridgeRow(
            code="M1", claim="g", test="T1", p_benefit=0.6, p_negligible=0.3, p_harm=0.1, registered=date(2013, 1, 1)
        ),
        BridgeRow(
            code="M2", claim="g", test="T2", p_benefit=0.3, p_negligible=0.3, p_harm=0.2, registered=date(2014, 1, 1)
        ),
        BridgeRow(code="Q9", claim="g", test="T3", p_benefit=0.6, p_negligible=0.3, p_harm=0.1),
    )
    bridge, codings = Bridge(rows=rows), Codings(coded()[1])
    options = {"bridge": bridge, "data_from": date(2013, 6, 1)}
    assert check(codings, "codes without a test", **options).message.startswith("1: M3; their")
    assert check(codings, "tests of codes that nobody looked for", **options).message.startswith("1: T3 (Q9)")
    assert check(codings, "tests that cannot tell benefit from its absence", **options).message.startswith("1: T2 (M2)")
    late = check(codings, "tests registered after the data", **options).message
    assert late.startswith("2: T2 (registered after the data (2014-01-01, data from 2013-06-01)), T3 (not registered")
    assert check(codings, "registration verified", **options).verdict == "pass"
    undated = check(codings, "registration verified", bridge=bridge)
    assert (undated.verdict, undated.message) == ("warn", "the codings carry no dates")
    free = codings.unbridged(bridge)
    assert free["code"].tolist() == ["M3"]
    assert free["codings"].iloc[0] == (codings.frame["code"] == "M3").sum()
