"""What a caller passes to a model, checked and brought into the form that a fit takes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import DataError, LossmithError, ParameterError, ShapeError, UnsupportedError, shown
from lossmith.loss import Loss

Array = NDArray[Any]


def features(model: Any, X: Any, *, reset: bool, later: bool = False) -> Any:
    """X as a finite float matrix; columns are remembered (`reset`) or held against those of the fit.

    With `later` the cells of a long array are left to the fit.

    Sets n_features_in_ and, for tables with named columns, feature_names_in_.
    """
    from sklearn.utils.validation import validate_data

    from lossmith.rows.memory import table

    matrix, _ = table(X, later=later)
    validate_data(model, X, reset=reset, skip_check_array=True)
    return matrix


def targets(y: Any) -> Any:
    """y as Rows take it; a column (n, 1) is taken for (n,), with scikit-learn's warning."""
    from sklearn.utils.validation import column_or_1d

    values = np.asarray(y)
    return column_or_1d(y, warn=True) if values.ndim == 2 and values.shape[1] == 1 else y


def numbers(y: Any, who: str) -> Array:
    """y as floats, (n,) or (n, k); a column (n, 1) is taken for (n,), with scikit-learn's warning."""
    if y is None:
        raise DataError(f"{who} requires y to be passed, but the target y is None; pass one number per row")
    return np.asarray(targets(y), dtype=np.float64)


def labels(y: Any, who: str) -> tuple[Array, NDArray[np.intp]]:
    """The sorted classes of y, (n,) of any kind of label, and the index of each row's class."""
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import column_or_1d

    if y is None:
        raise DataError(f"{who} requires y to be passed, but the target y is None; pass one label per row")
    y = column_or_1d(y, warn=True)
    gone = np.flatnonzero(_missing(y))
    if len(gone):
        what = shown(y[gone[0]])
        raise DataError(f"y has no label in row {gone[0]} ({what}; {len(gone)} such rows); drop or label it")
    check_classification_targets(y)
    encoder = LabelEncoder()
    codes = encoder.fit_transform(y)
    if len(encoder.classes_) < 2:
        raise DataError(f"y holds one class only ({shown(encoder.classes_[0])}); {who} needs at least two")
    return encoder.classes_, codes


BLANK = frozenset({"NoneType", "NAType", "NaTType"})
"""The types of what stands for a missing label, whichever package it comes from."""


def _missing(y: Array) -> NDArray[np.bool_]:
    """Elementwise: is there no label?"""
    if y.dtype.kind == "f":
        return ~np.isfinite(y)
    return np.array([type(v).__name__ in BLANK or v != v for v in y] if y.dtype.kind == "O" else np.zeros(len(y)), bool)


def class_weights(rule: Any, classes: Array, codes: NDArray[np.intp], weight: Array | None) -> Array:
    """The weight of each class; "balanced" gives every class the same total weight."""
    if rule is None:
        return np.ones(len(classes))
    return _per_class(rule, classes, codes, _row_weights(codes, weight))


def weighted(each: Array, codes: NDArray[np.intp], weight: Array | None) -> Array:
    """Row weights times the weight of each row's class."""
    rows: Array = _row_weights(codes, weight) * each[codes]
    return rows


def _row_weights(codes: NDArray[np.intp], weight: Array | None) -> Array:
    each = np.ones(len(codes)) if weight is None else np.asarray(weight, dtype=np.float64)
    if each.shape != codes.shape:
        raise ShapeError(f"sample_weight has shape {each.shape} but y has {codes.shape}; they must be the same")
    return each


def _per_class(rule: Any, classes: Array, codes: NDArray[np.intp], each: Array) -> Array:
    if isinstance(rule, dict):
        known = classes.tolist()
        strange = [key for key in rule if key not in known]
        if strange:
            raise ParameterError(f"class_weight names the class {shown(strange[0])}, but y holds {known}")
        return np.array([float(rule.get(label, 1.0)) for label in known])
    if not (isinstance(rule, str) and rule == "balanced"):
        raise ParameterError(f"class_weight={rule!r} is not known; use None, 'balanced' or a dict from class to weight")
    totals = np.bincount(codes, weights=each, minlength=len(classes))
    share = np.full(len(classes), totals.sum() / len(classes))
    balanced: Array = np.divide(share, totals, out=np.zeros_like(share), where=totals > 0)
    return balanced


def shift(loss: Loss, offset: Any, exposure: Any) -> Array | None:
    """The offset with the log of the exposure added; an exposure needs a loss whose mean is exp(z)."""
    if exposure is None:
        return None if offset is None else np.asarray(offset, dtype=np.float64)
    if not has_log_link(loss):
        raise UnsupportedError(f"{loss.name} has no log link, so exposure means nothing to it; use offset, or Poisson")
    values = np.asarray(exposure, dtype=np.float64)
    bad = np.flatnonzero(~((values > 0) & np.isfinite(values)))
    if values.ndim == 1 and len(bad):
        raise DataError(f"exposure must be positive; row {bad[0]} has {values[bad[0]]:g} ({len(bad)} such rows)")
    logs = np.log(values)
    return logs if offset is None else logs + np.asarray(offset, dtype=np.float64)


def has_link(loss: Loss) -> bool:
    """Has the loss a mean, that is, a map from z to the scale of the target?"""
    try:
        loss.mean(np.zeros(loss.lift.probe))
    except UnsupportedError:
        return False
    return True


def has_log_link(loss: Loss) -> bool:
    """Is the mean exp(z)?"""
    z = np.array([-1.0, 0.0, 0.5, 2.0])
    return has_link(loss) and bool(np.allclose(loss.mean(z), np.exp(z), rtol=1e-12, atol=0.0))


def target_name(model: Any) -> str:
    """The name of the target that the model's loss takes, or "" where the parameter `loss` names none."""
    try:
        return str(model._loss().target.name)
    except LossmithError:
        return ""
