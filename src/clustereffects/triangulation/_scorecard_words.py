"""Questions and answers of the scorecard, by language."""

from __future__ import annotations

CRITERIA: dict[str, dict[str, str]] = {
    "en": {
        "counterfactual": "What would have happened otherwise",
        "assumptions": "Assumptions stated and justified",
        "choices": "Choices justified",
    },
    "sv": {
        "counterfactual": "Vad som annars hade hänt",
        "assumptions": "Antaganden angivna och motiverade",
        "choices": "Val motiverade",
    },
}

STATUS: dict[str, dict[str, str]] = {
    "en": {"met": "met", "not met": "not met", "unknown": "unknown", "not applicable": "not applicable"},
    "sv": {"met": "uppfyllt", "not met": "inte uppfyllt", "unknown": "okänt", "not applicable": "inte tillämpligt"},
}

QUESTIONS: dict[str, dict[str, str]] = {
    "en": {
        "comparison": "Are members compared with firms that were not members?",
        "trends": "Did members and comparison firms develop alike before joining?",
        "biases": "Is the bias of every estimate stated?",
        "grounds": "Does every judgement on a bias say where it comes from?",
        "rivals named": "Does every claim name other explanations?",
        "rivals examined": "Was every other explanation looked into?",
        "dependence": "Is it known which answers come from the same persons?",
        "prior": "Do the estimates lie where the prior expected them?",
        "design": "Was the design registered beforehand, or compared with others?",
        "tests": "Was every sign announced before the material was read?",
        "robust": "Do the verdicts stand without any one stream and within all ranges?",
        "overrides": "Does every departure from the computed verdict give a reason?",
    },
    "sv": {
        "comparison": "Jämförs medlemmar med företag som inte var medlemmar?",
        "trends": "Utvecklades medlemmar och jämförelseföretag lika före inträdet?",
        "biases": "Är skevheten i varje skattning angiven?",
        "grounds": "Säger varje bedömning av en skevhet var den kommer ifrån?",
        "rivals named": "Anger varje påstående andra förklaringar?",
        "rivals examined": "Har varje annan förklaring undersökts?",
        "dependence": "Är det känt vilka svar som kommer från samma personer?",
        "prior": "Ligger skattningarna där förhandsfördelningen väntade dem?",
        "design": "Var upplägget registrerat i förväg, eller jämfört med andra?",
        "tests": "Var varje tecken angivet innan materialet lästes?",
        "robust": "Står sig omdömena utan ett enskilt perspektiv och inom alla intervall?",
        "overrides": "Ger varje avsteg från det beräknade omdömet ett skäl?",
    },
}

ANSWERS: dict[str, dict[str, str]] = {
    "en": {
        "comparison": "{good} of {all} economic estimates against: {named}",
        "trends": "{good} of {all} checks passed: {named}",
        "biases": "{good} of {all} estimates state a bias; without: {named}",
        "grounds": "{good} of {all} judgements give a source; without: {named}",
        "rivals named": "{good} of {all} claims",
        "rivals examined": "{good} of {all} explanations; not looked into: {named}",
        "dependence": "{good} of {all} items name respondents, or a dependence group over all perspectives that asked; without: {named}",
        "prior": "{good} of {all} cells; in conflict: {named}",
        "design": "plan registered: {good}; designs compared: {named}",
        "tests": "{good} of {all} signs; not announced or not known: {named}",
        "robust": "{good} of {all} verdicts; not robust: {named}",
        "overrides": "{good} of {all} departures",
        "none": "none",
        "more": "{n} more",
        "yes": "yes",
        "no": "no",
        "not known": "not known",
    },
    "sv": {
        "comparison": "{good} av {all} ekonomiska skattningar mot: {named}",
        "trends": "{good} av {all} kontroller godkända: {named}",
        "biases": "{good} av {all} skattningar anger en skevhet; utan: {named}",
        "grounds": "{good} av {all} bedömningar anger källa; utan: {named}",
        "rivals named": "{good} av {all} påståenden",
        "rivals examined": "{good} av {all} förklaringar; inte undersökta: {named}",
        "dependence": "{good} av {all} uppgifter anger svarande, eller en beroendegrupp över alla perspektiv som frågat; utan: {named}",
        "prior": "{good} av {all} rutor; i konflikt: {named}",
        "design": "registrerad plan: {good}; jämförda upplägg: {named}",
        "tests": "{good} av {all} tecken; inte angivna eller okänt: {named}",
        "robust": "{good} av {all} omdömen; inte robusta: {named}",
        "overrides": "{good} av {all} avsteg",
        "none": "inga",
        "more": "{n} till",
        "yes": "ja",
        "no": "nej",
        "not known": "okänt",
    },
}

EFFECT: dict[str, dict[bool, str]] = {
    "en": {True: "effect", False: "difference"},
    "sv": {True: "effekt", False: "skillnad"},
}
