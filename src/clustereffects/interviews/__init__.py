"""Perspective 3: coded interviews, how reliable the coding is, and what it says about claims."""

from clustereffects.interviews.agreement import (
    Agreement,
    cohen_kappa,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
)
from clustereffects.interviews.agreement_intervals import AgreementInterval, bootstrap_agreement
from clustereffects.interviews.bridge import Bridge, BridgeRow, bridge_from_frame, read_bridge
from clustereffects.interviews.chance_models import brennan_prediger, conger_kappa, generalised_fleiss_kappa
from clustereffects.interviews.codings import Codings
from clustereffects.interviews.probative import BiasRule, DiagnosticOptions
from clustereffects.interviews.refi_qda import read_refi_qda
from clustereffects.interviews.tables import PRESETS, read_codings

__all__ = [
    "PRESETS",
    "Agreement",
    "AgreementInterval",
    "BiasRule",
    "Bridge",
    "BridgeRow",
    "Codings",
    "DiagnosticOptions",
    "bootstrap_agreement",
    "brennan_prediger",
    "bridge_from_frame",
    "cohen_kappa",
    "conger_kappa",
    "fleiss_kappa",
    "generalised_fleiss_kappa",
    "gwet_ac1",
    "krippendorff_alpha",
    "read_bridge",
    "read_codings",
    "read_refi_qda",
]
