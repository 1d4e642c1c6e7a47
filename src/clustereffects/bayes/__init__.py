"""Hierarchical effects: partial pooling over cluster organisations, exact or sampled."""

from clustereffects.bayes.hierarchical import HierarchicalEffects
from clustereffects.bayes.posterior_effects import PosteriorEffects
from clustereffects.bayes.sampler import Sampler

__all__ = ["HierarchicalEffects", "PosteriorEffects", "Sampler"]
