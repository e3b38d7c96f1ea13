"""Every loss as a PyTorch module: `lossmith.torch.Focal(gamma=2)`; any other by `lossmith.torch.criterion(loss)`."""

from lossmith.adapters.torch_losses import __dir__ as __dir__
from lossmith.adapters.torch_losses import __getattr__ as __getattr__
from lossmith.adapters.torch_losses import criterion as criterion
