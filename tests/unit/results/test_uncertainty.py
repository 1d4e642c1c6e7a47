"""Standard errors: the convention is stated, the level of assignment respected, nonsense refused."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clustereffects.errors import EstimationError, NotStoredError
from clustereffects.inference import Influence, Membership
from clustereffects.results import Cluster, Jackknife, MultiplierBootstrap, Replicates, Sampling, WildBootstrap
from clustereffects.results.uncertainty import Uncertainty, uncertainty
from support.made_effects import make

RNG = np.random.default_rng(7)


def _sampling(member, assignment=(), **clusters):
    return Sampling(
        units=pd.RangeIndex(member.shape[0]),
        clusters={name: np.asarray(codes) for name, codes in clusters.items()},
        membership=Membership.of(np.asarray(member, dtype=float)),
        assignment=assignment,
    )


def _by_hand(psi, codes, groups):
    """G/(G−1) Σ_g s_g s_g' / n² with a loop."""
    sums = np.array([psi[codes == code].sum(axis=0) for code in np.unique(codes)])
    return groups / (groups - 1) * sums.T @ sums / len(psi) ** 2


def test_independent_units_without_a_level_of_assignment():
    psi = RNG.normal(size=(30, 2))
    found = uncertainty(Influence(psi), None, _sampling(np.ones((30, 2))))
    np.testing.assert_allclose(found.cov, psi.T @ psi / 900, rtol=1e-12)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(found.cov)), rtol=1e-12)
    assert found.reference == "normal"
    assert found.convention == "influence function, independent units (30 units)"


def test_a_covariance_is_computed_once_it_is_asked_for():
    """Standard errors of thousands of effects do not wait for their covariances."""
    asked = []

    class Watched(Influence):
        def covariance(self, codes=None):
            asked.append(codes)
            return super().covariance(codes)

    found = uncertainty(Watched(RNG.normal(size=(30, 2))), None, _sampling(np.ones((30, 2))))
    assert (found.std_error > 0).all()
    assert not asked
    np.testing.assert_allclose(np.sqrt(np.diag(found.cov)), found.std_error, rtol=1e-12)
    assert found.cov is found.cov
    assert asked == [None]


def test_the_level_of_assignment_counts_treated_clusters_only():
    n = 40
    member = np.zeros((n, 1))
    member[:20] = 1.0
    town = np.r_[np.arange(20) % 5, 5 + np.arange(20)]
    psi = RNG.normal(size=(n, 1))
    found = uncertainty(Influence(psi), None, _sampling(member, ("town",), town=town))
    np.testing.assert_allclose(found.cov, _by_hand(psi, town, 5), rtol=1e-12)
    assert found.reference == "t(4)"
    assert found.df == 4
    assert found.convention == (
        "influence function, clustered at the assignment level: town (5 treated clusters), "
        "factor G/(G−1) and t(G−1) with the G treated clusters of each effect"
    )


def test_each_effect_has_its_own_number_of_treated_clusters():
    n = 60
    member = np.zeros((n, 2))
    member[:20, 0] = 1.0
    member[:6, 1] = 1.0
    town = np.r_[np.repeat(np.arange(5), 4), 5 + np.arange(40)]
    psi = RNG.normal(size=(n, 2))
    found = uncertainty(Influence(psi), None, _sampling(member, ("town",), town=town))
    raw = _by_hand(psi, town, 1e12)
    np.testing.assert_allclose(found.cov[0, 0], 5 / 4 * raw[0, 0], rtol=1e-9)
    np.testing.assert_allclose(found.cov[1, 1], 2 * raw[1, 1], rtol=1e-9)
    np.testing.assert_allclose(found.cov[0, 1], np.sqrt(5 / 4 * 2) * raw[0, 1], rtol=1e-9)
    np.testing.assert_array_equal(found.dfs, [4, 1])
    assert found.references == ["t(4)", "t(1)"]
    assert found.reference == "t(1) to t(4)"
    assert found.df == 4


