"""LightGBM grows the trees with any loss: `from lossmith.lightgbm import objective, metric, start, train`."""

from lossmith.adapters.lightgbm import metric as metric
from lossmith.adapters.lightgbm import objective as objective
from lossmith.adapters.lightgbm import start as start
from lossmith.adapters.lightgbm import train as train
