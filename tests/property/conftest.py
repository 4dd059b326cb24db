"""How thorough the property tests are: HYPOTHESIS_PROFILE=thorough tries ten times as many examples."""

import os
from typing import Any

from hypothesis import HealthCheck, settings

EXAMPLES = 200

_common: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large],
}
settings.register_profile("normal", max_examples=EXAMPLES, **_common)
settings.register_profile("thorough", max_examples=10 * EXAMPLES, **_common)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "normal"))