def test_an_effect_that_rests_on_one_cluster_has_no_standard_error_beside_others():
    n = 30
    member = np.zeros((n, 3))
    member[:10, 0] = member[:2, 1] = 1.0
    town = np.r_[np.arange(10) // 2, 5 + np.arange(20)]
    psi = RNG.normal(size=(n, 3))
    psi[:, 2] = 0.0
    member[:10, 2] = 1.0
    found = uncertainty(Influence(psi), None, _sampling(member, ("town",), town=town))
    assert np.isnan(found.std_error[1])
    assert np.isnan(found.cov[1]).all()
    np.testing.assert_allclose(found.std_error[0] ** 2, _by_hand(psi, town, 5)[0, 0], rtol=1e-12)
    assert found.std_error[2] == 0.0
    assert found.convention.endswith("; 1 effect rests on one town alone: no standard error")


def test_effects_by_cluster_fall_back_to_errors_by_unit_and_say_so():
    n, member = 20, np.zeros((20, 2))
    member[:5, 0] = member[5:10, 1] = 1.0
    town = np.r_[np.zeros(5, int), np.ones(5, int), 2 + np.arange(10)]
    psi = RNG.normal(size=(n, 2))
    found = uncertainty(Influence(psi), None, _sampling(member, ("town",), town=town))
    np.testing.assert_allclose(found.cov, psi.T @ psi / n**2, rtol=1e-12)
    assert found.convention.endswith("treatment was assigned by town, but each effect rests on one town alone")
    assert found.reference == "normal"


def test_two_levels_of_assignment():
    n, member = 90, np.zeros((90, 1))
    member[:45] = 1.0
    town, sector = RNG.integers(0, 9, n), RNG.integers(0, 6, n)
    town[:9], sector[:6] = np.arange(9), np.arange(6)
    psi = RNG.normal(size=(n, 1))
    found = uncertainty(Influence(psi), None, _sampling(member, ("town", "sector"), town=town, sector=sector))
    both = town * 100 + sector
    pairs = len(np.unique(both[:45]))
    expected = _by_hand(psi, town, 9) + _by_hand(psi, sector, 6) - _by_hand(psi, both, pairs)
    np.testing.assert_allclose(found.cov, expected, rtol=1e-10)
    assert found.df == 5
    assert "town (9 treated clusters) and sector (6 treated clusters)" in found.convention


@pytest.mark.parametrize("small_sample", ["none", "stata", "nested"])
def test_a_chosen_clustering_uses_all_clusters(small_sample):
    psi, town = RNG.normal(size=(40, 2)), np.arange(40) % 8
    found = uncertainty(Influence(psi), Cluster("town", small_sample=small_sample), _sampling(psi > 0, town=town))
    factor = 1.0 if small_sample == "none" else 8 / 7
    np.testing.assert_allclose(found.cov, factor * _by_hand(psi, town, 1e15), rtol=1e-10)
    assert found.reference == ("normal" if small_sample == "none" else "t(7)")
    assert f"town (8 clusters, factor {factor:.4g}), small_sample={small_sample!r}" in found.convention


def test_a_chosen_two_way_clustering_gives_each_part_its_own_factor():
    psi, town, sector = RNG.normal(size=(60, 1)), np.arange(60) % 10, np.arange(60) // 8 % 4
    choice = Cluster("town", "sector", small_sample="stata")
    found = uncertainty(Influence(psi), choice, _sampling(psi > 0, town=town, sector=sector))
    both = town * 10 + sector
    expected = _by_hand(psi, town, 10) + _by_hand(psi, sector, 4) - _by_hand(psi, both, len(np.unique(both)))
    np.testing.assert_allclose(found.cov, np.maximum(expected, 0.0), rtol=1e-10)
    assert found.df == 3


@pytest.mark.parametrize("choice", [Cluster("one"), MultiplierBootstrap(draws=99, cluster="one")])
def test_one_cluster_is_refused(choice):
    psi = RNG.normal(size=(10, 1))
    with pytest.raises(EstimationError, match="clustered by 'one' – all units are in one cluster"):
        uncertainty(Influence(psi), choice, _sampling(psi > 0, one=np.zeros(10, int)))


def test_bootstrap_errors_are_the_interquartile_range_of_its_draws():
    psi = RNG.normal(size=(200, 2)) * [1.0, 3.0]
    choice = MultiplierBootstrap(draws=1999, rng=4)
    found = uncertainty(Influence(psi), choice, _sampling(np.ones((200, 2))))
    low, high = np.quantile(found.draws, [0.25, 0.75], axis=0, method="inverted_cdf")
    np.testing.assert_allclose(found.std_error, (high - low) / (2 * stats.norm.ppf(0.75)), rtol=1e-12)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(found.cov)), rtol=0.08)
    assert found.convention == (
        "multiplier bootstrap, 1999 rademacher draws, seed 4, independent units (200), interquartile range"
    )
    again = uncertainty(Influence(psi), choice, _sampling(np.ones((200, 2))))
    np.testing.assert_array_equal(found.draws, again.draws)


