"""The survey as a whole, worked out by hand on four firms."""

import numpy as np
import pandas as pd
import pytest

import clustereffects.survey as module
from clustereffects.errors import OptionError, SurveyError
from clustereffects.results import TIDY_COLUMNS
from clustereffects.survey import Codebook, Scale, Survey, read_frame, read_responses


@pytest.fixture
def survey(waves, codebook, frame):
    return Survey(waves, codebook=codebook, frame=frame)


def _row(table, **where):
    for name, value in where.items():
        table = table.loc[table[name] == value]
    return table.iloc[0] if len(table) == 1 else pytest.fail(f"{len(table)} rows for {where}")


def test_parts_may_be_read_beforehand(survey, waves, codebook, frame):
    again = Survey(read_responses(waves, codebook), codebook=codebook, frame=read_frame(frame, codebook))
    assert again.fingerprint() == survey.fingerprint()
    assert repr(survey) == "Survey(9 answers, 3 waves, scales growth, control)"
    assert survey.account() == survey.responses.account
    assert survey.codebook is codebook
    assert survey.frame.organisations == ("K01",)


def test_scores(survey):
    scores = survey.scores()
    np.testing.assert_array_equal(scores["growth"], [5.0, 4.0, 3.5, 3.0, 4.5, np.nan, 3.0, 4.0, 2.0])
    np.testing.assert_array_equal(survey.scores("all")["growth"], [5, np.nan, 3.5, np.nan, 4.5, np.nan, 3, 4, 2])
    np.testing.assert_array_equal(scores["control"], [3, 2, np.nan, 3, 3, np.nan, 2, 3, 3])


def test_means_are_means_of_firms_with_a_correction_for_the_register(survey):
    cells = survey.aggregate("organisation").cells
    # 2011: firm 1 has the respondents 5 and 4, firm 2 has 3.5; four firms are in the register.
    found = _row(cells, organisation="K01", scale="growth", wave=2011, term="mean")
    assert (found["mean"], found["estimate"]) == (4.0, 1.0)
    assert found["std_error"] == pytest.approx(np.sqrt((1 - 2 / 4) * 0.5 / 2), rel=1e-12)
    assert (found["firms"], found["respondents"], found["population"], found["asked"]) == (2, 3, 4, 4)
    assert (found["response_rate"], found["df"]) == (0.5, 1)


def test_a_firm_not_asked_is_in_the_population_and_not_in_the_response_rate(survey):
    found = _row(survey.aggregate().cells, organisation="K01", scale="growth", wave=2012, term="mean")
    assert (found["firms"], found["population"], found["asked"]) == (1, 4, 3)
    assert found["response_rate"] == pytest.approx(1 / 3)
    assert found["reason"] == "one answer has no standard error"
    assert np.isnan(found["std_error"])


def test_over_the_waves_a_firm_has_the_mean_of_its_waves(survey):
    found = _row(survey.aggregate().cells, organisation="K01", scale="growth", wave="all", term="mean")
    firm_1, firm_2 = np.mean([4.5, 4.5, 4.0]), 3.5
    assert found["mean"] == pytest.approx((firm_1 + firm_2) / 2)
    assert (found["firms"], found["respondents"], found["population"]) == (2, 5, 4)
    variance = np.var([firm_1, firm_2], ddof=1)
    assert found["std_error"] == pytest.approx(np.sqrt((1 - 2 / 4) * variance / 2), rel=1e-12)


def test_non_members_have_a_row_and_are_subtracted(survey):
    cells = survey.aggregate().cells
    outside = _row(cells, organisation="non-members", scale="growth", wave="all")
    assert outside["mean"] == pytest.approx(np.mean([3.0, 3.0, 2.0]))
    assert outside["method"] == "firm means; no finite-population correction"
    contrast = _row(cells, organisation="K01", scale="growth", wave="all", term="difference")
    member = _row(cells, organisation="K01", scale="growth", wave="all", term="mean")
    assert contrast["estimate"] == pytest.approx(member["mean"] - outside["mean"])
    assert contrast["reason"] == "one answer has no standard error"


def test_tidy_has_the_columns_of_every_tidy_table(survey):
    table = survey.aggregate().tidy(0.9)
    assert list(table.columns) == ["organisation", "scale", "wave", *TIDY_COLUMNS]
    found = _row(table, organisation="K01", scale="growth", wave=2011, term="mean")
    half = 6.313751514675043 * found["std_error"]
    assert found["conf_high"] - found["estimate"] == pytest.approx(half, rel=1e-12)
    assert (found["level"], found["interval"]) == (0.9, "pointwise t")
    assert found["estimand"] == "mean scale score of the member firms minus the neutral answer"
    assert found["method"] == "firm means; finite-population correction for the firms in the register"


