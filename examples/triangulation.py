"""Six organisations, three claims: from evidence to verdicts, and what the verdicts hang on.

Run it with ``python examples/triangulation.py``; it writes ``audit.json``, ``verdicts.svg`` and ``tipping.svg`` to the
current folder. The numbers are invented: on turnover the organisations differ, on employment nothing happens, and the
margin shrinks.
"""

import matplotlib as mpl

mpl.use("Agg")

import clustereffects as ce
from clustereffects.results import Evidence
from clustereffects.triangulation import Findings, RunFacts, ScaleMap, effect_word

ORGANISATIONS = [f"K{i:02}" for i in range(1, 7)]
RIVALS = {"export_boom": "Export boom", "new_owner": "New owner"}
OUTCOMES = {"turnover": 0.01, "employment": 0.02, "margin": 0.01}  # smallest effect of interest of each

theory = ce.Theory.from_dict(
    {
        "nodes": {"projects": {"kind": "activity"}, **{name: {"kind": "outcome"} for name in OUTCOMES}},
        "links": {
            name: {"from": "projects", "to": name, "perspectives": ["economic", "survey", "interviews"]}
            for name in OUTCOMES
        },
        "claims": {
            name: {"outcome": name, "scale": "log", "horizon": 3, "delta": delta, "rivals": list(RIVALS), "link": name}
            for name, delta in OUTCOMES.items()
        },
        "rivals": {name: {"en": label} for name, label in RIVALS.items()},
    }
)

# Accounts: a matched comparison for every organisation and claim, and what is thought of its bias.
ACCOUNTS = {
    "turnover": ([0.075, 0.034, 0.012, -0.004, 0.068, 0.001], 0.016, 0.012),
    "employment": ([0.004, -0.003, 0.001, 0.006, -0.002, 0.000], 0.006, 0.004),
    "margin": ([-0.051, -0.034, -0.046, -0.008, -0.038, -0.012], 0.012, 0.008),
}
evidence: list[Evidence] = [
    ce.Estimate(
        id="accounts",
        claim=claim,
        group=group,
        stream="economic",
        value=value,
        std_error=std_error,
        bias=(ce.BiasTerm(domain="selection", sd=bias_sd, note="effects before joining, negative controls"),),
    )
    for claim, (values, std_error, bias_sd) in ACCOUNTS.items()
    for group, value in zip(ORGANISATIONS, values, strict=True)
]

# Survey: steps on a scale from 1 to 5, translated into log points; members are kind to what they belong to.
growth = ScaleMap(name="growth", factor=0.05, factor_sd=0.01, source="calibration study", unit="log")
kind = ce.BiasTerm(
    domain="courtesy", mean=1.0, sd=0.6, mean_range=(0.4, 1.6), note="judged before the survey, in steps"
)
STEPS = {"K01": 2.2, "K02": 1.9, "K03": 1.4, "K04": 1.2}  # K05 and K06 were not asked
evidence += [
    growth.estimate(
        ce.Estimate(
            id="scale",
            claim="turnover",
            group=group,
            stream="survey",
            value=steps,
            std_error=0.3,
            bias=(kind,),
            respondents=(f"{group}-board", f"{group}-owner"),
            unit="step",
        )
    )
    for group, steps in STEPS.items()
]
evidence += [
    ce.Silence(claim=claim, group=group, stream="survey", reason="not_asked")
    for claim in OUTCOMES
    for group in ORGANISATIONS
    if claim != "turnover" or group not in STEPS
]

# Interviews: two registered signs, asked of two persons each; one of them also answered the survey.
SIGNS = {"customers": (0.8, 0.4, 0.3), "first_order": (0.30, 0.05, 0.03)}
HEARD = {"K01": "1110", "K02": "1100", "K03": "1000", "K05": "1111", "K06": "0000"}  # nobody in K04 was interviewed
for group, heard in HEARD.items():
    asked = [(sign, person) for sign in SIGNS for person in ("board", "member")]
    for (sign, person), answer in zip(asked, heard, strict=True):
        p_benefit, p_negligible, p_harm = SIGNS[sign]
        evidence.append(
            ce.Diagnostic(
                id=f"{sign}:{person}",
                claim="turnover",
                group=group,
                stream="interviews",
                observed=answer == "1",
                p_benefit=p_benefit,
                p_negligible=p_negligible,
                p_harm=p_harm,
                unreliability=0.1,
                dependence="interviews",
                rho=0.3,
                respondents=(f"{group}-{person}",),
                test=sign,
            )
        )
evidence += [
    ce.Silence(claim="turnover", group="K04", stream="interviews", reason="missing"),
    # Not a vote on the effect, but on the comparison: these members were growing before they joined.
    ce.BiasEvidence(
        id="growing",
        claim="turnover",
        group="K05",
        stream="interviews",
        target_stream="economic",
        shift=0.02,
        sd=0.02,
        note="two members say so; size judged beforehand",
    ),
    # Two signs of another explanation, kept apart from the effect.
    *(
        ce.Diagnostic(
            id=f"boom:{group}",
            claim="turnover",
            group=group,
            stream="documents",
            observed=True,
            target="rival:export_boom",
            p_benefit=0.3,
            p_negligible=0.8,
            p_harm=0.3,
        )
        for group in ("K02", "K03")
    ),
]

findings = ce.Triangulation(theory).fit(
    evidence,
    overrides=[
        ce.Override(claim="turnover", group="K05", by="AL", reason="one firm makes half the sum", verdict="undecided")
    ],
)

print(findings)
print(findings.verdicts().pivot(index="group", columns="claim", values="verdict")[list(OUTCOMES)].to_string())

print("\nIn words")
print(findings.bands()[["claim", "group", "words", "number"]].to_string(index=False))

print("\nWhat the verdicts on turnover hang on")
for row in findings.verdicts().query("claim == 'turnover'").itertuples():
    print(f"{row.group}: {row.tipping}")

print("\nDo the streams agree?")
print(findings.assessment().query("claim == 'turnover'")[["group", "assessment", "speaking"]].to_string(index=False))

print("\nCan the same kind of data show that nothing happens?")
reach = findings.reach().query("group == 'K01' and state == 'negligible'")
print(reach[["claim", "largest", "threshold", "possible"]].round(2).to_string(index=False))

print("\nWhat other ways of joining the same evidence conclude on turnover")
other = findings.compare(["bayes", "rubric", "linear_pool", "vote", "p_values"]).query("claim == 'turnover'")
print(other.pivot(index="group", columns="engine", values="verdict").to_string())

print("\nWhat to ask next")
columns = ["claim", "group", "kind", "item", "share", "p_decided"]
print(findings.next_evidence()[columns].head(5).round(2).to_string(index=False))

card = findings.scorecard(RunFacts(comparison="matched firms of the same industry", plan_registered=True))
print(f"\nThe report may say {effect_word(card)!r}; open: {', '.join(card.open) or 'nothing'}")
print(findings.overrides()[["group", "computed", "judged", "reason"]].to_string(index=False))

path = findings.audit("audit.json")
again = Findings.from_audit(path)
print(f"\nComputed again from the audit file: {again.verdicts().equals(findings.verdicts())}")

findings.plot().figure.savefig("verdicts.svg", bbox_inches="tight")
findings.plot(kind="tipping", claim="turnover", group="K02").figure.savefig("tipping.svg", bbox_inches="tight")
