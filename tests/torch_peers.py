"""PyTorch's loss functions written with lossmith's losses: signature for signature, per entry, before any reduction.

Each function takes what `torch.nn.functional` takes, as arrays, and gives the unreduced loss, its gradient with respect
to the first argument, and what "mean" divides by. Conventions that differ stand here: the classes on axis 1, squares
without the half, weights of classes that normalise for indices but not for probabilities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import lossmith
from lossmith.errors import DataError, ParameterError
from lossmith.loss import Loss
from lossmith.total import check_weight

Array = np.ndarray
EVERYTHING = ("value", "gradient")


@dataclass(frozen=True)
class Entries:
    """Unreduced losses, their gradients (shaped like the input), and the divisor of "mean" (None: how many)."""

    values: Array
    gradient: Array
    divisor: float | None = None

    def reduced(self, how: str) -> tuple[Any, Array]:
        """The loss and the gradient of its sum, reduced as PyTorch does."""
        count = self.values.size if self.divisor is None else self.divisor
        rows = len(self.values) if np.ndim(self.values) else 1
        divisors = {"none": 1.0, "sum": 1.0, "mean": count, "batchmean": rows}
        if how not in divisors:
            raise ParameterError(f"unknown reduction {how!r}; there are {', '.join(divisors)}")
        with np.errstate(all="ignore"):
            values = self.values if how == "none" else np.asarray(self.values.sum() / divisors[how])
            return values, np.where(self.gradient == 0, 0, self.gradient / divisors[how])


def entries(loss: Loss, y: Array, z: Array, weight: Any = None) -> Entries:
    """Any loss of one truth and one raw prediction, over arrays of any shape."""
    y, z = np.asarray(y), np.asarray(z)
    loss.lift.match(y, z)
    found = loss.evaluate(y.ravel(), z.ravel(), EVERYTHING)
    w = 1.0 if weight is None else np.broadcast_to(weight, z.shape)
    return Entries(w * found.value.reshape(z.shape), w * found.gradient.reshape(z.shape))


def l1_loss(z: Array, y: Array, weight: Any = None) -> Entries:
    return entries(lossmith.Absolute(), y, z, weight)


def mse_loss(z: Array, y: Array, weight: Any = None) -> Entries:
    half = entries(lossmith.Squared(), y, z, weight)
    return Entries(2 * half.values, 2 * half.gradient)


def smooth_l1_loss(z: Array, y: Array, beta: float = 1.0) -> Entries:
    return entries(lossmith.SmoothL1(beta=beta) if beta else lossmith.Absolute(), y, z)


def huber_loss(z: Array, y: Array, delta: float = 1.0, weight: Any = None) -> Entries:
    return entries(lossmith.Huber(delta=delta), y, z, weight)


def poisson_nll_loss(z: Array, y: Array, log_input: bool = True, full: bool = False, eps: float = 1e-8) -> Entries:
    loss = lossmith.loss("exp(z) - y*z" if log_input else f"z - y*log(z + {eps!r})", lift="score")
    got = entries(loss, y, z)
    with np.errstate(all="ignore"):
        stirling = np.where(y > 1, y * np.log(y) - y + np.log(2 * np.pi * y) / 2, 0)
    return Entries(got.values + stirling, got.gradient) if full else got


def gaussian_nll_loss(z: Array, y: Array, var: Any, full: bool = False, eps: float = 1e-6) -> Entries:
    var = np.asarray(var, float)
    if var.ndim < np.ndim(z) and var.shape == np.shape(z)[:-1]:
        var = var[..., None]
    fits = var.ndim == np.ndim(z) and all(v in (1, n) for v, n in zip(var.shape, np.shape(z), strict=True))
    if var.size > 1 and not fits:
        raise DataError(f"var has shape {var.shape} for predictions of shape {np.shape(z)}")
    check_weight(var.ravel(), var.size)
    var = np.maximum(var, eps)
    got = entries(lossmith.Squared(), y, z, 1 / var)
    return Entries(got.values + np.log(var) / 2 + (np.log(2 * np.pi) / 2 if full else 0), got.gradient)


def kl_div(z: Array, y: Array, log_target: bool = False) -> Entries:
    text = "exp(y)*(y - z)" if log_target else "xlogy(y, y) - y*z"
    return entries(lossmith.loss(text, lift="score"), y, z)


def soft_margin_loss(z: Array, y: Array) -> Entries:
    return scaled(lossmith.Logistic(), y, z)


def scaled(loss: Loss, y: Array, z: Array) -> Entries:
    """A margin loss of y·z where y may be any number, as PyTorch lets it be."""
    loss.lift.match(np.asarray(y), np.asarray(z))
    got = entries(loss, np.ones_like(y), y * z)
    return Entries(got.values, y * got.gradient)


def hinge_embedding_loss(z: Array, y: Array, margin: float = 1.0) -> Entries:
    text = "where(y != -1, z, 0) + where(y != 1, max(0, margin - z), 0)"
    return entries(lossmith.loss(text, lift="score", margin=margin), y, z)


def margin_ranking_loss(a: Array, b: Array, y: Array, margin: float = 0.0) -> Entries:
    lossmith.Squared().lift.match(a, b)
    return scaled(lossmith.loss("max(0, gap - m)", lift="margin", gap=margin), y, a - b)


def binary_cross_entropy_with_logits(z: Array, y: Array, weight: Any = None, pos_weight: Any = None) -> Entries:
    if pos_weight is None:
        return entries(lossmith.BinaryCrossEntropy(), y, z, weight)
    return mixture(y * pos_weight, 1 - y, z, weight)


def mixture(a: Array, b: Array, z: Array, weight: Any) -> Entries:
    """a positive and b negative rows at each z."""
    up, down = (entries(lossmith.Logistic(), np.full_like(z, label), z, weight) for label in (1, 0))
    return Entries(a * up.values + b * down.values, a * up.gradient + b * down.gradient)


def binary_cross_entropy(p: Array, y: Array, weight: Any = None) -> Entries:
    logit = entries(lossmith.BinaryCrossEntropy(), y, np.log(p / (1 - p)), weight)
    return Entries(logit.values, logit.gradient / (p * (1 - p)))


def multilabel_soft_margin_loss(z: Array, y: Array, weight: Any = None) -> Entries:
    got = mixture(y, 1 - y, z, weight)
    return Entries(got.values.mean(axis=-1), got.gradient / z.shape[-1])


def cross_entropy(
    z: Array, y: Array, weight: Any = None, ignore_index: int = -100, label_smoothing: float = 0.0
) -> Entries:
    scores, restore = _rows(z)
    K = scores.shape[1]
    w = np.ones(K) if weight is None else np.asarray(weight)
    if y.shape == z.shape and np.issubdtype(y.dtype, np.floating):
        truths, divisor = _rows(y)[0], len(scores)
    else:
        labels = y.ravel()
        used = labels != ignore_index
        truths = np.where(used[:, None], np.arange(K) == labels[:, None], 0.0)
        divisor = float(w[labels[used]].sum())
        _check_labels(labels[used], K, y.shape, z.shape)
        label_smoothing = label_smoothing * used[:, None]
    smooth = w * (truths * (1 - label_smoothing) + label_smoothing / K)
    shape = (z.shape[0], *z.shape[2:]) if z.ndim > 1 else ()
    value, gradient = np.zeros(len(scores)), np.zeros_like(scores)
    for k in range(K):  # PyTorch lets shares be any numbers; ours sum to 1
        found = lossmith.CrossEntropy().evaluate(np.full(len(scores), float(k)), scores, EVERYTHING)
        value += smooth[:, k] * found.value
        gradient += smooth[:, k, None] * found.gradient
    return Entries(value.reshape(shape), restore(gradient), divisor)


def nll_loss(z: Array, y: Array, weight: Any = None, ignore_index: int = -100) -> Entries:
    """Of scores: what PyTorch computes of their logarithmic softmax."""
    return cross_entropy(z, y, weight, ignore_index)


def multi_margin_loss(z: Array, y: Array, p: int = 1, margin: float = 1.0, weight: Any = None) -> Entries:
    scores, labels = np.atleast_2d(z), np.atleast_1d(y)
    _check_labels(labels, scores.shape[1], np.shape(y), np.shape(z)[:1] if np.ndim(z) > 1 else np.shape(y))
    if p not in (1, 2):
        raise ParameterError(f"p={p!r} must be 1 or 2")
    others = np.arange(scores.shape[1]) != labels[:, None]
    return _against(
        z, scores, others, labels, lossmith.loss(f"max(0, gap - m)**{p}", lift="margin", gap=margin), weight
    )


def _against(z: Array, scores: Array, others: Array, labels: Array, loss: Loss, weight: Any) -> Entries:
    n, K = scores.shape
    rows = np.arange(n)
    w = (np.ones(K) if weight is None else np.asarray(weight))[labels][:, None] * others / K
    if np.shape(weight) not in ((), (K,)):
        raise DataError(f"{np.shape(weight)} weights for {K} classes")
    gaps = scores[rows, labels][:, None] - scores
    got = entries(loss, np.ones_like(gaps), gaps, w)
    gradient = -got.gradient
    gradient[rows, labels] += got.gradient.sum(axis=1)
    return Entries(got.values.sum(axis=1).reshape(np.shape(z)[:-1]), gradient.reshape(np.shape(z)))


def multilabel_margin_loss(z: Array, y: Array) -> Entries:
    lossmith.Squared().lift.match(np.asarray(y), np.asarray(z))
    scores, truths = np.atleast_2d(z), np.atleast_2d(y)
    if not np.issubdtype(truths.dtype, np.integer):
        raise DataError(f"labels are whole numbers, not {truths.dtype}")
    K, hinge = scores.shape[-1], lossmith.Hinge()
    values, gradient = np.zeros(len(scores)), np.zeros_like(scores)
    for i, (row, labels) in enumerate(zip(scores, truths, strict=True)):
        end = np.flatnonzero(labels < 0)
        own = labels[: end[0]] if len(end) else labels
        rest = np.setdiff1d(np.arange(K), own)
        gaps = row[own][:, None] - row[rest]
        got = entries(hinge, np.ones_like(gaps), gaps)
        values[i] = got.values.sum() / K
        np.add.at(gradient[i], own, got.gradient.sum(axis=1) / K)
        np.add.at(gradient[i], rest, -got.gradient.sum(axis=0) / K)
    return Entries(values.reshape(np.shape(z)[:-1]), gradient.reshape(np.shape(z)))


def _rows(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """Scores as (n, K), the classes last; and the way back."""
    wide = np.moveaxis(np.atleast_2d(z), 1, -1)
    return wide.reshape(-1, wide.shape[-1]), lambda g: np.moveaxis(g.reshape(wide.shape), -1, 1).reshape(z.shape)


def _check_labels(labels: Array, K: int, shape: tuple[int, ...], scores: tuple[int, ...]) -> None:
    expected = scores if len(scores) < 2 else (scores[0], *scores[2:])
    if len(scores) > 1 and tuple(shape) != expected:
        raise DataError(f"labels of shape {tuple(shape)} for scores of shape {tuple(scores)}")
    lossmith.CrossEntropy().check(labels)
    if len(labels) and labels.max() >= K:
        raise DataError(f"label {labels.max()} of {K} classes")


PEERS: dict[str, Callable[..., Entries]] = {
    f.__name__: f
    for f in (
        l1_loss, mse_loss, smooth_l1_loss, huber_loss, poisson_nll_loss, gaussian_nll_loss, kl_div, soft_margin_loss,
        hinge_embedding_loss, margin_ranking_loss, binary_cross_entropy_with_logits, binary_cross_entropy,
        multilabel_soft_margin_loss, cross_entropy, nll_loss, multi_margin_loss, multilabel_margin_loss,
    )
}  # fmt: skip
"""PyTorch's function of this name, in our losses."""

