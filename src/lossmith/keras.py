"""Every loss as a Keras loss: `lossmith.keras.Focal(gamma=2)`; any other by `lossmith.keras.objective(loss)`."""

from lossmith.adapters.keras_losses import __dir__ as __dir__
from lossmith.adapters.keras_losses import __getattr__ as __getattr__
from lossmith.adapters.keras_losses import objective as objective
