"""What every test runs under."""

import os

import hypothesis

# A busy machine is no failure; and what CI says once, it says again.
hypothesis.settings.register_profile("here", deadline=None)
hypothesis.settings.register_profile("ci", parent=hypothesis.settings.get_profile("here"), derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")

# Hundreds of processes are started, each of which would compile all of ours anew: 0.14 s of a processor.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
