"""Losses as `keras.losses.Loss`, on each backend of Keras that is here: beside Keras' own, trained, saved and loaded.

A backend is fixed when Keras is imported, so each runs in a process of its own; this file is also the program they run.
Planted once and caught: a slope of the wrong sign (training diverges), a config without the loss's parameters, a shape
that is read where TensorFlow traces a batch of unknown size.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np


def close(ours: Any, theirs: Any, what: str) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{what}: {ours.shape} {theirs.shape}"
    assert np.allclose(ours, theirs, rtol=2e-6, atol=2e-6), f"{what}: {ours} {theirs}"


def numbers(tensor: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(tensor)


class Softmaxed:
    """One of Keras' losses of probabilities, given scores; class indices become one-hot."""

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __call__(self, y: Any, z: Any, sample_weight: Any = None) -> Any:
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        y = np.eye(z.shape[1], dtype="float32")[y] if np.ndim(y) == 1 else y
        return self.loss(y, p, sample_weight=sample_weight)


class Indexed:
    """One of Keras' losses of one-hot truths, given class indices.

    Its categorical hinge counts the true class as a rival with a score of 0, so all scores are moved above that.
    """

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __call__(self, y: Any, z: Any, sample_weight: Any = None) -> Any:
        z = z - z.min(axis=1, keepdims=True)
        return self.loss(np.eye(z.shape[1], dtype="float32")[y], z, sample_weight=sample_weight)


def slopes(loss: Any, y: Any, z: Any) -> Any:
    """The gradient of the sum of a loss, by the backend's own means."""
    import keras

    if keras.backend.backend() == "torch":
        import torch

        free = torch.tensor(z, requires_grad=True)
        return torch.autograd.grad(loss(torch.tensor(y), free), free)[0].numpy()
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        fixed = tensorflow.constant(z)
        with tensorflow.GradientTape() as tape:
            tape.watch(fixed)
            value = loss(y, fixed)
        return tape.gradient(value, fixed)
    import jax

    return jax.grad(lambda z: loss(y, z))(z)


def coupled() -> None:
    """Values and gradients beside our kernels: tied scores, shares, one score of two classes."""
    import lossmith

    rng = np.random.default_rng(0)
    z, y, shares = rng.normal(size=(12, 4)), rng.integers(0, 4, 12), rng.dirichlet(np.ones(4), 12)
    z[:3], z[3, :2], shares[4] = 0, 1.5, [0.3, 0, 0.5, 0.2]
    some = ("JensenShannonDivergence", "DualFocal", "CrammerSinger") if "jax" in os.environ["KERAS_BACKEND"] else ()
    for name in some or lossmith.coupled():
        kind = lossmith.coupled()[name]
        loss, rivals = kind(), kind.lift.name.startswith("one_against")
        t = shares[:, 0] if kind.lift.name in ("divergence", "normalised") else (y > 1) * 1.0
        ours = getattr(lossmith.keras, name)(reduction="sum")
        cases = [(y, z, y * 1.0, z), (t, z[:, 0], t, z[:, 0]), (t[:, None], z[:, :1], t, z[:, 0])]
        for truth, raw, plain, score in cases + [(shares, z, shares, z)] * (not rivals):
            found = loss.evaluate(plain, score, ("value", "gradient"))
            raw = raw.astype("float32")
            close(numbers(ours(truth, raw)) / 20, np.float32(found.value.sum() / 20), name)
            close(slopes(ours, truth, raw), found.gradient.reshape(raw.shape).astype("float32"), f"{name} slope")


