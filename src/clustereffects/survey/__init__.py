"""Perspective 2, the survey: codebook, answers, reliability, means with design-based errors, evidence."""

from clustereffects.survey.codebook import Codebook, Item, Scale
from clustereffects.survey.evidence import SurveyRules
from clustereffects.survey.frame import SurveyFrame, read_frame
from clustereffects.survey.means import ScaleMeans
from clustereffects.survey.reliability import cronbach_alpha
from clustereffects.survey.responses import Responses, read_responses
from clustereffects.survey.survey import Survey

__all__ = [
    "Codebook",
    "Item",
    "Responses",
    "Scale",
    "ScaleMeans",
    "Survey",
    "SurveyFrame",
    "SurveyRules",
    "cronbach_alpha",
    "read_frame",
    "read_responses",
]
