"""Every loss as a JAX function: `lossmith.jax.Focal(gamma=2)`; any other by `lossmith.jax.objective(loss)`."""

from lossmith.adapters.jax_losses import __dir__ as __dir__
from lossmith.adapters.jax_losses import __getattr__ as __getattr__
from lossmith.adapters.jax_losses import objective as objective
