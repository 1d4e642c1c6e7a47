"""The simulated region: files, dirt, survey, interviews, and a truth that can be recomputed from the files."""

import io
import json
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from defusedxml import ElementTree
from stdnum.se import orgnr as swedish

from clustereffects.data.files import read_table
from clustereffects.datasets import RegionOptions, SimulatedRegion, simulate_region
from clustereffects.datasets import _survey as survey_model
from clustereffects.errors import OptionError

OUTCOMES = {"log_value_added": 0, "log_employees": 1, "log_turnover": 2}
PROFILE = [0.25, 0.5, 0.75, 1.0]
NAMESPACE = {"q": "urn:QDA-XML:project:1.0"}
SMALL = {"n_firms": 2_000, "n_members": 150, "n_interviews": 24}


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> SimulatedRegion:
    return simulate_region(tmp_path_factory.mktemp("region"), rng=11)


@pytest.fixture(scope="module")
def accounts(region: SimulatedRegion) -> pd.DataFrame:
    return read_table(region.folder / "accounts.parquet").frame


@pytest.fixture(scope="module")
def listed(region: SimulatedRegion) -> pd.DataFrame:
    return read_table(region.folder / "members.csv").frame


def usable(accounts: pd.DataFrame) -> dict[str, pd.Series]:
    """Which rows hold a usable value of each outcome, from the table alone."""
    known = accounts["status"] != "K"
    return {
        "log_value_added": known & (accounts["value_added"] > 0),
        "log_employees": accounts["employees"] > 0,
        "log_turnover": known & (accounts["net_turnover"] > 0),
    }


def member_years(region: SimulatedRegion, accounts: pd.DataFrame) -> pd.DataFrame:
    members = pd.DataFrame(region.truth["members"])
    columns = usable(accounts)
    rows = accounts.assign(**columns).merge(members, on="orgnr")
    return rows.assign(event_time=rows["year"] - rows["joined"])