ABSENT = {
    "linear_cross_entropy": "cross_entropy of a matrix product; the loss is that of cross_entropy",
    "triplet_margin_loss": "a loss of distances between three embeddings; no lift for it yet",
    "triplet_margin_with_distance_loss": "a loss of distances between three embeddings; no lift for it yet",
    "cosine_embedding_loss": "a loss of the angle between two embeddings; no lift for it yet",
    "ctc_loss": "a loss of sequences; no lift for it yet",
}
"""PyTorch's loss functions that lossmith has nothing for, and why."""

MODULES = {
    "L1Loss": "l1_loss", "MSELoss": "mse_loss", "SmoothL1Loss": "smooth_l1_loss", "HuberLoss": "huber_loss",
    "PoissonNLLLoss": "poisson_nll_loss", "GaussianNLLLoss": "gaussian_nll_loss", "KLDivLoss": "kl_div",
    "SoftMarginLoss": "soft_margin_loss", "HingeEmbeddingLoss": "hinge_embedding_loss",
    "MarginRankingLoss": "margin_ranking_loss", "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
    "BCELoss": "binary_cross_entropy", "MultiLabelSoftMarginLoss": "multilabel_soft_margin_loss",
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "MultiMarginLoss": "multi_margin_loss",
    "MultiLabelMarginLoss": "multilabel_margin_loss", "LinearCrossEntropyLoss": "linear_cross_entropy",
    "CTCLoss": "ctc_loss", "CosineEmbeddingLoss": "cosine_embedding_loss",
}  # fmt: skip
"""The function behind each of PyTorch's modules."""
