"""What all tests share: properties are judged by what they find, never by how long the machine took."""

from __future__ import annotations

from dispositions import heed_signals
from hypothesis import HealthCheck, settings

heed_signals()
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
