"""A residual loss for SciPy's `least_squares`: `from lossmith.scipy import rho`."""

from lossmith.adapters.scipy import rho as rho
