"""What holds for every test: nothing is asserted on a clock, hypothesis' own deadline included."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")
