"""The intake finds all dirt that a simulated region puts into its files, row by row, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from clustereffects.accounts import (
    AccountsOptions,
    PanelOptions,
    build_panel_frame,
    compare_growth,
    evaluable_members,
    link_members,
    read_accounts,
    read_deflator,
    read_industry_key,
    read_members,
    read_organisations,
    read_supports,
)
from clustereffects.datasets.region import RegionOptions, simulate_region

RULES = {
    "duplicate_row": "duplicate row",
    "wrong_check_digit": "wrong check digit",
    "missing_joined": "joining year missing",
    "two_organisations": "firm in two organisations",
    "ends_before_start": "spell ends before it starts",
    "absent_from_accounts": "firm has no statement in the accounts",
    "odd_format": "organisation number written differently",
}
SMALL = RegionOptions(n_firms=3_000, n_members=200, n_interviews=8)
LARGE = RegionOptions(n_firms=20_000, n_members=600, n_interviews=8)


def _intake(folder):
    organisations = read_organisations(folder / "organisations.csv")
    accounts = read_accounts(folder / "accounts.parquet")
    members = link_members(read_members(folder / "members.csv", organisations), accounts, organisations)
    result = build_panel_frame(
        accounts,
        members,
        read_deflator(folder / "deflator.csv"),
        read_industry_key(folder / "industry_key.csv"),
        PanelOptions(base_year=2010),
        read_supports(folder / "supports.csv"),
    )
    return result.frame, members, organisations


def _check(region):
    frame, members, organisations = _intake(region.folder)
    for kind, found in region.truth["member_dirt"].items():
        rows = {entry["row"] + 2 for entry in found}
        assert rows <= set(members.ledger.rows(RULES[kind])), kind
    truth = pd.DataFrame(region.truth["members"])
    table = evaluable_members(frame, members, "log_value_added")
    assert set(table.loc[table["reason"] == "", "firm"]) == set(truth.loc[truth["evaluable"], "orgnr"])
    both = table.merge(truth, left_on="firm", right_on="orgnr", suffixes=("", "_true"))
    assert (both["cohort"] == both["joined"]).all()
    assert (both["organisation"] == both["organisation_true"]).all()
    controls = set(frame.loc[~frame["ever_member"], "firm"])
    assert not controls & set(truth["orgnr"])
    years = sorted(frame["year"].unique())
    compared = compare_growth(frame, members, organisations.county, window=(years[-7], years[-2]))
    assert np.isfinite(compared.frame.loc[compared.frame["organisation"] == "programme", "difference"]).all()


def _check_accounts(region):
    ledger = read_accounts(region.folder / "accounts.parquet", AccountsOptions(legal_form=None)).ledger
    dirt = region.truth["accounts_dirt"]
    certain, uncertain = (len(ledger.rows(f"money {word}in SEK instead of kSEK")) for word in ("", "perhaps "))
    assert certain + uncertain == dirt["outlier_rows_x1000"]
    assert len(ledger.rows("result reported by another company")) == dirt["status_k_rows"]


@pytest.mark.parametrize("seed", [1, 2])
def test_all_dirt_is_found_by_row(tmp_path, seed):
    region = simulate_region(tmp_path, SMALL, rng=seed)
    _check(region)
    _check_accounts(region)


def test_a_clean_region_is_left_alone(tmp_path):
    region = simulate_region(tmp_path, RegionOptions(n_firms=3_000, n_members=200, n_interviews=8, dirty=False), rng=3)
    _check(region)
    assert read_accounts(region.folder / "accounts.parquet", AccountsOptions(legal_form=None)).ledger.entries == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_all_dirt_is_found_in_large_regions(tmp_path, seed):
    region = simulate_region(tmp_path, LARGE, rng=seed)
    _check(region)
    _check_accounts(region)