def test_all_files_are_written_and_nothing_else(region: SimulatedRegion) -> None:
    assert sorted(path.name for path in region.folder.iterdir()) == sorted(region.files)
    assert region.study.is_file()
    assert json.loads((region.folder / "truth.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(region.truth, allow_nan=False)
    )


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    options = RegionOptions(**SMALL)
    first, second, other = (
        simulate_region(tmp_path / name, options, rng=seed) for name, seed in (("a", 5), ("b", 5), ("c", 6))
    )
    for name in first.files:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name
    assert (first.folder / "accounts.parquet").read_bytes() != (other.folder / "accounts.parquet").read_bytes()


@pytest.mark.parametrize(
    ("name", "dialect", "columns"),
    [
        ("organisations.csv", "UTF-8, separator ','", ["organisation", "name", "field", "county", "started"]),
        (
            "members.csv",
            "UTF-8 with byte-order mark, separator ';'",
            ["organisation", "firm", "orgnr", "joined", "left", "participation"],
        ),
        ("deflator.csv", "UTF-8, separator ','", ["year", "index"]),
        ("industry_key.csv", "UTF-8, separator ','", ["sni2002", "sni2007", "share"]),
        ("supports.csv", "UTF-8, separator ','", ["orgnr", "year", "programme", "amount"]),
        ("survey_frame.csv", "UTF-8, separator ','", ["orgnr", "organisation", "wave", "asked"]),
        (
            "codings.csv",
            "UTF-8, separator ','",
            ["source", "organisation", "respondent", "role", "coder", "code", "start", "end", "quote"],
        ),
        (
            "bridge.csv",
            "UTF-8, separator ','",
            ["code", "claim", "test", "target", "p_benefit", "p_negligible", "p_harm", "group", "registered"],
        ),
    ],
)
def test_tables_are_readable(region: SimulatedRegion, name: str, dialect: str, columns: list[str]) -> None:
    table = read_table(region.folder / name)
    assert table.dialect == dialect
    assert list(table.frame.columns) == columns
    assert len(table.frame) > 0


def test_accounts_have_the_columns_and_quirks_of_a_register_export(accounts: pd.DataFrame) -> None:
    assert list(accounts.columns) == [
        *("orgnr", "year", "legal_form", "status", "sni", "municipality", "group_orgnr"),
        *("net_turnover", "value_added", "personnel_cost", "depreciation", "operating_profit", "total_assets"),
        "employees",
    ]
    assert not accounts.duplicated(["orgnr", "year"]).any()
    assert accounts["orgnr"].dtype == np.float64
    numbers = accounts["orgnr"].astype("int64").drop_duplicates().astype(str)
    assert numbers.map(swedish.is_valid).all()
    assert accounts["municipality"].str.fullmatch(r"\d{4}").all()
    hidden = accounts[accounts["status"] == "K"]
    assert len(hidden) > 0
    assert hidden["value_added"].isna().any()
    assert (hidden["value_added"] == 0).any()
    assert hidden["employees"].notna().all()
    balance = accounts["value_added"] - accounts["personnel_cost"] - accounts["depreciation"]
    assert (accounts["operating_profit"] - balance).abs().max() < 1e-6


def test_industry_codes_change_version_and_lose_zeros(region: SimulatedRegion, accounts: pd.DataFrame) -> None:
    key = read_table(region.folder / "industry_key.csv").frame
    assert key.groupby("sni2002")["share"].apply(lambda share: share.astype(float).sum()).to_numpy() == pytest.approx(1)
    old = accounts[accounts["year"].between(2005, 2007)]
    new = accounts[accounts["year"] >= 2008]
    assert set(old["sni"]) <= set(key["sni2002"])
    assert set(new["sni"]) <= set(key["sni2007"])
    early = accounts[accounts["year"] < 2005]
    assert (early["sni"].str.len() == 4).any()
    assert set(early["sni"].str.zfill(5)) <= set(key["sni2002"])


def test_money_is_nominal(region: SimulatedRegion, accounts: pd.DataFrame) -> None:
    index = read_table(region.folder / "deflator.csv").frame.astype(float).set_index("year")["index"]
    assert index[2010] == 100
    assert index.is_monotonic_increasing
    wage = accounts["personnel_cost"] / accounts["employees"].where(accounts["employees"] >= 10)
    medians = wage.groupby(accounts["year"]).median()
    real = medians / index * 100
    assert medians[2013] / medians[2000] > 1.35
    assert real[2013] / real[2000] == pytest.approx(1.012**13, rel=0.05)


def test_firms_enter_exit_and_shrink_in_the_crisis(accounts: pd.DataFrame) -> None:
    spells = accounts.groupby("orgnr")["year"].agg(["min", "max", "size"])
    assert (spells["min"] > 2000).mean() > 0.2
    assert (spells["max"] < 2013).mean() > 0.1
    assert (spells["max"] - spells["min"] + 1 == spells["size"]).all()
    log = np.log(accounts["value_added"].where(accounts["value_added"] > 0))
    wide = accounts.assign(log=log).pivot_table(index="orgnr", columns="year", values="log")
    growth = wide.diff(axis=1).mean()
    assert growth.idxmin() == 2009


def test_dirt_of_the_accounts_is_counted(region: SimulatedRegion, accounts: pd.DataFrame) -> None:
    dirt = region.truth["accounts_dirt"]
    assert dirt["status_k_rows"] == (accounts["status"] == "K").sum()
    zero = (accounts["status"] == "K") & (accounts["value_added"] == 0)
    assert dirt["status_k_rows_written_as_zero"] == zero.sum()
    assert dirt["value_added_not_positive"] == (accounts["value_added"] <= 0).sum()
    assert dirt["outlier_rows_x1000"] > 0
    assert dirt["other_legal_form_firms"] == accounts.loc[accounts["legal_form"] != 49, "orgnr"].nunique()
    assert region.truth["accounts_rows"] == len(accounts)


def test_dirt_of_the_member_list_is_where_the_truth_says(
    region: SimulatedRegion, accounts: pd.DataFrame, listed: pd.DataFrame
) -> None:
    dirt = region.truth["member_dirt"]
    kinds = {"duplicate_row", "wrong_check_digit", "missing_joined", "two_organisations", "ends_before_start"}
    assert set(dirt) == kinds | {"absent_from_accounts", "odd_format"}
    rows = {kind: listed.iloc[[entry["row"] for entry in entries]] for kind, entries in dirt.items()}
    for kind, entries in dirt.items():
        assert rows[kind]["orgnr"].tolist() == [entry["written"] for entry in entries]
    wrong = ~listed["orgnr"].str.replace(r"[- ]|\.0$", "", regex=True).map(
        lambda text: swedish.is_valid(text.removeprefix("16") if len(text) == 12 else text.removeprefix("SE")[:10])
    )
    assert listed.index[wrong].tolist() == rows["wrong_check_digit"].index.tolist()
    assert listed.index[listed["joined"].isna()].tolist() == rows["missing_joined"].index.tolist()
    ended = pd.to_numeric(listed["left"]) < pd.to_numeric(listed["joined"].str[:4])
    assert listed.index[ended].tolist() == rows["ends_before_start"].index.tolist()
    assert rows["duplicate_row"].duplicated(keep=False).all()
    per_firm = rows["two_organisations"].groupby("orgnr")["organisation"].nunique()
    assert (per_firm == 2).all()
    known = set(accounts["orgnr"].astype("int64"))
    assert not {entry["orgnr"] for entry in dirt["absent_from_accounts"]} & known
    assert {entry["orgnr"] for kind in kinds for entry in dirt[kind]} <= known


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_truth_of_all_members_follows_from_the_files(
    region: SimulatedRegion, accounts: pd.DataFrame, outcome: str
) -> None:
    rows = member_years(region, accounts)
    rows = rows[(rows["event_time"] >= 0) & rows[outcome]]
    share = np.array(PROFILE)[rows["event_time"].clip(upper=3)]
    contribution = pd.Series(rows["theta"].str[OUTCOMES[outcome]] * share, index=rows.index)
    early = rows["event_time"] <= 5
    truth = region.truth["programme"]["att"]["all"][outcome]
    assert truth["overall"] == pytest.approx(contribution.mean(), abs=1e-12)
    assert truth["overall_0_5"] == pytest.approx(contribution[early].mean(), abs=1e-12)
    by_time = contribution[early].groupby(rows["event_time"]).mean()
    assert list(truth["by_event_time"].values()) == pytest.approx(by_time.tolist(), abs=1e-12)
    assert list(truth["n_by_event_time"].values()) == rows[early].groupby("event_time").size().tolist()
    assert truth["firms"] == rows["orgnr"].nunique()
    for name, group in contribution.groupby(rows["organisation"]):
        per_organisation = region.truth["organisations"][name]["att"]["all"][outcome]
        assert per_organisation["overall"] == pytest.approx(group.mean(), abs=1e-12)


def test_evaluable_members_follow_from_the_files(region: SimulatedRegion, accounts: pd.DataFrame) -> None:
    rows = member_years(region, accounts)
    rows = rows[rows["log_value_added"]]
    seen = rows.groupby("orgnr")["event_time"].agg(set)
    dirt = region.truth["member_dirt"]
    spoiled = {
        entry["orgnr"] for kind in ("wrong_check_digit", "missing_joined", "ends_before_start") for entry in dirt[kind]
    }
    limited = set(accounts.loc[accounts["legal_form"] == 49, "orgnr"])
    for member in region.truth["members"]:
        number = member["orgnr"]
        times = seen.get(number, set())
        expected = number in limited and number not in spoiled and member["joined"] >= 2002
        expected = expected and -1 in times and bool(times & {-2, -3}) and any(time >= 0 for time in times)
        assert member["evaluable"] == expected
    assert region.truth["programme"]["evaluable"] == sum(member["evaluable"] for member in region.truth["members"])


def test_caused_value_adds_up_over_organisations(region: SimulatedRegion) -> None:
    total = region.truth["programme"]["value_added_caused"]["total"]
    parts = [entry["value_added_caused"]["total"] for entry in region.truth["organisations"].values()]
    assert total == pytest.approx(sum(parts))
    assert total == pytest.approx(sum(region.truth["programme"]["value_added_caused"]["by_year"].values()))


def test_naive_comparison_misleads_by_selection(region: SimulatedRegion) -> None:
    organisations = region.truth["organisations"].values()
    bias = {
        kind: np.mean([entry["naive"]["bias_vs_county"] for entry in organisations if entry["selection"] == kind])
        for kind in ("growing", "declining")
    }
    assert bias["growing"] > 0.05
    assert bias["declining"] < 0
    assert region.truth["programme"]["naive"]["mean_bias_vs_county"] > 0.03


def test_one_mill_dominates_its_organisation(region: SimulatedRegion) -> None:
    mills = [name for name, entry in region.truth["organisations"].items() if entry["mill"]]
    assert mills == ["K01"]
    assert region.truth["organisations"]["K01"]["dominant_share"] > 0.3


def test_states_follow_from_values(region: SimulatedRegion) -> None:
    for entry in region.truth["organisations"].values():
        for claim in entry["claims"].values():
            expected = "benefit" if claim["value"] > claim["delta"] else "harm"
            expected = "negligible" if abs(claim["value"]) <= claim["delta"] else expected
            assert claim["state"] == expected
    for name in region.truth["null_organisations"]:
        states = {claim["state"] for claim in region.truth["organisations"][name]["claims"].values()}
        assert states == {"negligible"}
    assert "negative" in region.truth["drawn_as"].values()
    assert len(region.truth["negative_organisations"]) >= 1


def test_null_region_has_no_effect_anywhere(tmp_path: Path) -> None:
    truth = simulate_region(tmp_path, RegionOptions(scenario="null", **SMALL), rng=1).truth
    for outcome in OUTCOMES:
        assert truth["programme"]["att"]["all"][outcome]["overall"] == 0
        assert set(truth["programme"]["att"]["all"][outcome]["by_event_time"].values()) == {0}
    assert truth["programme"]["value_added_caused"]["total"] == 0
    assert truth["spillover"]["mean_realised"] == 0
    assert len(truth["null_organisations"]) == 8
    states = [claim["state"] for entry in truth["organisations"].values() for claim in entry["claims"].values()]
    assert set(states) == {"negligible"}


def test_scenarios_change_what_they_name(tmp_path: Path) -> None:
    truths = {
        scenario: simulate_region(tmp_path / scenario, RegionOptions(scenario=scenario, **SMALL), rng=1).truth
        for scenario in ("baseline", "violated", "heterogeneous", "spillover")
    }
    base = truths["baseline"]
    assert base["violation"]["realised_by_event_time"]["3"] == 0
    assert truths["violated"]["violation"]["realised_by_event_time"]["3"] == pytest.approx(0.105)
    assert truths["spillover"]["spillover"]["mean_realised"] == pytest.approx(-0.03)
    spread = {
        name: np.std([entry["mu"]["log_value_added"] for entry in truth["organisations"].values()])
        for name, truth in truths.items()
    }
    assert spread["heterogeneous"] > 1.5 * spread["baseline"]


def test_survey_waves_come_in_three_formats(region: SimulatedRegion) -> None:
    book = tomllib.loads((region.folder / "codebook.toml").read_text(encoding="utf-8"))
    items = [item for scale in book["scales"].values() for item in scale["items"]]
    assert set(items) == set(book["items"])
    plain = read_table(region.folder / "survey_2011.csv")
    assert plain.dialect == "UTF-8, separator ';'"
    assert list(plain.frame.columns) == ["respondent", "orgnr", "organisation", "wave", "role", *items]
    sheet = read_table(region.folder / "survey_2012.xlsx").frame
    assert sheet.columns[0] == "Medlemsenkät 2012 – svar per den 30 november"
    assert [book["columns"][header] for header in sheet.iloc[0]] == list(plain.frame.columns)
    online = read_table(region.folder / "survey_2013.csv")
    assert online.dialect == "UTF-8 with byte-order mark, separator ','"
    assert list(online.frame.columns) == ["StartDate", "Finished", *plain.frame.columns]
    assert online.frame.iloc[0]["respondent"] == "Response ID"
    assert online.frame.iloc[0][items[0]] == book["items"][items[0]]["sv"]
    answers = plain.frame[items].to_numpy(dtype=object).ravel()
    assert {value for value in answers if not pd.isna(value)} == {"1", "2", "3", "4", "5", "98", "99"}


def test_only_those_asked_answer(region: SimulatedRegion) -> None:
    frame = read_table(region.folder / "survey_frame.csv").frame
    asked = set(frame.loc[(frame["wave"] == "2011") & (frame["asked"] == "1"), "orgnr"])
    answered = read_table(region.folder / "survey_2011.csv").frame
    assert set(answered["orgnr"].str.replace("-", "")) <= asked
    assert answered["organisation"].isna().any()
    assert frame["asked"].eq("0").any()
    survey = region.truth["survey"]["organisations"]
    for name, group in frame[frame["asked"] == "1"].groupby("organisation"):
        assert survey[name]["asked"] == len(group)
        assert 0 < survey[name]["answered"] <= survey[name]["asked"]
    assert region.truth["survey"]["non_members"]["answered"] > 0


def test_perceived_benefit_scales_with_the_effect() -> None:
    assert survey_model.benefit(np.array([0.06]), "growth") == pytest.approx(0.45)
    assert survey_model.benefit(np.array([0.06]), "control") == 0


def test_codings_quote_the_text(region: SimulatedRegion) -> None:
    codings = read_table(region.folder / "codings.csv").frame
    texts = {name: text.replace("\r\n", "\n") for name, text in project_texts(region).items()}
    for row in codings.itertuples():
        assert texts[row.source][int(row.start) : int(row.end)] == row.quote
    per_source = codings.groupby("source")["coder"].nunique()
    assert (per_source == 2).sum() >= 10
    assert (per_source == 1).any()
    assert region.truth["interviews"]["codings"] == len(codings)
    assert set(codings["organisation"]) == set(region.truth["organisations"])


def test_project_is_a_valid_refi_qda_archive(region: SimulatedRegion) -> None:
    root, texts = project_root(region), project_texts(region)
    traps = region.truth["interviews"]["traps"]
    newline = {source: kind for kind, sources in traps["newline"].items() for source in sources}
    codes = {code.get("guid") for code in root.iterfind(".//q:Code", NAMESPACE)}
    users = {user.get("guid") for user in root.iterfind(".//q:User", NAMESPACE)}
    uncoded, number = [], 0
    for source in root.iterfind(".//q:TextSource", NAMESPACE):
        name = source.get("name")
        text = texts[name]
        counted = text.replace("\r\n", "\n") if newline[name] == "crlf_as_one" else text
        for selection in source.iterfind("q:PlainTextSelection", NAMESPACE):
            quote = counted[int(selection.get("startPosition")) : int(selection.get("endPosition"))]
            assert quote.replace("\r\n", "\n").startswith(selection.get("name").replace("\r\n", "\n"))
            assert selection.get("creatingUser") in users
            coding = selection.find("q:Coding/q:CodeRef", NAMESPACE)
            if coding is None:
                uncoded.append(name)
            else:
                number += 1
                assert coding.get("targetGUID") in codes
    assert uncoded == traps["selections_without_coding"]
    assert number == region.truth["interviews"]["codings"]
    assert all(newline[name] == "lf" or "\r\n" in text for name, text in texts.items())
    guids = [element.get("guid") for element in root.iter() if element.get("guid")]
    assert len(guids) == len(set(guids))


def test_cases_carry_organisation_and_role(region: SimulatedRegion) -> None:
    root = project_root(region)
    variables = {entry.get("guid"): entry.get("name") for entry in root.iterfind(".//q:Variable", NAMESPACE)}
    sources = {entry.get("guid"): entry.get("name") for entry in root.iterfind(".//q:TextSource", NAMESPACE)}
    presence = {entry["source"]: entry for entry in region.truth["interviews"]["presence"]}
    nameless = []
    for case in root.iterfind(".//q:Case", NAMESPACE):
        source = sources[case.find("q:SourceRef", NAMESPACE).get("targetGUID")]
        for value in case.iterfind("q:VariableValue", NAMESPACE):
            name = variables[value.find("q:VariableRef", NAMESPACE).get("targetGUID")]
            assert value.findtext("q:TextValue", namespaces=NAMESPACE) == presence[source][name]
        if case.get("name") is None:
            nameless.append(source)
    assert nameless == [region.truth["interviews"]["traps"]["case_without_name"]]


def test_the_archive_holds_no_clock(region: SimulatedRegion) -> None:
    for name in ("interviews.qdpx", "survey_2012.xlsx"):
        with zipfile.ZipFile(region.folder / name) as archive:
            assert {entry.date_time for entry in archive.infolist()} == {(2013, 6, 1, 12, 0, 0)}


def test_bridge_and_codes_fit_together(region: SimulatedRegion) -> None:
    bridge = read_table(region.folder / "bridge.csv").frame
    theory = tomllib.loads((region.folder / "theory.toml").read_text(encoding="utf-8"))
    interviews = region.truth["interviews"]
    missing = set(interviews["p_by_state"]) - set(bridge["code"])
    assert missing == {interviews["traps"]["code_without_bridge_row"]}
    late = bridge.loc[bridge["registered"] > "2013-06-01", "code"].tolist()
    assert late == [interviews["traps"]["registered_after_the_data"]]
    assert set(bridge["claim"]) <= set(theory["claims"])
    rivals = bridge.loc[bridge["target"].str.startswith("rival:"), "target"].str.removeprefix("rival:")
    assert set(rivals) <= set(theory["rivals"])
    assert bridge["p_benefit"].str.fullmatch(r"0\.\d\d(-0\.\d\d)?").all()


def test_plan_names_existing_files_and_the_theory_is_connected(region: SimulatedRegion) -> None:
    plan = tomllib.loads(region.study.read_text(encoding="utf-8"))
    sections = ("study", "files", "outcomes", "population", "matching", "estimator", "bias", "thresholds", "disclosure")
    assert tuple(plan) == sections
    named = [name for value in plan["files"].values() for name in (value if isinstance(value, list) else [value])]
    assert set(named) == set(region.files) - {"study.toml", "truth.json"}
    assert (plan["study"]["first_year"], plan["study"]["last_year"], plan["study"]["seed"]) == (2000, 2013, 2013)
    theory = tomllib.loads((region.folder / "theory.toml").read_text(encoding="utf-8"))
    for claim in theory["claims"].values():
        assert claim["link"] in theory["links"]
        assert set(claim["rivals"]) <= set(theory["rivals"])
    assert set(region.truth["organisations"]["K01"]["claims"]) == set(theory["claims"])


def test_a_clean_region_has_no_dirt(tmp_path: Path) -> None:
    region = simulate_region(tmp_path, RegionOptions(dirty=False, **SMALL), rng=3)
    accounts = read_table(tmp_path / "accounts.parquet").frame
    assert accounts["orgnr"].dtype == np.int64
    assert "K" not in set(accounts["status"])
    assert accounts["value_added"].notna().all()
    assert (accounts["sni"].str.len() == 5).all()
    assert region.truth["member_dirt"] == {}
    assert len(read_table(tmp_path / "members.csv").frame) == 150


def test_other_years_and_sizes(tmp_path: Path) -> None:
    options = RegionOptions(
        n_firms=3_000, n_organisations=12, n_members=200, n_interviews=12, first_year=2004, last_year=2016, seed=7
    )
    region = simulate_region(tmp_path, options, rng=2)
    assert len(region.truth["organisations"]) == 12
    assert {"survey_2014.csv", "survey_2015.xlsx", "survey_2016.csv"} <= set(region.files)
    assert region.truth["programme"]["members"] == 200
    assert "seed = 7" in region.study.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scenario": "rosy"}, "scenario cannot be 'rosy' .* one of baseline"),
        ({"n_organisations": 13}, "n_organisations cannot be 13 .* 1 to 12"),
        ({"n_members": 10_000}, "n_members cannot be 10000 .* 120 to 600"),
        ({"n_interviews": 0}, "n_interviews cannot be 0"),
        ({"last_year": 2008}, "last_year cannot be 2008 .* twelve years or more"),
        ({"null_organisations": 8}, "null_organisations cannot be 9"),
        ({"profile": ()}, "profile cannot be"),
        ({"effect_sd": -0.1}, "effect_sd, firm_effect_sd cannot be -0.1"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        RegionOptions(**options)


def project_root(region: SimulatedRegion) -> ElementTree:
    with zipfile.ZipFile(region.folder / "interviews.qdpx") as archive:
        return ElementTree.parse(io.BytesIO(archive.read("project.qde"))).getroot()


def project_texts(region: SimulatedRegion) -> dict[str, str]:
    with zipfile.ZipFile(region.folder / "interviews.qdpx") as archive:
        return {
            source.get("name"): archive.read(source.get("plainTextPath").replace("internal://", "sources/")).decode(
                "utf-8"
            )
            for source in project_root(region).iterfind(".//q:TextSource", NAMESPACE)
        }
