"""What each engine assumes, and the warnings it gives."""

from __future__ import annotations

ASSUMES = {
    "bayes": "declared biases, dependence and priors; the three states are exhaustive",
    "rubric": "strength classes have equal distances, and a strong stream makes up for a weak one; no uncertainty",
    "linear_pool": "the streams are opinions, not data; counting the same evidence twice does no harm",
    "log_pool": "all streams start from the same prior; weights sum to one",
    "subjective_logic": "evidence can be counted, and the operator matches the dependence between the streams",
    "dempster": "independent streams, and one of the three states is true",
    "vote": "direction is all that matters",
    "p_values": "one null hypothesis, and estimates without bias",
    "process_tracing": "Van Evera's logic of hoops and smoking guns; nothing but registered tests",
}
NOT_PROBABILITY = "the score is not a probability"
COMPENSATORY = (
    "over all weights the score runs from {low:.2g} to {high:.2g}; this class holds in {share:.0%} of weight space"
)
RANK_FLIPS = "against {count} of {others} other organisations the rank depends on the weights"
NO_NULL_CLASS = "a score near zero cannot tell no effect from no information"
NEVER_SURER = "never more certain than its most certain stream"
VETO = "near veto: {streams} gives {state} less than 0.1 %"
NOT_UPDATED = "agreement between streams does not raise the probability"
OPERATOR = "operator {name}: {why}"
SHARED = "streams share a dependence group, so their evidence is averaged"
SEPARATE = "no dependence between streams is declared, so their evidence adds up"
OTHER_OPERATORS = "other operators: {list}"
CONFLICT = "streams conflict (degree {conflict:.2g}); fusion hides it unless consensus & compromise is used"
REFUSED_DEMPSTER = (
    "conflict K = {conflict:.3g} above 0.5: the rule would divide it out and can be certain of what every stream found "
    "nearly impossible (Zadeh)"
)
CONTRADICTION = "the streams contradict each other completely"
SMALL_CONFLICT = "conflict K = {conflict:.3g} was divided out"
IGNORES = "ignores size, bias and dependence"
BIASED_REPORTING = (
    "the votes would say nothing if the odds of one for benefit being reported were {omega:.2g} times too high"
)
NO_EFFECT_VOTE = "'not significant' is counted as 'no effect'"
COMBINATIONS = "against 'no benefit': {list}"
INDEPENDENCE = "Fisher and Stouffer assume independence; Cauchy and the harmonic mean tolerate dependence"
LEFT_OUT = "leaves out {list}"
NO_SIZE = "a p-value says nothing about size, and cannot show that there is no effect"
BOTH_REJECTED = "'no benefit' and 'no harm' are both rejected: the estimates contradict each other"
GRADE = "grades: {list}"
HOOP_FAILED = "a failed hoop test overrides everything that passed"
ONE_REPORT = "several reports on one test count as one test"
WITHHELD = "over all declared ranges the probability of benefit runs from {low} to {high}"
SURPRISE = "the estimates surprise the prior (p = {p:.2g})"
CEILING = "{share:.0%} of the variance of the estimates is bias: more of the same data would hardly help"
ELICITED = "{share:.0%} of the information comes from elicited probabilities"
NOTHING = {
    "p_values": "no estimate with a standard error",
    "process_tracing": "no registered test",
    "vote": "no item has a vote",
}
