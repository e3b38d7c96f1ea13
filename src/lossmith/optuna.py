"""Search spaces for Optuna: `from lossmith.optuna import distributions, suggest`."""

from lossmith.adapters.optuna import distributions as distributions
from lossmith.adapters.optuna import suggest as suggest