def beside_keras() -> None:
    import keras

    import lossmith

    rng = np.random.default_rng(0)
    y, z = rng.normal(size=(40, 3)).astype("float32"), rng.normal(size=(40, 3)).astype("float32")
    labels, logits = rng.integers(0, 4, 40), (3 * rng.normal(size=(40, 4))).astype("float32")
    one_hot, binary = np.eye(4, dtype="float32")[labels], (y > 0).astype("float32")
    K, L = keras.losses, lossmith.keras
    w = rng.uniform(size=40).astype("float32")
    sparse = {"from_logits": True}
    pairs = [
        ("Squared", L.Squared(), K.MeanSquaredError(), y, z, 2.0),
        ("Absolute", L.Absolute(), K.MeanAbsoluteError(), y, z, 1.0),
        ("Huber", L.Huber(delta=0.7), K.Huber(delta=0.7), y, z, 1.0),
        ("LogCosh", L.LogCosh(c=1.0), K.LogCosh(), y, z, 1.0),
        ("BinaryCrossEntropy", L.BinaryCrossEntropy(), K.BinaryCrossentropy(from_logits=True), binary, z, 1.0),
        ("Hinge", L.Hinge(), K.Hinge(), 2 * binary - 1, z, 1.0),
        ("SquaredHinge", L.SquaredHinge(), K.SquaredHinge(), 2 * binary - 1, z, 1.0),
        ("CrossEntropy", L.CrossEntropy(), K.SparseCategoricalCrossentropy(**sparse), labels, logits, 1.0),
        ("CrossEntropy, shares", L.CrossEntropy(), K.CategoricalCrossentropy(**sparse), one_hot, logits, 1.0),
        ("Focal of two", L.Focal(), K.BinaryFocalCrossentropy(gamma=2.0, **sparse), binary[:, :1], z[:, :1], 1.0),
        (
            "LabelSmoothing", L.LabelSmoothing(epsilon=0.2), K.CategoricalCrossentropy(label_smoothing=0.2, **sparse),
            one_hot, logits, 1.0,
        ),
        ("KullbackLeibler", L.KullbackLeibler(), Softmaxed(K.KLDivergence()), one_hot * 0.7 + 0.075, logits, 1.0),
        ("MultiClassBrier", L.MultiClassBrier(), Softmaxed(K.MeanSquaredError()), labels, logits, 0.25),
        ("CrammerSinger", L.CrammerSinger(), Indexed(K.CategoricalHinge()), labels, logits, 1.0),
    ]  # fmt: skip
    for name, ours, theirs, truth, raw, factor in pairs:
        close(factor * numbers(ours(truth, raw)), numbers(theirs(truth, raw)), name)
        close(factor * numbers(ours(truth, raw, sample_weight=w)), numbers(theirs(truth, raw, sample_weight=w)), name)
    mean = L.Huber(reduction="mean_with_sample_weight")
    each = lossmith.Huber().value(y.ravel().astype(float), z.ravel().astype(float)).reshape(y.shape).mean(axis=1)
    close(numbers(mean(y, z, sample_weight=w)), np.average(each, weights=w).astype("float32"), "Σwℓ/Σw")
    half = L.Poisson()(np.ones(40, "float16"), z[:, 0].astype("float16"))
    assert keras.backend.standardize_dtype(half.dtype) == "float32"


def trained_and_saved() -> None:
    import keras

    import lossmith

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2)).astype("float32")
    y = (X @ [2.0, -1.0]).astype("float32")
    y[:40] += 50
    model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.1), loss=lossmith.keras.Cauchy(c=1.0))
    model.fit(X, y, epochs=25, batch_size=50, verbose=0)
    close(np.round(model.get_weights()[0].ravel(), 1), np.array([2.0, -1.0], "float32"), "trained")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        again = keras.models.load_model(path)
    assert again.loss.loss == lossmith.Cauchy(c=1.0), again.loss
    close(again.evaluate(X, y, verbose=0), model.evaluate(X, y, verbose=0), "loaded")
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
    classes = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(3)])
    classes.compile(optimizer=keras.optimizers.Adam(0.05), loss=lossmith.keras.Focal(gamma=2.0))
    classes.fit(X, labels, epochs=25, verbose=0, sample_weight=np.ones(400))
    assert (classes.predict(X, verbose=0).argmax(axis=1) == labels).mean() > 0.93
    copy = keras.losses.deserialize(keras.losses.serialize(lossmith.keras.Focal(gamma=3.0, reduction="sum")))
    assert copy.loss == lossmith.Focal(gamma=3.0) and copy.reduction == "sum"