def test_aggregate_result_describes_itself(survey):
    found = survey.aggregate()
    assert found.sample.rows_used == 9
    assert found.provenance.options == {"by": "organisation", "rule": "half"}
    assert found.glance()["means"].item() == len(found.cells)
    assert "mean scale score of the member firms minus the neutral answer" in found.estimand
    text = str(found.summary())
    assert "Survey scales, all waves" in text
    assert "non-members, growth: one answer has no standard error" in text


def test_without_a_frame_nothing_is_corrected(waves, codebook):
    survey = Survey(waves, codebook=codebook)
    found = _row(survey.aggregate().cells, organisation="K01", scale="growth", wave=2011, term="mean")
    assert found["std_error"] == pytest.approx(np.sqrt(0.5 / 2), rel=1e-12)
    assert found["method"] == "firm means; no finite-population correction, as there is no frame"
    assert np.isnan([found["population"], found["asked"], found["response_rate"]]).all()
    table = survey.nonresponse()
    assert table[["population", "asked", "unlisted", "response_rate"]].isna().all(axis=None)
    assert table["answered"].tolist() == [2, 2, 1, 5, 1, 1, 1, 3]
    assert [check.verdict for check in survey.checks() if check.name == "response rate"] == ["info"]


def test_nobody_answered_a_scale(waves, codebook, frame):
    silent = pd.read_csv(waves[0], sep=";", encoding="latin-1").assign(g1=99, g2="", c1=98)
    survey = Survey(silent, codebook=codebook, frame=frame)
    cells = survey.aggregate().cells
    assert set(cells["reason"]) == {"nobody answered"}
    assert cells[["estimate", "std_error"]].isna().all(axis=None)
    assert survey.aggregate("programme").tidy()["estimate"].isna().all()
    assert [item.reason for item in survey.as_evidence()] == ["missing"]


def test_programme_is_a_stratified_mean(codebook):
    answers = pd.DataFrame(
        {
            "respondent": list("abcde"),
            "orgnr": range(5561000001, 5561000006),
            "organisation": ["K01", "K01", "K02", "K02", "K02"],
            "wave": 2012,
            "g1": [5, 3, 2, 3, 4],
            "g2": [1, 3, 4, 3, 2],
            "c1": 3,
        }
    )
    frame = pd.DataFrame({"orgnr": range(5561000001, 5561000021), "wave": 2012, "asked": 1})
    frame["organisation"] = np.where(frame["orgnr"].isin([5561000001, 5561000002, 5561000020]), "K01", "K02")
    found = Survey(answers, codebook=codebook, frame=frame).aggregate("programme")
    cell = _row(found.cells, organisation="programme", scale="growth", wave="all")
    assert cell["mean"] == pytest.approx((3 * 4.0 + 17 * 3.0) / 20)
    variance = (3 / 20) ** 2 * (1 - 2 / 3) * 2.0 / 2 + (17 / 20) ** 2 * (1 - 3 / 17) * 1.0 / 3
    assert cell["std_error"] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert (cell["df"], cell["population"]) == (3, 20)


def test_programme_needs_the_frame(waves, codebook):
    with pytest.raises(SurveyError, match=r"the programme cannot be weighted.*give the frame of the survey"):
        Survey(waves, codebook=codebook).aggregate("programme")


def test_nonresponse(survey):
    table = survey.nonresponse()
    assert _row(table, organisation="K01", wave=2011)["response_rate"] == 0.5
    assert _row(table, organisation="K01", wave=2012)[["population", "asked", "answered"]].tolist() == [4, 3, 2]
    assert _row(table, organisation="K01", wave="all")["response_rate"] == pytest.approx(5 / 11)
    assert _row(table, organisation="non-members", wave="all")["response_rate"] == pytest.approx(3 / 6)


def test_firms_outside_the_frame_are_counted(waves, codebook, frame):
    survey = Survey(waves, codebook=codebook, frame=frame.loc[frame["orgnr"] != "5561000002"])
    found = _row(survey.nonresponse(), organisation="K01", wave=2011)
    assert found[["population", "asked", "answered", "unlisted"]].tolist() == [4, 3, 2, 1]
    assert found["response_rate"] == pytest.approx(1 / 3)
    check = next(check for check in survey.checks() if check.name == "answers outside the frame")
    assert (check.verdict, check.statistic) == ("warn", 2.0)


