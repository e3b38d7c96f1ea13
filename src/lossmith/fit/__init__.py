"""Fitting: an objective over rows, solvers that see only the objective, and one loop that runs them."""

from lossmith.fit.each import fit_each
from lossmith.fit.fitting import Solution, fit
from lossmith.fit.path import held_out, path
from lossmith.fit.penalty import Penalty

__all__ = ["Penalty", "Solution", "fit", "fit_each", "held_out", "path"]
