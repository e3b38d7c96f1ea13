"""CatBoost grows the trees with any loss: `from lossmith.catboost import objective, metric, start`."""

from lossmith.adapters.catboost import metric as metric
from lossmith.adapters.catboost import objective as objective
from lossmith.adapters.catboost import start as start
