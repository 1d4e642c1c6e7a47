import dataclasses
import json

import pytest

from clustereffects.errors import EstimationError, FileError
from clustereffects.results import BiasEvidence, Silence
from clustereffects.results.evidence_provenance import EvidenceProvenance
from clustereffects.triangulation import Findings, Prior, Theory, Thresholds, Triangulation
from clustereffects.triangulation.audit import content_hash, differences, read_record, restored
from clustereffects.triangulation.convergence import ConvergenceRules
from clustereffects.triangulation.dependence import DependenceGroup
from clustereffects.triangulation.options import OrganisationPrior
from clustereffects.triangulation.overrides import Override
from triangulation_cases import KEY, did, interviews, sign, survey, theory


def _everything():
    evidence = [
        did(bias_range=(-0.02, 0.02), provenance=EvidenceProvenance(source_hash="ab", pre_registered=True)),
        survey(respondents=("P-1", "P-2")),
        *interviews(),
        sign("late", (0.6, 0.4, 0.3), respondents=("P-2",), rho=(0.2, 0.8), dependence="late"),
        sign("boom", (0.2, 0.5, 0.5), target="rival:boom"),
        did(0.01, 0.02, group="K02", id="did 2"),
        BiasEvidence(id="B", **KEY, stream="interviews", target_stream="economic", shift=0.01, sd=0.01),
        Silence(claim="growth", group="K02", stream="survey", reason="searched_not_found", p_detect=0.7),
    ]
    groups = [DependenceGroup(id="register", members=("did", "scale"), reason="same_dataset", rho=(0.1, 0.5))]
    doubt = Override(claim="growth", group="K02", by="AL", reason="small", verdict="undecided", date="2014")
    return evidence, groups, [doubt]


@pytest.fixture(scope="module")
def findings():
    evidence, groups, doubts = _everything()
    made = Triangulation(
        theory(),
        prior={"growth": Prior(sceptical_sd=0.04, wide_sd=0.2, wide_weight=0.3)},
        thresholds=Thresholds(benefit=0.8),
        rules=ConvergenceRules(least_gain=0.02),
    )
    return made.fit(evidence, dependence=groups, overrides=doubts)


@pytest.fixture
def file(findings, tmp_path):
    return findings.audit(tmp_path / "audit.json")


def _edit(path, change):
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def test_the_record_holds_everything_that_was_handed_in(findings):
    record = json.loads(json.dumps(findings.to_dict()))
    assert restored(record) == findings.given
    assert [len(record[name]) for name in ("evidence", "dependence", "overrides")] == [10, 1, 1]
    assert record["overrides"][0]["content"]["reason"] == "small"
    assert record["options"]["content"]["thresholds"]["benefit"] == 0.8


def test_replay_gives_the_same_figures(findings):
    again = findings.replay()
    assert again is not findings
    assert again.verdicts().equals(findings.verdicts())
    assert again.bounds().equals(findings.bounds())
    assert again.overrides().equals(findings.overrides())


def test_findings_from_an_audit_file(findings, file):
    again = Findings.from_audit(file)
    assert again.verdicts().equals(findings.verdicts())
    assert again.given == findings.given
    assert again.to_dict() == findings.to_dict()


@pytest.mark.parametrize(
    "prior",
    [
        "provisional",
        Prior(sceptical_sd=0.1, wide_sd=0.2),
        {"log": Prior(sceptical_sd=0.1, wide_sd=0.2)},
        OrganisationPrior(),
    ],
)
def test_every_kind_of_prior_can_be_replayed(prior, tmp_path):
    items = [did(0.02 * i, 0.02, group=f"K{i}", id=f"did {i}") for i in range(4)]
    findings = Triangulation(theory(), prior=prior).fit(items)
    again = Findings.from_audit(findings.audit(tmp_path / "a.json"))
    assert again.given.prior == prior
    assert again.verdicts().equals(findings.verdicts())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["evidence"][0]["content"].update(p_benefit=0.99), "evidence, item 1"),
        (lambda r: r["overrides"][0]["content"].update(reason="another"), "overrides, item 1"),
        (lambda r: r["dependence"][0]["content"].update(rho=0.0), "dependence, item 1"),
        (lambda r: r["options"]["content"]["thresholds"].update(benefit=0.6), "options"),
        (lambda r: r["theory"]["content"]["claims"]["growth"].update(delta=0.001), "theory"),
        (lambda r: r["evidence"].pop(), "inputs as a whole"),
        (lambda r: r.update(inputs="0"), "inputs as a whole"),
        (lambda r: r.update(engine="by hand"), "engine, versions, judgements"),
        (lambda r: r["versions"].update(numpy="0"), "engine, versions, judgements"),
        (lambda r: r["judgements"].pop(), "engine, versions, judgements"),
    ],
)
def test_whatever_is_changed_is_found(file, change, message):
    _edit(file, change)
    with pytest.raises(FileError, match=message):
        Findings.from_audit(file)


