"""The whole method on a region's own files: plan, preflight, run, report."""

from clustereffects.study.demo import run_demo
from clustereffects.study.init import write_plan
from clustereffects.study.plan import Plan
from clustereffects.study.report import Report
from clustereffects.study.study import Study

__all__ = ["Plan", "Report", "Study", "run_demo", "write_plan"]
