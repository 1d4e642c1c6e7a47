"""What leaves gives no firm away: figures of few firms, what could be subtracted from a total, names, numbers, quotes."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import clean_orgnr
from clustereffects.data import read_table
from clustereffects.disclosure import DisclosurePolicy
from clustereffects.disclosure.policy import COMPLEMENTARY, FEW
from clustereffects.results import Diagnostic
from clustereffects.study.tables import diagnostics_table
from support.regions import lines_of

FIGURES = ["estimate", "std_error", "statistic", "p_value", "conf_low", "conf_high"]
OUTCOMES = ("log_value_added", "log_employees")


def texts(out: Path) -> dict[str, str]:
    """Everything that leaves, as text, without the drawings."""
    paths = [path for path in sorted(out.rglob("*")) if path.is_file()]
    return {path.name: re.sub(r"base64,[\w+/=]+", "", path.read_text(encoding="utf-8")) for path in paths}


def written(value: float) -> set[str]:
    """A number as files may write it, to five significant digits."""
    text = f"{abs(value):.12f}"
    digits = re.search(r"0\.0*\d{5}", text)
    return {digits.group(0)} if digits else {text[:7]}


@pytest.fixture(scope="module")
def hidden(thin) -> dict[str, list[str]]:
    """Organisations whose figures are withheld, by outcome, as the table of effects says."""
    effects = pd.read_csv(thin.out / "tables" / "effects.csv")
    own = effects[(effects["estimator"] == "matched_did") & (effects["aggregation"] == "group")]
    return {
        outcome: own.loc[(own["outcome"] == outcome) & own["withheld"].notna(), "group"].tolist()
        for outcome in OUTCOMES
    }


def test_few_firms_and_their_protection_are_withheld(thin, hidden):
    effects = pd.read_csv(thin.out / "tables" / "effects.csv")
    for outcome in OUTCOMES:
        own = effects[(effects["outcome"] == outcome) & (effects["aggregation"] == "group")]
        reasons = own.set_index(["estimator", "group"])["withheld"]
        for estimator in ("matched_did", "hierarchical_effects"):
            assert reasons[estimator, "K01"] == reasons[estimator, "K02"] == FEW
            third = [group for group in hidden[outcome] if group not in {"K01", "K02"}]
            assert len(third) == 1
            assert reasons[estimator, third[0]] == COMPLEMENTARY
        assert own.loc[own["withheld"].notna(), FIGURES].isna().all(axis=None)
        assert own.loc[own["withheld"].isna(), FIGURES[:2]].notna().all(axis=None)


def test_no_withheld_number_is_anywhere(thin, hidden):
    files, firms = texts(thin.out), thin.report.results.firms
    secrets: set[str] = set()
    for outcome in OUTCOMES:
        own = firms.effects["matched_did", outcome]
        for effects in (own.by["group"], *(pair[0] for pair in own.from_horizon.values())):
            table = effects.tidy().set_index("group")
            for group in hidden[outcome]:
                if group in table.index:
                    secrets |= {w for value in table.loc[group, ["estimate", "std_error"]] for w in written(value)}
        pooled = firms.pooled[outcome].tidy().set_index("group")
        for group in hidden[outcome]:
            secrets |= {w for value in pooled.loc[group, ["estimate", "std_error"]] for w in written(value)}
    assert len(secrets) > 10
    assert {name: secret for name, text in files.items() for secret in secrets if secret in text} == {}


def test_no_verdict_on_a_withheld_organisation(thin, hidden):
    verdicts = pd.read_csv(thin.out / "tables" / "verdicts.csv")
    withheld = verdicts[verdicts["group"].isin(hidden["log_value_added"])]
    assert set(withheld["verdict"]) == {"not published"}
    assert withheld[["lower", "upper", "p_benefit", "p_negligible", "p_harm", "tipping"]].isna().all(axis=None)
    content = json.loads((thin.out / "results.json").read_text(encoding="utf-8"))
    groups = [row["group"] for row in content["tables"]["verdicts"]]
    for sentences in content["sentences"].values():
        assert {s for s, group in zip(sentences, groups, strict=True) if group in hidden["log_value_added"]} == {""}


def test_the_page_shows_dashes(thin, hidden):
    page = (thin.out / "report.html").read_text(encoding="utf-8")
    names = dict(line.split(",")[:2] for line in lines_of(thin.folder / "organisations.csv"))
    section = page.split('<section id="organisations">')[1].split("</section>")[0]
    for group in hidden["log_value_added"]:
        row = re.search(rf"<tr><td>{names[group]}</td>(.*?)</tr>", section).group(1)
        assert set(re.findall(r"<td>(.*?)</td>", row)) <= {"–"}


def test_checks_do_not_speak_of_withheld_organisations(thin, hidden):
    for area, check in thin.report.content.checks:
        if area == "pooling":
            named = {group for group in hidden["log_value_added"] if re.search(rf"\b{group}\b", check.message)}
            assert not named, check


def test_no_withheld_cell_is_the_difference_of_published_ones(thin):
    """Of every set that adds up to a published total, none or at least two are withheld, of three firms together."""
    effects = pd.read_csv(thin.out / "tables" / "effects.csv")
    sums = effects[effects["aggregation"].isin(["group", "cohort", "calendar", "event"])]
    sums = sums[~(sums["event_time"] < 0)]
    for (estimator, outcome, by), rows in sums.groupby(["estimator", "outcome", "aggregation"]):
        if estimator == "hierarchical_effects":
            continue
        effects = thin.report.results.firms.effects[estimator, outcome].by[by]
        counts = pd.Series(effects.treated_units(), index=effects.tidy()["term"])
        withheld = counts[rows.loc[rows["withheld"].notna(), "term"]]
        withheld = withheld[withheld > 0]
        assert len(withheld) != 1
        assert withheld.empty or withheld.sum() >= 3


def test_the_drawn_years_are_the_published_ones(thin):
    effects = pd.read_csv(thin.out / "tables" / "effects.csv")
    for outcome, drawn in thin.report.content.event_studies.items():
        rows = effects[(effects["estimator"] == "matched_did") & (effects["outcome"] == outcome)]
        shown = rows.loc[(rows["aggregation"] == "event") & rows["withheld"].isna(), "event_time"]
        assert drawn.labels["event_time"].tolist() == shown.astype(int).tolist()


def test_survey_means_of_few_firms_are_withheld_with_what_gives_them_away(plain):
    table = pd.read_csv(plain.out / "tables" / "survey.csv", keep_default_na=False)
    keys = ["organisation", "scale", "wave", "term"]
    counts = plain.report.results.inputs.survey.aggregate("organisation").cells.set_index(keys)["firms"]
    counts.index = counts.index.set_levels(counts.index.levels[2].astype(str), level=2)
    firms = counts[pd.MultiIndex.from_frame(table[keys])].to_numpy()
    few = (firms < 3) & (table["term"] == "mean")
    assert few.any()
    assert (table.loc[few, "withheld"] != "").all()
    assert (table.loc[table["withheld"] != "", [*FIGURES, "firms"]] == "").all(axis=None)
    cells = table[table["term"] == "mean"].set_index(["organisation", "scale", "wave"])["withheld"]
    for row in table[table["term"] == "difference"].itertuples():
        means = cells[row.organisation, row.scale, row.wave], cells["non-members", row.scale, row.wave]
        assert bool(row.withheld) == any(means)
    single = table[(table["wave"] != "all") & (table["term"] == "mean") & (firms > 0)]
    for _, rows in single.groupby(["organisation", "scale"]):
        assert (rows["withheld"] != "").sum() != 1


def test_few_interviews_are_not_counted(plain):
    table = pd.read_csv(plain.out / "tables" / "diagnostics.csv")
    few = (table["stream"] == "interviews") & (table["reports"] < 3)
    assert table.loc[few, "observed"].isna().all()
    assert table.loc[~few, "observed"].notna().all()
    item = next(item for item in plain.report.results.evidence if isinstance(item, Diagnostic))
    item = dataclasses.replace(item, stream="interviews", observed=True)
    shown = diagnostics_table([item] * 2, DisclosurePolicy())
    assert shown[["observed", "withheld"]].isna().values.tolist() == [[True, False]]


@pytest.mark.parametrize("run", ["plain", "thin", "hostile"])
def test_no_firm_is_named_or_numbered(request, run):
    done = request.getfixturevalue(run)
    numbers: set[int] = set()
    for name in (
        "accounts.parquet",
        "members.csv",
        "supports.csv",
        "survey_2011.csv",
        "survey_2013.csv",
        "survey_frame.csv",
    ):
        cleaned = clean_orgnr(read_table(done.folder / name).frame["orgnr"])
        numbers |= {int(number) for number in np.concatenate([cleaned.number, cleaned.typed]) if number > 0}
    assert len(numbers) > 1500
    names = {line.split(";")[1] for line in lines_of(done.folder / "members.csv")[1:]}
    people = set(read_table(done.folder / "codings.csv").frame["respondent"].dropna())
    respondents = {line.split(";")[0] for line in lines_of(done.folder / "survey_2011.csv")[1:]}
    for file, text in texts(done.out).items():
        candidates = {int(a + b) for a, b in re.findall(r"(?<!\d)(?:16)?(\d{6})[- ]?(\d{4})(?!\d)", text)}
        assert candidates & numbers == set(), file
        assert {name for name in names if name in text} == set(), file
        assert {who for who in people | respondents if re.search(rf"\b{re.escape(who)}\b", text)} == set(), file


def test_interviews_that_are_called_after_persons_are_not_named(hostile):
    checks = hostile.report.results.inputs.codings.checks(hostile.report.results.inputs.bridge)
    assert any("Anna Ek" in check.message for check in checks)
    assert [file for file, text in texts(hostile.out).items() if "Anna Ek" in text or "Bruk AB" in text] == []


def test_no_quote_leaves(plain):
    quotes = set(plain.report.results.inputs.codings.frame["quote"]) - {""}
    quotes |= set(read_table(plain.folder / "codings.csv").frame["quote"].dropna())
    assert len(quotes) > 50
    for file, text in texts(plain.out).items():
        assert {quote for quote in quotes if quote in text} == set(), file


def test_intake_names_file_row_rule_and_remedy_and_no_figure(plain):
    intake = pd.read_csv(plain.out / "tables" / "intake.csv", keep_default_na=False)
    assert list(intake.columns) == ["file", "row", "rule", "action", "remedy", "detail"]
    assert {"accounts.parquet", "members.csv", "survey_2013.csv"} <= set(intake["file"])
    firms = intake["file"].isin(["accounts.parquet", "members.csv", "supports.csv"])
    assert (intake.loc[firms, "row"] != "").all()
    assert (intake.loc[firms, "detail"] == "").all()