KINDS = ("Huber", "Poisson", "Focal", "GaussianNLL", "RankNet", "CensoredNormal", "CumulativeLogit", "AllThresholds",
         "MultiClassBrier", "KullbackLeibler", "Entmax", "CrammerSinger", "WestonWatkins")  # fmt: skip
"""One loss of each kind of code around the functions."""


def fitted() -> None:
    """A step of `fit`, whose batches have no size yet while they are traced, is one of plain descent."""
    import keras
    from export_rows import drawn

    import lossmith

    for name in KINDS:
        loss = getattr(lossmith, name)()
        y, z = drawn(loss, 32)
        z = z.reshape(len(z), -1)
        model = keras.Sequential([keras.layers.Input(z.shape[1:]), keras.layers.Dense(z.shape[1], use_bias=False)])
        model.set_weights([np.eye(z.shape[1])])
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss=getattr(lossmith.keras, name)())
        model.fit(z, y, batch_size=len(y), verbose=0, sample_weight=np.full(len(y), 0.5))
        slope = loss.gradient(y, z if loss.lift.joint or loss.lift.multiclass else z[:, 0]).reshape(z.shape)
        wanted = np.eye(z.shape[1]) - 0.005 * z.T @ slope / len(y)
        assert np.allclose(model.get_weights()[0], wanted, rtol=1e-4, atol=1e-5), name


def refused() -> None:
    import lossmith
    from lossmith.errors import DomainError, ParameterError, ShapeError, UnsupportedError

    L, nothing = lossmith.keras, np.zeros((2, 3))
    for call, error in (
        (lambda: L.Poisson()(np.array([1.0, -1.0]), np.zeros(2)), DomainError),
        (lambda: L.Huber()(np.array([1.0, np.nan]), np.zeros(2)), DomainError),
        (lambda: L.Logistic()(np.array([1.0, 7.0]), np.zeros(2)), DomainError),
        (lambda: L.Focal()(np.array([1, 9]), nothing), DomainError),
        (lambda: L.Focal()(np.array([[1], [-1]]), nothing), DomainError),
        (lambda: L.MultiClassBrier()(np.array([1, 3]), nothing), DomainError),
        (lambda: L.CumulativeLogit()(np.array([1, 3]), nothing), DomainError),
        (lambda: L.CensoredNormal()(np.array([[1.0, 0.0]]), np.zeros((1, 2))), DomainError),
        (lambda: lossmith.keras.Huber(from_logits=True), ParameterError),
        (lambda: lossmith.keras.Huber(delta=-1), ParameterError),
        (lambda: lossmith.keras.Huber()(np.zeros(3), np.zeros((3, 2))), ShapeError),
        (lambda: lossmith.keras.CrammerSinger()(np.full((3, 2), 0.5), np.zeros((3, 2))), UnsupportedError),
        (lambda: lossmith.keras.GaussianNLL()(np.zeros(3), np.zeros((3, 3))), ShapeError),
    ):
        try:
            call()
        except error:
            continue
        raise AssertionError(f"not refused: {error}")


if __name__ == "__main__":
    tests = {"beside": beside_keras, "coupled": coupled, "trained": trained_and_saved, "refused": refused}
    {**tests, "fitted": fitted}[sys.argv[1]]()
else:
    import pytest

    os.environ.setdefault("KERAS_BACKEND", "torch")  # its own default is a backend that we do not install
    keras_is_here = pytest.importorskip("keras", reason="Keras is not installed (the extra `peers` brings it)")

    @pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
    @pytest.mark.parametrize("what", ["beside", "coupled", "trained", "refused", "fitted"])
    def test_keras(backend: str, what: str) -> None:
        pytest.importorskip(backend)
        environment = {**os.environ, "KERAS_BACKEND": backend}
        done = subprocess.run(
            [sys.executable, __file__, what], env=environment, capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, done.stderr[-2500:]