def test_a_changed_item_with_a_new_hash_is_still_found(file):
    def forge(record):
        record["evidence"][1]["content"]["note"] = "x"
        record["evidence"][1]["hash"] = content_hash(record["evidence"][1]["content"])

    _edit(file, forge)
    with pytest.raises(FileError, match="inputs as a whole"):
        read_record(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["verdicts"][0].update(verdict="beneficial"), r"verdicts\.0\.verdict"),
        (lambda r: r["figures"][0]["probability"].__setitem__(2, 0.5), r"figures\.0\.probability\.2"),
        (lambda r: r["verdicts"].pop(), "verdicts"),
        (lambda r: r["figures"][0].update(mean=float("nan")), r"figures\.0\.mean"),
        (lambda r: r["verdicts"][1].update(p_benefit=float("nan")), r"verdicts\.1\.p_benefit"),
    ],
)
def test_verdicts_and_figures_are_computed_again(file, change, message):
    _edit(file, change)
    with pytest.raises(EstimationError, match=message):
        Findings.from_audit(file)


def test_numbers_may_differ_in_the_last_digits_only(findings):
    record = json.loads(json.dumps(findings.to_dict()))
    nearly = json.loads(json.dumps(record))
    nearly["figures"][0]["mean"] += 1e-12
    assert differences(record, nearly) == []
    nearly["figures"][0]["mean"] += 1e-6
    assert [problem.where for problem in differences(record, nearly)] == ["figures.0.mean"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("{}", "no about, dependence, engine, evidence, figures"),
        (None, "cannot be read"),
        ("5", "no about"),
        ("[]", "no about"),
    ],
)
def test_what_is_no_audit_file(tmp_path, text, message):
    path = tmp_path / "audit.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(FileError, match=message):
        Findings.from_audit(path)


@pytest.mark.parametrize(
    "change", [{"theory": []}, {"evidence": {"a": 1}}, {"evidence": ["x"]}, {"options": 5}, {"overrides": None}]
)
def test_parts_of_another_layout_are_no_audit_file(file, change):
    _edit(file, lambda record: record.update(change))
    with pytest.raises(FileError, match="not laid out as audit writes them"):
        Findings.from_audit(file)


def test_a_claim_may_be_called_type(tmp_path):
    parts = theory().to_dict()
    parts["claims"]["type"] = parts["claims"].pop("growth")
    prior = {"type": Prior(sceptical_sd=0.1, wide_sd=0.2)}
    findings = Triangulation(Theory.from_dict(parts), prior=prior).fit([did(claim="type")])
    assert Findings.from_audit(findings.audit(tmp_path / "a.json")).given == findings.given


def test_half_a_character_in_a_text_is_no_obstacle(tmp_path):
    findings = Triangulation(theory()).fit([did(id="did \ud800", source="år \udcff")])
    assert Findings.from_audit(findings.audit(tmp_path / "a.json")).given == findings.given


def test_a_layout_of_another_version_is_named(findings):
    record = findings.to_dict()
    record["evidence"][0]["content"]["mood"] = "good"
    with pytest.raises(FileError, match="mood"):
        restored(record)
    record["evidence"][0]["content"] = {"type": "Rumour"}
    with pytest.raises(FileError, match="Rumour"):
        restored(record)


def test_every_field_of_every_input_is_in_the_record(findings):
    stored = findings.to_dict()["evidence"][0]["content"]
    assert {field.name for field in dataclasses.fields(findings.given.evidence[0])} | {"type"} == set(stored)