def test_a_member_of_another_wave_is_not_a_non_member(waves, codebook, frame):
    joined = pd.DataFrame({"orgnr": ["5561000009"], "organisation": ["K01"], "wave": [2013], "asked": [0]})
    survey = Survey(waves, codebook=codebook, frame=pd.concat([frame, joined]))
    found = survey.aggregate()
    assert found.sample.counts["non-members left out as members of another wave"] == 1
    assert "difference" not in set(found.cells["term"])


def test_reliability_tables(survey):
    table = survey.reliability(missing="listwise", level=0.9)
    assert table[["scale", "wave"]].values.tolist() == [
        [scale, wave] for scale in ("growth", "control") for wave in (2011, 2012, 2013, "all")
    ]
    pooled = _row(table, scale="growth", wave="all")
    assert (pooled["n"], pooled["complete"], pooled["items"]) == (6, 6, 2)
    assert pooled["convention"] == "respondents who answered all items"
    assert _row(table, scale="control", wave="all")["reason"] == "a scale of one item has no alpha"
    items = survey.reliability("item", respondents="members")
    pooled = _row(items, item="g2", wave="all")
    assert (pooled["reversed"], pooled["n"]) == (True, 4)
    assert pooled["mean"] == pytest.approx(np.mean([5, 4, 4, 4]))
    assert pooled["ceiling"] == 0.25


def test_reliability_of_non_members_only(survey):
    assert _row(survey.reliability(respondents="non-members"), scale="growth", wave="all")["n"] == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.reliability("wave"), "by is 'wave' – survey – expected one of 'scale', 'item'"),
        (lambda s: s.reliability(missing="median"), "missing is 'median'"),
        (lambda s: s.reliability(respondents="firms"), "respondents is 'firms'"),
        (lambda s: s.aggregate("county"), "by is 'county'"),
        (lambda s: s.aggregate(rule="most"), "unknown rule 'most'"),
    ],
)
def test_impossible_options(survey, call, message):
    with pytest.raises(OptionError, match=message):
        call(survey)


def test_parts_that_do_not_fit(waves, codebook, frame):
    frame = frame.assign(organisation=frame["organisation"].replace("K01", "K1"))
    with pytest.raises(SurveyError, match=r"organisation 'K01' answered and is not in the frame.*frame: K1 "):
        Survey(waves, codebook=codebook, frame=frame)
    read = read_responses(waves, codebook)
    other = Codebook(scales=(Scale(name="trust", items=("t1", "g1"), minimum=1, maximum=5),))
    with pytest.raises(SurveyError, match="item 't1' is in none of the files"):
        Survey(read, codebook=other)


def test_an_item_that_no_wave_asked(codebook, waves):
    plain = pd.read_csv(waves[0], sep=";", encoding="latin-1").drop(columns="c1")
    with pytest.raises(SurveyError, match="item 'c1' is in none of the files"):
        Survey(plain, codebook=codebook)


def test_checks(survey):
    found = {check.name: check for check in survey.checks()}
    assert found["response rate"].verdict == "warn"
    assert found["response rate"].message == "fewer than half answered in 1 of 1 organisations: K01"
    assert found["reliability of growth"].statistic == survey.reliability().query("wave == 'all'")["alpha"].iloc[0]
    assert found["negative control control"].verdict == "pass"
    assert "reliability of control" not in found


def test_a_negative_control_that_everybody_affirms_is_a_warning(codebook):
    answers = pd.DataFrame(
        {
            "respondent": range(12),
            "orgnr": range(5561000001, 5561000013),
            "organisation": ["K01"] * 6 + [""] * 6,
            "wave": 2012,
            "g1": [4, 5] * 6,
            "g2": [2, 1] * 6,
            "c1": [5, 4, 5, 5, 5, 4, 3, 2, 3, 4, 3, 3],
        }
    )
    check = next(c for c in Survey(answers, codebook=codebook).checks() if c.name.startswith("negative control"))
    assert (check.verdict, check.statistic) == ("warn", 1.0)
    assert "1 of 1 organisations agree more than non-members" in check.message
    assert check.message.endswith(": K01")


def test_package_exports_what_it_says():
    assert all(hasattr(module, name) for name in module.__all__)
