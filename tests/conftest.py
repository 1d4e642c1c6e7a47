"""Settings of all tests: one hypothesis profile without randomness and without clocks, figures without a screen."""

import os

os.environ.setdefault("MPLBACKEND", "Agg")
# Small matrices on few cores: threads of the linear algebra cost more than they bring. Read when NumPy is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis

hypothesis.settings.register_profile("project", derandomize=True, deadline=None, max_examples=40, print_blob=True)
hypothesis.settings.load_profile("project")
