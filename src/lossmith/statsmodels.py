"""A residual loss as a norm of statsmodels: `from lossmith.statsmodels import Norm`."""

from lossmith.adapters.statsmodels import Norm as Norm
