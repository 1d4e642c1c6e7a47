"""Studies that lack a perspective or a file: the report leaves out what there is not, and says who is silent and why."""

import json
import re

import pandas as pd
import pytest

from clustereffects.results import Silence
from clustereffects.study import Study
from support.regions import edit, leave_out

SURVEY = ("survey", "survey_frame", "codebook")
INTERVIEWS = ("interviews", "codings", "bridge")
STREAMS = {"survey": SURVEY, "interviews": INTERVIEWS}


def run_without(region, *keys):
    plan = region / "study.toml"
    leave_out(plan, *keys)
    edit(plan, 'names = ["value_added", "employees"]', 'names = ["value_added"]')
    edit(plan, 'language = "sv"', 'language = "en"')
    report = Study.from_toml(plan).run(progress=False)
    out = report.save(region.parent / "out")
    page = (out / "report.html").read_text(encoding="utf-8")
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return report, out, re.findall(r'<section id="(\w+)">', page), results


def silences(report, stream):
    return [item for item in report.results.evidence if isinstance(item, Silence) and item.stream == stream]


def checks_called(results, name):
    return [check["message"] for check in results["checks"] if check["name"] == name]


@pytest.mark.parametrize("absent", [("interviews",), pytest.param(("survey",), marks=pytest.mark.slow)])
def test_a_study_without_a_perspective(region, absent):
    keys = [key for stream in absent for key in STREAMS[stream]]
    report, out, sections, results = run_without(region, *keys)
    present = set(STREAMS) - set(absent)
    assert set(STREAMS) & set(sections) == present
    tables = {path.stem for path in (out / "tables").iterdir()}
    assert ("survey" in tables) == ("survey" in present)
    assert {"effects", "verdicts", "balance", "diagnostics", "intake"} <= tables
    theory = report.results.inputs.theory
    for stream in absent:
        found = silences(report, stream)
        assert {(item.claim, item.group) for item in found} == {
            (claim.id, group) for claim in theory.claims for group in ("K01", "K02", "K03", "K04", "K05", "programme")
        }
        (message,) = checks_called(results, f"silences: {stream}")
        assert message.startswith("it is not part of the study; nothing is said on value_added_growth (not")
    diagnostics = pd.read_csv(out / "tables" / "diagnostics.csv")
    assert set(diagnostics["stream"]) == present
    assert {"claim", "group", "test", "observed", "reports", "p_benefit"} <= set(diagnostics.columns)


def test_a_study_of_the_firms_alone(region):
    (region / "truth.json").unlink()
    report, out, sections, results = run_without(region, *SURVEY, *INTERVIEWS, "supports", "industry_key")
    joined = ["triangulation", "theory", "robustness", "credibility"]
    assert sections == ["answer", "organisations", "time", "comparison", *joined, "checks", "data", "method"]
    assert {path.stem for path in (out / "tables").iterdir()} >= {"effects", "verdicts", "balance", "intake"}
    assert not (out / "tables" / "survey.csv").exists()
    assert all(len(silences(report, stream)) == 36 for stream in STREAMS)
    assert report.content.truth == {}
    assert report.results.inputs.supports is None
    believed = results["tables"]["believed"]
    assert "truth" not in {row["way"] for row in believed}
    assert {"matched_did", "group_time_did", "two_way_fixed_effects"} <= {row["way"] for row in believed}
    (message,) = checks_called(results, "industries before 2008")
    assert re.match(r"the study has no industry key: \d+ codes were translated by what their firms", message)
    assert report.results.firms.match.pairs()["treated"].nunique() > 80


def test_a_claim_on_what_the_study_does_not_measure_is_a_silence(plain):
    outcomes = {claim.id: claim.outcome for claim in plain.report.results.inputs.theory.claims}
    silent = {item.claim for item in silences(plain.report, "economic") if item.reason == "not_measured"}
    assert silent >= {claim for claim, outcome in outcomes.items() if outcome not in {"value_added", "employees"}}
    assert "turnover_growth" in silent


@pytest.mark.parametrize("text", ["[]", "not json", '{"programme": 1}', '{"programme": {"att": {"evaluable": []}}}'])
def test_somebody_elses_truth_is_nobodys(pristine, tmp_path, text):
    from clustereffects.study import Plan
    from clustereffects.study.study import _truth

    (tmp_path / "truth.json").write_text(text, encoding="utf-8")
    assert _truth(Plan(folder=tmp_path)) == {}
    assert set(_truth(Plan(folder=pristine))) == {"log_value_added", "log_employees", "log_net_turnover"}