def test_bootstrap_at_the_level_of_assignment():
    n, member = 60, np.zeros((60, 1))
    member[:30] = 1.0
    town = np.r_[np.arange(30) % 10, 10 + np.arange(30)]
    psi = RNG.normal(size=(n, 1)) + 2.0 * RNG.normal(size=40)[town][:, None]
    found = uncertainty(Influence(psi), MultiplierBootstrap(draws=1999, rng=1), _sampling(member, ("town",), town=town))
    np.testing.assert_allclose(found.cov, _by_hand(psi, town, 1e15), rtol=1e-9)
    np.testing.assert_allclose(found.std_error, np.sqrt(np.diag(found.cov)), rtol=0.1)
    assert "clustered by town (40)" in found.convention


def test_bootstrap_of_effects_by_cluster_falls_back_to_units():
    member = np.zeros((20, 2))
    member[:5, 0] = member[5:10, 1] = 1.0
    town = np.r_[np.zeros(5, int), np.ones(5, int), 2 + np.arange(10)]
    psi = RNG.normal(size=(20, 2))
    choice = MultiplierBootstrap(draws=499, rng=1)
    found = uncertainty(Influence(psi), choice, _sampling(member, ("town",), town=town))
    plain = uncertainty(Influence(psi), choice, _sampling(member))
    np.testing.assert_array_equal(found.std_error, plain.std_error)
    assert found.convention.endswith("each effect rests on one town alone")


def test_simultaneous_values_cover_and_use_the_t_distribution():
    normal = Uncertainty(covariance=np.eye(3), std_error=np.ones(3), df=np.inf, convention="")
    few = Uncertainty(
        covariance=np.eye(3), std_error=np.ones(3), df=np.inf, convention="", term_df=np.array([4.0, 9, 4])
    )
    value, source = normal.simultaneous(0.95)
    assert source == "Gaussian limit"
    sidak = stats.norm.ppf(0.5 + 0.95 ** (1 / 3) / 2)
    np.testing.assert_allclose(value, sidak, atol=0.03)
    wide = few.simultaneous(0.95)[0]
    np.testing.assert_allclose(wide, stats.t.isf(stats.norm.sf(value), [4, 9, 4]), rtol=1e-9)
    assert (wide > [stats.t.ppf(0.975, df) for df in (4, 9, 4)]).all()


def test_simultaneous_values_without_any_variation_are_missing():
    flat = Uncertainty(covariance=np.zeros((2, 2)), std_error=np.zeros(2), df=np.inf, convention="")
    drawn = Uncertainty(
        covariance=np.zeros((2, 2)), std_error=np.zeros(2), df=np.inf, convention="", draws=np.zeros((99, 2))
    )
    assert np.isnan(flat.simultaneous(0.95)[0]).all()
    assert np.isnan(drawn.simultaneous(0.95)[0]).all()


