"""What a study leaves on its triangulation: tables, judgements and overrides from files, the word for what was found."""

import dataclasses
import html
import json
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clustereffects.disclosure import DisclosurePolicy
from clustereffects.reporting import build_document, render
from clustereffects.results import Diagnostic, Estimate
from clustereffects.study import Study
from clustereffects.study.findings_tables import few_interviews, findings_tables, published, robustness_table
from clustereffects.study.inputs import PROGRAMME
from clustereffects.triangulation import OrganisationPrior
from support.regions import edit, write_lines

ALWAYS = {
    "bands", "completeness", "convergence", "assessment", "conflicts", "robustness", "comparison", "attribution",
    "paths", "calibration", "scorecard", "next_evidence",
}  # fmt: skip
JUDGED = {"overrides", "override_agreement"}
JUDGEMENTS = """
[tests.T01]
claim = "value_added_growth"
code = "M_KUND"
[[tests.T01.judgements]]
judge = "A"
rival = "export_boom"
asked_first = "p_negligible"
p_negligible = "unlikely"
p_benefit = "likely"
[[tests.T01.judgements]]
judge = "B"
rival = "export_boom"
asked_first = "p_benefit"
p_negligible = "very unlikely"
p_benefit = "likely"
"""
OVERRIDES = [
    "claim,organisation,by,reason,verdict,code,streams,date",
    "value_added_growth,K01,AL,two members left the sector,undecided,,,2014-03-01",
    "innovation,K02,AL,the two ask about different years,,partial,survey + interviews,",
]
EFFECT = re.compile(r"\beffects?\b|effekt(?!iv)", re.IGNORECASE)


@pytest.fixture(scope="module")
def judged(pristine, tmp_path_factory) -> SimpleNamespace:
    """A study with judgements, overrides, and organisations that learn from each other."""
    folder = Path(shutil.copytree(pristine, tmp_path_factory.mktemp("judged") / "region"))
    add_judgements(folder)
    edit(folder / "study.toml", "[thresholds]", '[triangulation]\nprior = "organisations"\n\n[thresholds]')
    edit(folder / "study.toml", 'names = ["value_added", "employees"]', 'names = ["value_added"]')
    report = Study.from_toml(folder / "study.toml").run(progress=False)
    return SimpleNamespace(folder=folder, report=report, out=report.save(folder.parent / "out"))


def add_judgements(folder: Path) -> None:
    (folder / "judgements.toml").write_text(JUDGEMENTS, encoding="utf-8")
    write_lines(folder / "overrides.csv", OVERRIDES)
    edit(folder / "study.toml", "[files]\n", '[files]\njudgements = "judgements.toml"\noverrides = "overrides.csv"\n')


def read(run: SimpleNamespace, name: str) -> pd.DataFrame:
    return pd.read_csv(run.out / "tables" / f"{name}.csv", keep_default_na=False)


def test_tables_are_left_and_in_the_results(plain, judged):
    for run, names in ((plain, ALWAYS), (judged, ALWAYS | JUDGED)):
        files = {path.stem for path in (run.out / "tables").iterdir()}
        results = json.loads((run.out / "results.json").read_text(encoding="utf-8"))
        assert names <= files
        assert names <= set(results["tables"])
    assert not JUDGED & {path.stem for path in (plain.out / "tables").iterdir()}


def test_one_row_of_robustness_for_each_verdict_that_says_something(plain):
    table, verdicts = read(plain, "robustness"), read(plain, "verdicts")
    spoken = verdicts[~verdicts["verdict"].isin(["silent", "not published"])]
    pd.testing.assert_frame_equal(table[["claim", "group", "verdict"]], spoken[["claim", "group", "verdict"]].reset_index(drop=True))  # fmt: skip
    numbers = pd.read_csv(plain.out / "tables" / "robustness.csv")
    assert all(numbers[name].between(0, 1).all() for name in ("weights_same", "models_same"))
    row = numbers[numbers["bias_tips_at"].notna()].iloc[0]
    tips = plain.report.results.findings.tipping()
    own = tips[(tips["claim"] == row["claim"]) & (tips["group"] == row["group"]) & (tips["quantity"] == "bias")]
    nearest = (own["tips_at"] - own["current"]).abs().min()
    assert abs(row["bias_tips_at"] - row["bias_now"]) == pytest.approx(nearest, rel=1e-12)
    assert robustness_table([]).empty


def test_the_engines_of_the_plan_are_shown_beside_the_triangulation(region):
    edit(region / "study.toml", "[thresholds]", '[triangulation]\nengines = ["vote"]\n\n[thresholds]')
    edit(region / "study.toml", 'names = ["value_added", "employees"]', 'names = ["value_added"]')
    report = Study.from_toml(region / "study.toml").run(progress=False)
    assert set(report.files["comparison"]["engine"]) == {"bayes", "vote"}


