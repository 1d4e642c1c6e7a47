"""What a run leaves: files, columns, the same bytes twice, nothing from outside, nothing that runs."""

import base64
import csv
import html
import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from defusedxml.ElementTree import fromstring

from clustereffects import cli
from clustereffects.results import TIDY_COLUMNS
from support.regions import HOSTILE_TITLE

TABLES = {"effects", "verdicts", "balance", "survey", "diagnostics", "intake", "believed", "organisations"}
COMPARISON = {"candidates", "unmatched", "dropped", "designs"}
JOINED = {
    *("bands", "completeness", "convergence", "assessment", "conflicts", "robustness"),
    *("comparison", "attribution", "paths", "calibration", "scorecard", "next_evidence"),
}
TIDY = [
    "term",
    "estimate",
    "std_error",
    "statistic",
    "p_value",
    "conf_low",
    "conf_high",
    "level",
    "interval",
    "estimand",
]


class Page(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


def test_files(plain, hostile):
    assert {path.name for path in plain.out.iterdir()} == {"report.html", "results.json", "provenance.json", "tables"}
    assert {path.stem for path in (plain.out / "tables").iterdir()} == TABLES | COMPARISON | JOINED
    assert {path.name for path in hostile.out.glob("*.html")} == {"report.html", "report.en.html"}
    assert not list(plain.out.parent.glob(".clustereffects-*"))


def test_columns_of_the_effects(plain):
    assert [*TIDY, "method"] == list(TIDY_COLUMNS)
    effects = pd.read_csv(plain.out / "tables" / "effects.csv")
    labels = ["cohort", "time", "event_time", "group"]
    expected = ["estimator", "outcome", "aggregation", *labels, *TIDY, "method", "treated_firms", "withheld"]
    assert list(effects.columns) == expected
    assert set(effects["aggregation"]) == {"overall", "event", "cohort", "calendar", "group"}
    assert set(effects["outcome"]) == {"log_value_added", "log_employees"}
    estimators = {"matched_did", "group_time_did", "two_way_fixed_effects", "hierarchical_effects"}
    assert set(effects["estimator"]) == estimators
    once = effects.groupby(["estimator", "outcome", "aggregation", *labels], dropna=False).size()
    assert (once == 1).all()


def test_columns_of_the_verdicts(plain):
    verdicts = pd.read_csv(plain.out / "tables" / "verdicts.csv")
    columns = ["claim", "group", "verdict", "lower", "upper", "p_benefit", "p_negligible", "p_harm", "tipping"]
    assert list(verdicts.columns) == columns
    assert set(verdicts["group"]) == {"K01", "K02", "K03", "K04", "K05", "programme"}


def test_results_hold_everything_in_the_report(plain):
    results = json.loads((plain.out / "results.json").read_text(encoding="utf-8"))
    assert set(results["tables"]) >= {"effects", "verdicts", "balance", "survey", "diagnostics", "intake"}
    effects = pd.read_csv(plain.out / "tables" / "effects.csv")
    assert len(results["tables"]["effects"]) == len(effects)
    assert results["headline"]["sv"] in html.unescape((plain.out / "report.html").read_text(encoding="utf-8"))


def test_provenance_names_plan_versions_and_files(plain):
    provenance = json.loads((plain.out / "provenance.json").read_text(encoding="utf-8"))
    assert provenance["plan_hash"] == plain.report.results.plan.hash
    assert set(provenance["files"]) == {
        path.name for path in plain.folder.iterdir() if path.name not in {"study.toml", "truth.json"}
    }
    assert str(plain.folder) not in json.dumps(provenance)


def test_a_second_run_leaves_the_same_bytes(plain, tmp_path, capsys):
    assert cli.main(["run", str(plain.folder / "study.toml"), "--out", str(tmp_path / "deep" / "out")]) == cli.DONE
    said = capsys.readouterr()
    assert "report.html" in said.out
    assert said.err == ""
    first = {path.relative_to(plain.out): path.read_bytes() for path in plain.out.rglob("*") if path.is_file()}
    second = tmp_path / "deep" / "out"
    assert {path.relative_to(second): path.read_bytes() for path in second.rglob("*") if path.is_file()} == first


@pytest.mark.parametrize("run", ["plain", "hostile"])
def test_the_page_refers_to_nothing_outside(request, run):
    for path in request.getfixturevalue(run).out.glob("*.html"):
        text = path.read_text(encoding="utf-8")
        page = Page(text)
        for tag, attributes in page.elements:
            for name in ("src", "href", "srcset", "data", "action", "poster", "background"):
                value = attributes.get(name) or ""
                assert not value or value.startswith(("#", "data:image/svg+xml;base64,")), (tag, value[:80])
        style = re.search(r"<style>(.*?)</style>", text, flags=re.DOTALL).group(1)
        assert "url(" not in style
        assert "@import" not in style
        assert "default-src 'none'" in text


@pytest.mark.parametrize("language", ["", ".en"])
def test_nothing_in_the_page_runs(plain, hostile, language):
    """Names, titles, labels and codes make no element that an innocent page does not have."""
    text = (hostile.out / f"report{language}.html").read_text(encoding="utf-8")
    innocent = Page((plain.out / "report.html").read_text(encoding="utf-8"))
    page = Page(text)
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in innocent.elements} | {"p"}
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert html.escape(HOSTILE_TITLE) in text
    assert "&lt;script&gt;alert(&#39;K01&#39;)&lt;/script&gt;" in text
    assert "{{ 7 * 7 }} {title} %s" in text
    assert "&lt;u&gt;M_KUND" in text
    assert "&lt;s&gt;0&lt;/s&gt;" in text
    assert ("&lt;b&gt;Growth&lt;/b&gt;" in text) == (language == ".en")


def test_every_drawing_is_well_formed(hostile):
    text = (hostile.out / "report.html").read_text(encoding="utf-8")
    drawings = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", text)
    assert len(drawings) >= 8
    for drawing in drawings:
        assert fromstring(base64.b64decode(drawing)).tag == "{http://www.w3.org/2000/svg}svg"


def test_no_spreadsheet_takes_a_cell_for_a_formula(hostile):
    cells = 0
    for path in (hostile.out / "tables").glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as handle:
            for row in csv.reader(handle):
                for cell in row:
                    cells += 1
                    number = re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", cell)
                    assert number or not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")), (path.name, cell)
    assert cells > 10_000
    verdicts = pd.read_csv(hostile.out / "tables" / "verdicts.csv")
    assert "'=K02" in set(verdicts["group"])
    intake = pd.read_csv(hostile.out / "tables" / "intake.csv")
    assert "'@SUM(1)<q1>" in set(intake["detail"])


def test_the_deviation_from_the_registered_plan_is_printed(plain, hostile):
    assert plain.report.content.provenance["deviation"] is None
    deviation = hostile.report.content.provenance["deviation"]
    assert deviation == {"registered": "<s>0</s>", "run": hostile.report.results.plan.hash}