def test_simultaneous_bootstrap_leaves_out_reference_periods():
    draws = np.column_stack([RNG.normal(size=999), np.zeros(999), RNG.normal(size=999)])
    found = Uncertainty(
        covariance=np.diag([1.0, 0, 1.0]), std_error=np.array([1.0, 0, 1]), df=np.inf, convention="", draws=draws
    )
    value, source = found.simultaneous(0.95)
    largest = np.abs(draws[:, [0, 2]]).max(axis=1)
    np.testing.assert_allclose(value, np.quantile(largest, 0.95, method="inverted_cdf"))
    assert source == "multiplier bootstrap, 999 draws"


def test_a_clustering_that_hides_the_treated_variation_warns():
    town = np.where(np.arange(60) % 3 == 0, 0, 1 + np.arange(60))
    effects = make(clusters={"town": town}, variance=Cluster("town"))
    check = next(check for check in effects.checks() if check.name == "clusters per effect")
    assert check.verdict == "warn"
    assert "behind 3 of 6 effects belong to one cluster of town" in check.message
    spread = make(clusters={"town": np.arange(60) % 20}, variance=MultiplierBootstrap(draws=99, cluster="town"))
    assert "clusters per effect" not in [check.name for check in spread.checks()]


def test_averages_count_the_treated_clusters_behind_them():
    town = np.where(np.arange(60) % 3 == 2, 100 + np.arange(60), np.arange(60) % 5)
    town = np.unique(town, return_inverse=True)[1]
    event = make(clusters={"town": town}, assignment=("town",)).aggregate("event")
    assert event.average().uncertainty.df == 4
    assert event.average().treated_units().tolist() == [40]
    assert make().aggregate("calendar").average().treated_units().tolist() == [40]


