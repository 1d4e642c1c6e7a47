"""One policy, applied to every table and figure that leaves."""

from clustereffects.disclosure.policy import DisclosurePolicy, withhold

__all__ = ["DisclosurePolicy", "withhold"]
