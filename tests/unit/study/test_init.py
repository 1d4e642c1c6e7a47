"""`init` makes a plan of what lies in a folder, whatever the files are called; nothing is lost if that fails."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from clustereffects.errors import FileError
from clustereffects.study import Plan, Study, write_plan
from clustereffects.study.init import find_files
from support.regions import edit, lines_of, write_lines

RENAMED = {
    "accounts.parquet": "Bokslut 2000–2013.parquet",
    "organisations.csv": "Kluster.CSV",
    "deflator.csv": "kpi.txt",
    "industry_key.csv": "nyckel.csv",
    "supports.csv": 'stöd "tillväxt".csv',
    "survey_2011.csv": "enkät 2011.csv",
    "survey_2012.xlsx": "Enkät 2012.xlsx",
    "survey_2013.csv": "svar.csv",
    "survey_frame.csv": "urval.csv",
    "interviews.qdpx": "Samtal.QDPX",
    "codings.csv": "kodningar.csv",
    "bridge.csv": "brygga.csv",
    "codebook.toml": "kodbok.toml",
    "theory.toml": "förändringsteori.toml",
}


@pytest.fixture
def renamed(region):
    """The same files under names of the region's own, the members as a spreadsheet with headers in capitals."""
    (region / "study.toml").unlink()
    for old, new in RENAMED.items():
        (region / old).rename(region / new)
    members = pd.read_csv(region / "members.csv", sep=";", dtype=str, encoding="utf-8-sig")
    members.columns = [f" {name.upper()}" for name in members.columns]
    members.to_excel(region / "Medlemmar.xlsx", index=False)
    (region / "members.csv").unlink()
    return region


def test_files_are_told_by_their_content(renamed):
    found = find_files(renamed)
    assert found["members"] == "Medlemmar.xlsx"
    assert found["survey"] == ["Enkät 2012.xlsx", "enkät 2011.csv", "svar.csv"]
    single = {old.split(".")[0]: new for old, new in RENAMED.items() if "survey_20" not in old}
    assert {role: name for role, name in found.items() if role not in {"members", "survey"}} == single


def test_the_plan_passes_check_and_runs(renamed, plain):
    path, notes = write_plan(renamed)
    assert f"accounts: {RENAMED['accounts.parquet']}" in notes
    study = Study.from_toml(path)
    assert study.preflight() == []
    assert study.plan.study.counties == ("17", "20", "21")
    assert (study.plan.study.first_year, study.plan.study.last_year) == (2000, 2013)
    names = 'names = ["value_added", "employees", "net_turnover", "productivity"]'
    edit(path, names, 'names = ["value_added"]')
    edit(path, "base_year = 2013", "base_year = 2010")
    report = Study.from_toml(path).run(progress=False)
    before = plain.report.files["effects"].query("outcome == 'log_value_added'").reset_index(drop=True)
    pd.testing.assert_frame_equal(report.files["effects"], before)


def test_every_choice_is_written_out(region):
    path, _ = write_plan(region)
    plan = Plan.from_toml(path)
    text = path.read_text(encoding="utf-8")
    for section, choices in plan.to_dict().items():
        assert f"[{section}]" in text
        elsewhere = {("study", "registered"), ("matching", "rules")}
        assert all(f"{key} = " in text for key in choices if (section, key) not in elsewhere)
    assert "[[matching.rules]]" in text


def test_a_plan_that_is_there_is_kept_under_another_name(region):
    old = (region / "study.toml").read_bytes()
    for number in (1, 2):
        _, notes = write_plan(region)
        assert f"the plan that was there is kept as study.old{number}.toml" in notes
    assert (region / "study.old1.toml").read_bytes() == old
    assert Study.from_toml(region / "study.toml").preflight() == []
    assert {path.name for path in region.glob("study*")} == {"study.toml", "study.old1.toml", "study.old2.toml"}


def test_a_failure_leaves_the_old_plan_in_place(region, monkeypatch):
    old = (region / "study.toml").read_bytes()
    (region / "accounts.parquet").unlink()
    with pytest.raises(FileError, match="no firm accounts were found"):
        write_plan(region)
    assert (region / "study.toml").read_bytes() == old
    assert not list(region.glob("study.old*"))


def test_a_folder_that_does_not_exist(tmp_path):
    with pytest.raises(FileError, match="the folder does not exist"):
        write_plan(tmp_path / "nowhere")


def test_what_is_needed_and_not_there_is_said(region):
    (region / "study.toml").unlink()
    (region / "members.csv").unlink()
    (region / "theory.toml").unlink()
    path, notes = write_plan(region)
    assert "members: not found – the study needs it; add its name under [files]" in notes
    assert "theory: not found – the study needs it; add its name under [files]" in notes
    assert {problem.file for problem in Study.from_toml(path).preflight()} == {"members.csv", "theory.toml"}


def test_what_says_nothing_alone_is_left_out(region):
    (region / "codebook.toml").unlink()
    (region / "bridge.csv").unlink()
    path, notes = write_plan(region)
    assert "survey: left out, because no codebook was found" in notes
    assert "codings: left out, because no bridge was found" in notes
    assert Study.from_toml(path).preflight() == []


def test_strange_company(region):
    """Folders, text in other encodings and files of other programs do not disturb."""
    (region / "report.csv").mkdir()
    (region / "anteckningar.toml").write_bytes("[claims] Värmland".encode("latin-1"))
    (region / "gammalt.xlsx").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
    (region / "tom.csv").write_bytes(b"")
    (region / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    (region / "survey.csv").write_text("fråga,svar\nett,två\n", encoding="utf-8")
    found = find_files(region)
    assert found["accounts"] == "accounts.parquet"
    assert (found["theory"], found["codebook"]) == ("theory.toml", "codebook.toml")


def test_of_several_candidates_the_one_that_is_called_so(region):
    shutil.copy(region / "accounts.parquet", region / "aaa.parquet")
    lines = lines_of(region / "deflator.csv")
    write_lines(region / "andra index.csv", lines)
    found = find_files(region)
    assert (found["accounts"], found["deflator"]) == ("accounts.parquet", "deflator.csv")


def test_a_folder_is_named_by_text_or_path(region):
    assert write_plan(str(region))[0] == Path(region) / "study.toml"


def test_judgements_and_overrides_are_found_and_otherwise_offered(region):
    path, _ = write_plan(region)
    assert '\n# judgements = "judgements.toml"' in path.read_text(encoding="utf-8")
    levels = 'asked_first = "p_negligible"\np_negligible = "unlikely"\np_benefit = "likely"\n'
    (region / "bedömningar.toml").write_text(
        '[tests.T01]\nclaim = "value_added_growth"\ncode = "M_KUND"\n'
        f'[[tests.T01.judgements]]\njudge = "A"\nrival = "export_boom"\n{levels}',
        encoding="utf-8",
    )
    write_lines(region / "egna.csv", ["claim,organisation,by,reason,verdict", "innovation,K01,AL,a reason,undecided"])
    path, notes = write_plan(region)
    assert {"judgements: bedömningar.toml", "overrides: egna.csv"} <= set(notes)
    text = path.read_text(encoding="utf-8")
    assert "# judgements = " not in text
    assert 'overrides = "egna.csv"' in text
    assert Study.from_toml(path).preflight() == []
