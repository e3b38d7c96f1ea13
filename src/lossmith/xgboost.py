"""XGBoost grows the trees with any loss: `from lossmith.xgboost import objective, metric, start, train`."""

from lossmith.adapters.xgboost import metric as metric
from lossmith.adapters.xgboost import objective as objective
from lossmith.adapters.xgboost import start as start
from lossmith.adapters.xgboost import train as train
