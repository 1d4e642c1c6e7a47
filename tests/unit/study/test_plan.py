"""The plan: every key checked, every problem at once, and a hash that knows choices from layout."""

import dataclasses
from pathlib import Path

import pytest

from clustereffects.errors import PlanError
from clustereffects.study import Plan, Study
from support.regions import edit


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def problems(tmp_path):
    def found(text: str) -> list[str]:
        plan, problems = Plan.read(write(tmp_path, text))
        assert isinstance(plan, Plan)
        return [str(problem) for problem in problems]

    return found


def test_an_empty_plan_has_defaults(tmp_path):
    plan = Plan.from_toml(write(tmp_path, ""))
    assert plan == dataclasses.replace(Plan(folder=tmp_path.resolve()), name="study.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[matching]\ncontrls = 5", "unknown key 'contrls' in [matching] – expected one of exact, nearest, "),
        ("[matching]\ncontrls = 5", "– did you mean 'controls'?"),
        ("[study]\nxyz = 5", "unknown key 'xyz' in [study]"),
        ("[study]\nxyz = 5", "– remove it"),
        ("[mtching]\ncontrols = 5", "study.toml: unknown section [mtching] – expected one of [study], [files]"),
        ("matching = 5", "[matching] is not a table"),
        ("[matching]\ncontrols = 'five'", "[matching] controls = 'five' – expected a whole number"),
        ("[matching]\ncontrols = true", "[matching] controls = True – expected a whole number"),
        ("[matching]\ncontrols = 0", "[matching] controls = 0 – expected a value from 1 to 100"),
        ("[matching]\nreplace = 1", "[matching] replace = 1 – expected true or false"),
        ("[matching]\nexact = ['sector']", "expected one of 'industry_division', 'size_class', 'legal_form', 'county'"),
        ("[matching]\nexact = [1]", "[matching] exact = [1] – expected a list of text in quotes"),
        ("[matching]\nnearest = []", "[matching] nearest is empty – expected at least one name"),
        ("[matching]\nmethod = 'full'", "[matching] method = 'full' – expected one of 'nearest', 'optimal', "),
        (
            "[matching]\nladder = 5",
            "[matching] ladder = 5 – expected a table of lists, such as {industry = [5, 4, 3, 2]}",
        ),
        ("[matching]\nladder = {sector = [5, 4]}", "expected columns among industry, industry_division, "),
        ("[matching]\nladder = {industry = [true]}", "expected a table of lists"),
        ("[matching]\nladder = {industry = [2, 5]}", "numbers of digits that fall from step to step"),
        ("[matching]\nrules = 5", "expected tables [[matching.rules]] with kind and column"),
        ("[[matching.rules]]\ncolumn = 'county'", "expected in rule 1 the key 'kind'"),
        (
            "[[matching.rules]]\nkind = 'shares'\ncolumn = 'county'\nwho = 1",
            "expected in rule 1 no key 'who', but only ",
        ),
        ("[[matching.rules]]\nkind = 'shares'\ncolumn = 'sector'", "expected in rule 1 a column among industry, "),
        ("[[matching.rules]]\nkind = 'near'\ncolumn = 'county'", "in rule 1 option kind='near': 'flagged' or 'shares'"),
        ("[matching]\nsize_factor = 1", "[matching] option factor of employees=1.0 – expected a number greater than 1"),
        (
            "[matching]\nreuse = 2\nreplace = false",
            "option reuse=2 – expected None, unless pairs are made with replacement",
        ),
        ("[matching]\nmethod = 'entropy'\ncaliper = 1", "expected none with method='entropy'"),
        (
            "[matching]\nsupport_window = [1]\n[files]\nsupports = 'a.csv'",
            "[matching] support_window = [1] – expected two ",
        ),
        ("[matching]\nsupport_window = [-3, 5]", "[matching] has a support_window but [files] no supports"),
        ("[outcomes]\nnames = []", "[outcomes] names is empty"),
        ("[outcomes]\nnames = ['profit']", "[outcomes] names = ['profit'] – expected one of 'value_added', "),
        ("[study]\nseed = -1", "[study] seed = -1 – expected at least 0"),
        ("[study]\nlanguage = 'fi'", "[study] language = 'fi' – expected one of 'sv', 'en'"),
        ("[study]\nfirst_year = 2013\nlast_year = 2013", "[study] first_year is not before last_year"),
        ("[thresholds]\nbenefit = nan", "[thresholds] benefit = nan – expected a number"),
        ("[thresholds]\nbenefit = 0.4", "[thresholds] benefit = 0.4 – expected a value from 0.51 to 1"),
        ("[disclosure]\ndominance_top1 = 0", "[disclosure] dominance_top1 = 0 – expected a value from 0.01 to 1"),
        ("[estimator]\nevent_times = [-5, 5, 6]", "[estimator] event_times = [-5, 5, 6] – expected two whole numbers"),
        ("[estimator]\nevent_times = [-1, 5]", "the first at most -2, the second at least 0"),
        ("[estimator]\nevent_times = 5", "[estimator] event_times = [5]"),
        ("[files]\naccounts = ''", "[files] accounts is empty"),
        ("[files]\nsurvey = ['a.csv']", "[files] has a survey but no codebook"),
        ("[files]\ncodings = 'a.csv'", "[files] has interviews but no bridge to the claims"),
        ("[triangulation]\nprior = 'flat'", "[triangulation] prior = 'flat' – expected one of 'provisional', 'organ"),
        ("[triangulation]\nrobust_weight = 2", "[triangulation] robust_weight = 2 – expected a value from 0 to 1"),
        (
            "[triangulation]\nheterogeneity = 0",
            "[triangulation] heterogeneity = 0 – expected a value from 0.01 to 1000",
        ),
        (
            "[triangulation]\nengines = ['dice']",
            "[triangulation] engines = ['dice'] – expected one of 'bayes', 'rubric'",
        ),
    ],
)
def test_each_fault_in_the_words_of_every_message(problems, text, words):
    found = problems(text)
    assert len(found) == 1
    assert words in found[0]
    assert found[0].startswith("study.toml: ")