def test_nothing_about_cells_that_are_not_published(thin):
    hidden = thin.report.results.hidden
    verdicts = read(thin, "verdicts")
    unpublished = set(verdicts.loc[verdicts["verdict"] == "not published", ["claim", "group"]].itertuples(index=False, name=None))  # fmt: skip
    assert unpublished == hidden
    assert len(hidden) > 6
    for path in (thin.out / "tables").iterdir():
        table = pd.read_csv(path)
        if {"claim", "group"} <= set(table.columns) and path.stem not in {"verdicts", "diagnostics"}:
            assert set(table[["claim", "group"]].itertuples(index=False, name=None)) & hidden == set(), path.stem
    groups = {group for _, group in hidden}
    assert not set(read(thin, "paths")["group"]) & {g for g in groups if all((c, g) in hidden for c in set(verdicts["claim"]))}  # fmt: skip
    drawn = thin.report.content.findings
    assert not {(cell.model.claim.id, cell.model.group) for cell in drawn.cells} & hidden
    card = " ".join(read(thin, "scorecard")["evidence"])
    assert not any(f"{claim} × {group}" in card for claim, group in hidden)


def test_hidden_organisations_teach_the_others_nothing(thin):
    from clustereffects.study.triangulate import triangulation_of

    results = thin.report.results
    choice = dataclasses.replace(results.plan.triangulation, prior="organisations")
    plan = dataclasses.replace(results.plan, triangulation=choice)
    triangulation = triangulation_of(plan, results.inputs.theory, results.hidden)
    groups = {group for _, group in results.hidden}
    assert isinstance(triangulation.prior, OrganisationPrior)
    assert set(triangulation.prior.apart) == groups | {PROGRAMME}

    def moved(item):
        own = isinstance(item, Estimate) and item.group in groups
        return dataclasses.replace(item, value=item.value + 1.0) if own else item

    tables = [
        findings_tables(known, known.scorecard(), ("vote",), DisclosurePolicy())
        for evidence in (results.evidence, [moved(item) for item in results.evidence])
        for known in [published(triangulation.fit(evidence), results.hidden)]
    ]
    for name in tables[0]:
        pd.testing.assert_frame_equal(tables[0][name], tables[1][name])


def test_what_few_interviews_say_alone_is_not_told(plain):
    findings = plain.report.content.findings
    few = few_interviews(findings.cells, DisclosurePolicy(minimum_firms=5))
    assert few
    tables = findings_tables(
        findings, findings.scorecard(), ("vote", "process_tracing"), DisclosurePolicy(minimum_firms=5)
    )
    told = tables["completeness"].set_index(["claim", "group", "stream"])
    for claim, group in few:
        row = told.loc[(claim, group, "interviews")]
        assert (row["status"], row["state"], row["items"]) == ("not published", "", 0)
        assert np.isnan(row["gain"])
    for name in {"assessment", "attribution"} & set(tables):  # where few sought signs of rivals, no row is left
        assert not set(tables[name][["claim", "group"]].itertuples(index=False, name=None)) & few
    pairs = tables["convergence"]
    pairs = pairs[(pairs[["first", "second"]] == "interviews").any(axis=1)]
    assert not set(pairs[["claim", "group"]].itertuples(index=False, name=None)) & few
    counted = tables["comparison"].query("engine in ['vote', 'process_tracing']")
    assert not set(counted[["claim", "group"]].itertuples(index=False, name=None)) & few


@pytest.mark.parametrize("run", ["plain", "thin", "hostile", "judged"])
def test_no_pseudonym_and_no_interview_is_named(request, run):
    done = request.getfixturevalue(run)
    names = {name for item in done.report.results.evidence for name in getattr(item, "respondents", ())}
    sources = set(done.report.results.inputs.codings.sources["source"].astype(str))
    assert len(names) > 50
    for path in [path for path in done.out.rglob("*") if path.is_file()]:
        text = re.sub(r"base64,[\w+/=]+", "", path.read_text(encoding="utf-8"))
        assert {name for name in names if name in text} == set(), path.name
        assert {name for name in sources if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)} == set(), path.name


def test_judgements_stand_for_the_probabilities_of_their_tests(judged):
    items = [item for item in judged.report.results.evidence if isinstance(item, Diagnostic) and item.stream == "interviews"]  # fmt: skip
    own = [item for item in items if item.test == "T01"]
    others = [item for item in items if item.test != "T01"]
    assert own
    assert others
    assert {(item.p_benefit, item.p_negligible) for item in own} == {((0.66, 0.9), (0.01, 0.33))}
    assert all(item.elicitation.startswith("judgements.toml ") for item in own)
    assert not any(item.elicitation for item in others)
    messages = {check.name: check for area, check in judged.report.content.checks if area == "interviews"}
    assert messages["elicited judgements"].verdict == "warn"
    assert "T01" in messages["elicited judgements"].message
    assert "T01" in messages["probabilities from judgements"].message


def test_overrides_stand_beside_the_verdicts_and_change_none(judged):
    table = read(judged, "overrides")
    assert table["by"].tolist() == ["AL", "AL"]
    assert set(table["what"]) == {"verdict", "code"}
    findings = judged.report.results.findings
    again = Study.from_toml(judged.folder / "study.toml").plan.triangulation
    assert (again.prior, findings.given.prior.robust_weight) == ("organisations", 0.2)
    page = html.unescape((judged.out / "report.html").read_text(encoding="utf-8"))
    assert "two members left the sector" in page
    assert "Innovation (enkät, intervjuer)</td>" in page
    assert "delvis samstämmighet</td>" in page
    assert (read(judged, "override_agreement")["note"] == "no kappa below 10 judgements").all()


