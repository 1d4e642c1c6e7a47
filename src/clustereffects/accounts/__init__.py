"""Perspective 1, intake: from a region's own files to firm-years in one currency, one classification, one account of rows."""

from clustereffects.accounts.accounts import Accounts, AccountsOptions, read_accounts
from clustereffects.accounts.assemble import PanelFrame, PanelOptions, build_panel_frame
from clustereffects.accounts.comparison import GrowthComparison, compare_growth
from clustereffects.accounts.deflate import Deflator, deflate, read_deflator
from clustereffects.accounts.evaluable import evaluable_members
from clustereffects.accounts.indicators import SIZE_CLASSES, competitiveness, growth, log_positive, size_class
from clustereffects.accounts.industry import (
    IndustryKey,
    clean_sni,
    estimate_industry_key,
    industry_division,
    read_industry_key,
)
from clustereffects.accounts.ledger import IntakeLedger, LedgerEntry
from clustereffects.accounts.linking import LinkedMembers, link_members, unusable_organisations
from clustereffects.accounts.members import Members, Organisations, read_members, read_organisations
from clustereffects.accounts.orgnr import OrgNumbers, clean_orgnr, format_orgnr, is_sole_trader, luhn_valid
from clustereffects.accounts.supports import Supports, read_supports

__all__ = [
    "SIZE_CLASSES",
    "Accounts",
    "AccountsOptions",
    "Deflator",
    "GrowthComparison",
    "IndustryKey",
    "IntakeLedger",
    "LedgerEntry",
    "LinkedMembers",
    "Members",
    "OrgNumbers",
    "Organisations",
    "PanelFrame",
    "PanelOptions",
    "Supports",
    "build_panel_frame",
    "clean_orgnr",
    "clean_sni",
    "compare_growth",
    "competitiveness",
    "deflate",
    "estimate_industry_key",
    "evaluable_members",
    "format_orgnr",
    "growth",
    "industry_division",
    "is_sole_trader",
    "link_members",
    "log_positive",
    "luhn_valid",
    "read_accounts",
    "read_deflator",
    "read_industry_key",
    "read_members",
    "read_organisations",
    "read_supports",
    "size_class",
    "unusable_organisations",
]