def test_all_faults_of_a_plan_at_once(tmp_path):
    path = write(tmp_path, "[matching]\ncontrls = 5\nlags = 9\n[extra]\n[outcomes]\nnames = []\n")
    with pytest.raises(PlanError, match="4 problems") as refused:
        Plan.from_toml(path)
    assert {problem.what for problem in refused.value.problems} == {
        "unknown section [extra]",
        "[outcomes] names is empty",
        "unknown key 'contrls' in [matching]",
        "[matching] lags = 9",
    }


def test_defaults_stand_in_for_what_is_wrong(tmp_path):
    plan, problems = Plan.read(write(tmp_path, "[matching]\ncontrols = 'five'\nlags = 4\n"))
    assert len(problems) == 1
    assert (plan.matching.controls, plan.matching.lags) == (5, 4)


@pytest.mark.parametrize("text", ["[study", "title = ", "a = 1\na = 2"])
def test_what_is_no_toml(tmp_path, text):
    with pytest.raises(PlanError, match=r"study\.toml: the plan is not valid TOML"):
        Study.from_toml(write(tmp_path, text))


def test_latin_1_is_no_toml(tmp_path):
    (tmp_path / "study.toml").write_bytes("[study]\ntitle = 'Värmland'".encode("latin-1"))
    with pytest.raises(PlanError, match="the plan is not valid TOML"):
        Plan.from_toml(tmp_path / "study.toml")


def test_a_byte_order_mark_is_fine(tmp_path):
    (tmp_path / "study.toml").write_text("[study]\ntitle = 'Värmland'", encoding="utf-8-sig")
    assert Plan.from_toml(tmp_path / "study.toml").study.title == "Värmland"


@pytest.mark.parametrize("name", ["no-such-plan.toml", "."])
def test_a_plan_that_cannot_be_read(tmp_path, name):
    with pytest.raises(PlanError, match="the plan cannot be read"):
        Plan.from_toml(tmp_path / name)


def test_the_hash_is_about_choices(region):
    plan = Plan.from_toml(region / "study.toml")
    text = (region / "study.toml").read_text(encoding="utf-8")
    blocks = text.split("\n\n")
    shuffled = "\n\n".join([blocks[0], *reversed(blocks[1:])]) + "\n# a comment\n"
    (region / "other.toml").write_text(shuffled, encoding="utf-8")
    assert Plan.from_toml(region / "other.toml").hash == plan.hash
    edit(region / "other.toml", "controls = 5", "controls = 6")
    assert Plan.from_toml(region / "other.toml").hash != plan.hash


def test_the_registered_hash_is_not_part_of_the_hash(tmp_path):
    plan = Plan(folder=tmp_path)
    registered = dataclasses.replace(plan, study=dataclasses.replace(plan.study, registered=plan.hash))
    assert registered.hash == plan.hash


def test_languages_begin_with_that_of_the_report(tmp_path):
    plan = Plan.from_toml(write(tmp_path, "[study]\nlanguage = 'en'\nlanguages = ['sv', 'en']"))
    assert plan.languages == ("en", "sv")
