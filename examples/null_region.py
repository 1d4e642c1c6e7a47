"""A region in which nothing works: does the study say so?

Run it with ``python examples/null_region.py``; it writes ``null-region/`` and ``null-report/`` to the current folder.
"""

import clustereffects as ce
from clustereffects.datasets import RegionOptions, simulate_region

size = RegionOptions(n_firms=2_500, n_members=150, n_organisations=6, n_interviews=24, scenario="null")
region = simulate_region("null-region", size, rng=7)

study = ce.Study.from_toml(region.study)
problems = study.preflight()
if problems:
    raise SystemExit("\n".join(map(str, problems)))

report = study.run(progress=False)
report.save("null-report")
print(report.headline())

# One row per claim and organisation. Every "beneficial" here would be a mistake.
verdicts = report.files["verdicts"]
print(verdicts.groupby(["claim", "verdict"]).size().unstack(fill_value=0).to_string())

# What one would otherwise have believed.
believed = report.files["believed"]
print(believed[believed["outcome"] == "log_value_added"].round(3).to_string(index=False))
