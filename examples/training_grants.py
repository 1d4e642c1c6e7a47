"""Training grants to firms in Michigan: effects with intervals, checks, a figure and tables on disk.

Run it with ``python examples/training_grants.py``; it writes to the current folder.
"""

import matplotlib as mpl

mpl.use("Agg")

import pandas as pd

import clustereffects as ce

OUTCOMES = {"hrsemp": "hours of training per employee", "lscrap": "log scrap rate", "lemploy": "log employees"}

grants = ce.datasets.load_jobtraining()
panel = ce.Panel(grants, unit="fcode", time="year", cohort="first_grant")
estimator = ce.GroupTimeDiD(control="never_treated")
effects = {name: estimator.fit(panel, name) for name in OUTCOMES}

overall = pd.concat([fit.aggregate("overall").tidy().assign(outcome=OUTCOMES[name]) for name, fit in effects.items()])
print(overall[["outcome", "estimate", "std_error", "conf_low", "conf_high"]].round(3).to_string(index=False))

for name, fit in effects.items():
    for check in fit.checks():
        print(f"{OUTCOMES[name]}: {check.verdict}: {check.name}: {check.message}")

# Everything a reader needs to compute the numbers again goes to disk beside them.
overall.to_csv("training_grants.csv", index=False)
axes = effects["hrsemp"].aggregate("event").plot()
axes.set_title("Hours of training per employee")
axes.figure.savefig("training_grants.svg")
print(effects["hrsemp"].provenance.to_dict()["fingerprint"])
