"""Settings of all tests: one hypothesis profile without randomness and without clocks, figures without a screen."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")

import hypothesis

hypothesis.settings.register_profile("project", derandomize=True, deadline=None, max_examples=40, print_blob=True)
hypothesis.settings.load_profile("project")
