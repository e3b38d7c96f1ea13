"""A loss as a datafit of skglm: `from lossmith.skglm import datafit`."""

from lossmith.adapters.skglm import datafit as datafit