def _wild_case():
    member = np.zeros((50, 2))
    member[:24, 0] = member[:12, 1] = 1.0
    town = np.r_[np.arange(24) // 4, 6 + np.arange(26) // 2]
    psi = RNG.normal(size=(50, 2)) + RNG.normal(size=20)[town][:, None]
    return Influence(psi - psi.mean(axis=0)), _sampling(member, ("town",), town=town), town


def test_wild_bootstrap_studentises_the_clustered_error():
    influence, sampling, town = _wild_case()
    found = uncertainty(influence, WildBootstrap(draws=1999, rng=2), sampling)
    np.testing.assert_allclose(found.cov, _by_hand(influence.values, town, 1e15), rtol=1e-9)
    assert found.studentised.shape == (1999, 2)
    assert found.columns == ("town",)
    assert found.reference == "wild bootstrap t, 1999 draws"
    assert found.references == [found.reference] * 2
    assert found.convention == (
        "influence function, clustered by town (19), factor 1; t values from a studentised wild bootstrap, 1999 webb draws, "
        "seed 2"
    )
    critical = found.critical_values(0.95)
    assert (critical > 1.96).all()
    assert (found.simultaneous(0.95)[0] >= critical).all()
    again = uncertainty(influence, WildBootstrap("town", draws=1999, rng=2), sampling)
    np.testing.assert_array_equal(again.studentised, found.studentised)
    p_values = found.p_values(np.array([0.0, 2.5]))
    np.testing.assert_allclose(p_values, [1.0, (1 + (found.studentised[:, 1] >= 2.5).sum()) / 2000], rtol=1e-12)


def test_wild_bootstrap_of_independent_units_and_of_effects_by_cluster():
    influence, sampling, town = _wild_case()
    plain = uncertainty(influence, WildBootstrap(draws=99), _sampling(sampling.membership.to_matrix()))
    np.testing.assert_allclose(plain.cov, influence.covariance(), rtol=1e-12)
    assert "independent units (50), factor 1" in plain.convention
    assert plain.columns == ()
    member = sampling.membership.to_matrix()
    member[:, 1] = town == 0
    alone = uncertainty(influence, WildBootstrap(draws=99), _sampling(member, ("town",), town=town))
    assert np.isnan(alone.std_error[1])
    assert np.isnan(alone.critical_values(0.9)[1])
    assert np.isfinite(alone.simultaneous(0.9)[0]).all()
    assert alone.convention.endswith("1 effect rests on one town alone: no standard error")


def test_what_is_drawn_for_no_term_is_missing():
    nothing = Uncertainty(
        covariance=np.zeros((1, 1)),
        std_error=np.zeros(1),
        df=np.inf,
        convention="",
        studentised=np.full((99, 1), np.nan),
    )
    assert np.isnan(nothing.simultaneous(0.95)[0]).all()
    assert nothing.largest(np.array([True])) is None


@pytest.mark.parametrize("degrees", ["welch", "clusters"])
def test_jackknife_adds_what_moves_without_a_cluster_and_what_stands_alone(degrees):
    member = np.zeros((40, 2))
    member[:20, 0] = member[:10, 1] = 1.0
    town = np.r_[np.arange(20) // 4, np.full(10, 5), 6 + np.arange(10)]
    psi = RNG.normal(size=(40, 2))
    without = RNG.normal(size=(6, 2))
    replicates = Replicates(
        column="town",
        left_out=np.arange(6),
        whole=np.array([0.2, -0.1]),
        without=without,
        alone=np.where(town < 6, -1, town),
    )
    sampling = _sampling(member, ("town",), town=town)
    found = uncertainty(Influence(psi), Jackknife(df=degrees), sampling, replicates)
    moved = without - [0.2, -0.1]
    expected = 15 / 16 * (moved.T @ moved + psi[30:].T @ psi[30:] / 1600)
    np.testing.assert_allclose(found.cov, expected, rtol=1e-10)
    if degrees == "clusters":
        np.testing.assert_array_equal(found.dfs, [15, 15])
        return
    for term, treated in ((0, 5), (1, 3)):
        own = 15 / 16 * (moved[:treated, term] ** 2).sum()
        other = expected[term, term] - own
        df = expected[term, term] ** 2 / (own**2 / (treated - 1) + other**2 / (16 - treated - 1))
        assert found.dfs[term] == pytest.approx(df, rel=1e-10)


def test_a_jackknife_by_default_only_with_replicates():
    influence, sampling, _ = _wild_case()
    replicates = Replicates(
        column="town",
        left_out=np.arange(19),
        whole=np.zeros(2),
        without=RNG.normal(size=(19, 2)),
        alone=np.full(50, -1),
    )
    assert "jackknife" in uncertainty(influence, None, sampling, replicates).convention
    assert "jackknife" not in uncertainty(influence, None, sampling).convention
    assert "jackknife" not in uncertainty(influence, Cluster("town"), sampling, replicates).convention
    alone = replace(sampling, assignment=())
    assert "independent units" in uncertainty(influence, None, alone, replicates).convention
    with pytest.raises(NotStoredError, match="no estimates without a cluster"):
        uncertainty(influence, Jackknife(), sampling)


@pytest.mark.parametrize(
    "variance",
    [
        Cluster("town"),
        Cluster("town", "trade"),
        MultiplierBootstrap(draws=99, cluster="town"),
        WildBootstrap("town", draws=99),
    ],
)
def test_sums_that_cancel_within_clusters_leave_no_error(variance):
    """Units and comparison units of one effect in the same cluster, and an effect that is zero by construction."""
    rng = np.random.default_rng(0)
    n = 60
    town, trade = np.arange(n) % 6, np.arange(n) // 7
    psi = rng.normal(size=(n, 3))
    inside = town == 0
    psi[:, 1] = np.where(inside, psi[:, 1] - psi[inside, 1].mean(), 0.0)
    psi[:, 2] = 0.0
    columns = {"town": town, "trade": town if variance == Cluster("town", "trade") else trade}
    found = uncertainty(Influence(psi), variance, _sampling(np.ones((n, 3)), **columns))
    assert found.std_error[0] > 0
    assert not found.std_error[1:].any()
    if not isinstance(variance, MultiplierBootstrap | WildBootstrap):
        assert not found.cov[1:].any()