def test_everything_that_is_wrong_with_judgements_and_overrides_is_listed(region):
    add_judgements(region)
    edit(region / "judgements.toml", 'code = "M_KUND"', 'code = "M_FOU"')
    rows = [
        "value_added,K01,AL,a reason,undecided,,,",
        "innovation,K99,AL,a reason,undecided,,,",
        "innovation,K01,AL,,undecided,,,",
        "innovation,K02,AL,a reason,excellent,,,",
        "innovation,K03,AL,a reason,undecided,,,",
        "innovation,K03,AL,another,undecided,,,",
        "innovation,K04,AL,a reason,,partial,survey + documents,",
    ]
    write_lines(region / "overrides.csv", [OVERRIDES[0], *rows])
    problems = Study.from_toml(region / "study.toml").preflight()
    assert {problem.file for problem in problems} == {"judgements.toml", "overrides.csv"}
    told = " ".join(f"{problem.what} {problem.where}" for problem in problems)
    for words in (
        "test 'T01' has another code, claim or target",
        "claim 'value_added' is not known row 2",
        "organisation 'K99' is not known row 3",
        "no reason row 4",
        "unknown verdict 'excellent' row 5",
        "AL judged twice innovation × K03",
        "stream 'documents' is not part of a study row 8",
    ):
        assert words in told
    edit(region / "judgements.toml", 'claim = "value_added_growth"', 'claim = "nothing"')
    write_lines(region / "overrides.csv", ["claim,by", "innovation,AL"])
    told = " ".join(problem.what for problem in Study.from_toml(region / "study.toml").preflight())
    assert "columns are missing: organisation, reason" in told
    assert "nothing" in told


def test_judgements_alone_make_a_bridge(region):
    add_judgements(region)
    edit(region / "study.toml", 'bridge = "bridge.csv"\n', "")
    study = Study.from_toml(region / "study.toml")
    assert study.preflight() == []
    from clustereffects.study.inputs import read_inputs

    assert [row.test for row in read_inputs(study.plan).bridge.rows] == ["T01"]


def words_of(content, language: str) -> str:
    page = render(build_document(content, language))
    page = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    page = re.sub(r'<p class="explanation">.*?</p>', "", page, flags=re.DOTALL)
    page = re.sub(r"data:image[^\"]*", "", page)
    return html.unescape(page).replace("clustereffects", "")


@pytest.mark.parametrize("language", ["sv", "en"])
def test_a_report_that_has_not_earned_the_word_does_not_use_it(plain, language):
    content = plain.report.content
    assert content.scorecard.open == ("trends",)
    assert EFFECT.findall(words_of(content, language)) == []
    page = render(build_document(content, language))
    (why,) = re.findall(r'<p class="explanation">([^<]*)</p>', page.split('id="organisations"')[0])
    assert content.scorecard.table(language)["question"][1] in html.unescape(why)
    lines = tuple(dataclasses.replace(line, status="met") for line in content.scorecard.lines)
    earned = dataclasses.replace(content, scorecard=dataclasses.replace(content.scorecard, lines=lines))
    assert len(EFFECT.findall(words_of(earned, language))) > 20
    assert '<p class="explanation">' not in render(build_document(earned, language)).split('id="organisations"')[0]


def test_the_page_is_light(hostile):
    assert all(path.stat().st_size < 3_000_000 for path in hostile.out.glob("*.html"))


def test_evidence_names_its_files_and_whether_it_was_announced(plain):
    from clustereffects.study.evidence import gather

    results = plain.report.results
    registered = dataclasses.replace(
        results.plan, study=dataclasses.replace(results.plan.study, registered=results.plan.hash)
    )
    for plan, announced in ((results.plan, None), (registered, True)):
        items = [item for item in gather(plan, results.inputs, results.firms) if item.provenance is not None]
        assert {item.provenance.locator for item in items if item.stream == "economic"} == {
            "accounts.parquet, members.csv"
        }
        answers = [item for item in items if item.stream == "survey"]
        assert {item.provenance.locator for item in answers} == {", ".join(plan.files.survey)}
        signs = [item for item in answers if isinstance(item, Diagnostic)]
        assert {item.provenance.pre_registered for item in signs} == {announced}
        assert all(item.provenance.source_hash and item.provenance.method for item in items)


def test_the_programme_is_no_further_organisation(plain):
    calibrated, compared = read(plain, "calibration"), read(plain, "comparison")
    assert calibrated["organisations"].astype(int).max() == 5
    assert set(calibrated["status"]) == {"uncalibrated"}
    flips = compared.loc[(compared["engine"] == "rubric") & (compared["group"] == "K01"), "warning"]
    others = {int(n) for text in flips for n in re.findall(r"of (\d+) other organisations", text)}
    assert others == {4}
    assert PROGRAMME in set(compared["group"])
