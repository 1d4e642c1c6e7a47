"""Sections of a plan, one frozen object each, with their defaults and permitted values."""

from __future__ import annotations

from dataclasses import dataclass

from clustereffects.matching import Rule
from clustereffects.study._matching_tables import read_ladder, read_rules
from clustereffects.study._options import option
from clustereffects.triangulation import ENGINES

OUTCOMES = ("value_added", "employees", "net_turnover", "productivity", "competitiveness")
ESTIMATORS = ("matched_did", "group_time_did")
EXACT = ("industry_division", "size_class", "legal_form", "county")
NEAREST = ("value_added", "employees", "net_turnover", "productivity", "growth")
METHODS = ("nearest", "optimal", "coarsened_exact", "entropy")
BIAS_LEVELS = ("none", "low", "moderate", "serious")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyOptions:
    """Title, language, seed, years and counties of a study."""

    title: str = option("Effects of cluster organisations")
    language: str = option("sv", choices=("sv", "en"))
    languages: tuple[str, ...] = option((), choices=("sv", "en"))
    seed: int = option(0, low=0)
    first_year: int | None = option(None)
    last_year: int | None = option(None)
    counties: tuple[str, ...] = option(())
    registered: str = option("")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """Names of the files, relative to the plan; ``None`` where the study has none."""

    accounts: str = option("accounts.parquet")
    organisations: str = option("organisations.csv")
    members: str = option("members.csv")
    deflator: str = option("deflator.csv")
    industry_key: str | None = option(None)
    supports: str | None = option(None)
    survey: tuple[str, ...] = option(())
    survey_frame: str | None = option(None)
    codebook: str | None = option(None)
    interviews: str | None = option(None)
    codings: str | None = option(None)
    bridge: str | None = option(None)
    judgements: str | None = option(None)
    overrides: str | None = option(None)
    theory: str = option("theory.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeOptions:
    """Outcomes in logarithms, deflated to the base year."""

    names: tuple[str, ...] = option(("value_added", "employees", "net_turnover"), choices=OUTCOMES)
    scale: str = option("log", choices=("log",))
    base_year: int | None = option(None)
    required_return: float = option(0.06, low=0.0, high=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationOptions:
    """Which firms are studied and what counts as the start of treatment."""

    legal_form: int = option(49)
    minimum_pre_years: int = option(2, low=1, high=10)
    treatment_year: str = option("joined", choices=("joined",))
    exclude_status: tuple[str, ...] = option(("K",))


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchingOptions:
    """How each member finds its control firms, and which firms cannot be any."""

    exact: tuple[str, ...] = option(("industry_division", "size_class"), choices=EXACT)
    nearest: tuple[str, ...] = option(("value_added", "growth"), choices=NEAREST)
    lags: int = option(3, low=2, high=5)
    controls: int = option(5, low=1, high=100)
    donor_pool: str = option("other counties", choices=("other counties", "all"))
    replace: bool = option(default=True)
    method: str = option("nearest", choices=METHODS)
    candidates: str = option("not_yet_treated", choices=("not_yet_treated", "never_treated"))
    caliper: float | None = option(None, low=0.0)
    size_factor: float | None = option(None, low=1.0)
    reuse: int | None = option(None, low=1)
    support_window: tuple[int, ...] = option(())
    ladder: tuple[tuple[str, tuple[int | str, ...]], ...] = option((), parse=read_ladder)
    rules: tuple[Rule, ...] = option((), parse=read_rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorOptions:
    """The estimator whose effects enter the triangulation; the others are shown beside it."""

    kind: str = option("matched_did", choices=ESTIMATORS)
    base: str = option("year before joining", choices=("year before joining",))
    event_times: tuple[int, ...] = option((-5, 5))
    cluster: str = option("organisation", choices=("firm", "organisation"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BiasOptions:
    """Judgements on bias, made before seeing the results."""

    economic: str = option("moderate", choices=BIAS_LEVELS)
    survey: str = option(
        "favours the programme", choices=("none", "favours the programme", "strongly favours the programme")
    )
    interviews: str = option("some", choices=("none", "some", "serious"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdOptions:
    """Probabilities from which a verdict is given."""

    benefit: float = option(0.9, low=0.51, high=1.0)
    harm: float = option(0.9, low=0.51, high=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriangulationOptions:
    """What an effect is expected to be before the evidence, and which other ways of joining the report compares."""

    prior: str = option("provisional", choices=("provisional", "organisations"))
    robust_weight: float = option(0.2, low=0.0, high=1.0)
    heterogeneity: float = option(5.0, low=0.01, high=1000.0)
    engines: tuple[str, ...] = option(tuple(ENGINES), choices=tuple(ENGINES))


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureOptions:
    """When a figure about a group of firms may be published."""

    minimum_firms: int = option(3, low=1, high=100)
    dominance_top1: float = option(0.75, low=0.01, high=1.0)
    dominance_top2: float = option(0.85, low=0.01, high=1.0)
