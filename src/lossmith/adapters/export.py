"""A loss as one Python file that stands alone: `lossmith.export("focal", to="torch", gamma=2)`.

The file has the printed functions of the loss (`export_functions`) and those parts of the code around them that it
needs, taken word for word from the modules that lossmith itself runs (`torch_base`, `export_point`, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np

from lossmith.adapters.export_functions import (
    Functions,
    differences,
    functions,
    harmless,
    kind_of,
    legality,
    outputs_of,
    targets,
)
from lossmith.adapters.export_parts import assembled
from lossmith.adapters.export_scores import COUPLED, around, number_text, term_text
from lossmith.backends.arrays import DIALECTS, LONGEST, Printer
from lossmith.catalogue import loss as loss_of
from lossmith.errors import ParameterError, UnsupportedError, hint
from lossmith.loss import Loss


@dataclass(frozen=True)
class Host:
    """A library that a file can be written for."""

    dialect: str
    modules: Mapping[str, tuple[str, ...]]
    """The modules of this package whose parts the file may need, by kind of loss."""
    needs: str
    """What must be installed to run it."""


def _framework(name: str) -> Mapping[str, tuple[str, ...]]:
    base = f"{name}_base"
    return {
        "point": (base, f"{name}_point"), "thresholds": (base, f"{name}_point"), "classes": (base, f"{name}_classes"),
        "outputs": (base, f"{name}_outputs"), "ordinal": (base, f"{name}_outputs"),
        **dict.fromkeys(COUPLED, (base, f"{name}_classes", f"{name}_coupled")),
    }  # fmt: skip


ROWS = "lifts.probabilities"
"""What the lifts themselves compute of K scores."""

NUMPY = {
    "point": ("export_point",), "thresholds": ("export_outputs",), "classes": (ROWS, "export_point", "export_classes"),
    "outputs": ("export_outputs",), "ordinal": ("export_outputs",),
    **dict.fromkeys(("slots", "distribution", "normalised"), (ROWS, "export_coupled")),
    "rivals": (ROWS, "export_coupled"),
}  # fmt: skip
NUMPY = {kind: (*modules, "export_targets") for kind, modules in NUMPY.items()}
KERAS = {kind: ("keras_base", *(("keras_coupled",) if kind in COUPLED else ())) for kind in _framework("keras")}
BOOSTED = {kind: (*NUMPY[kind], "export_boosted") for kind in ("point", "classes")}

HOSTS: dict[str, Host] = {
    "numpy": Host("numpy", NUMPY, "NumPy"),
    "sklearn": Host("scipy", {k: (*NUMPY[k], "export_sklearn") for k in ("point", "classes")}, "scikit-learn"),
    "lightgbm": Host("scipy", {k: (*v, "export_lightgbm") for k, v in BOOSTED.items()}, "LightGBM"),
    "xgboost": Host("scipy", {k: (*v, "export_xgboost") for k, v in BOOSTED.items()}, "XGBoost"),
    "catboost": Host("numpy", {k: (*v, "export_catboost") for k, v in BOOSTED.items()}, "CatBoost"),
    "torch": Host("torch", _framework("torch"), "PyTorch"),
    "jax": Host("jax", {**_framework("jax"), "point": ("jax_base",), "thresholds": ("jax_base",)}, "JAX"),
    "keras": Host("keras", KERAS, "Keras 3 and one of its backends"),
}
"""Where a loss can be written for, by name."""

BOOSTERS = ("lightgbm", "xgboost", "catboost")
FRAMEWORKS = ("torch", "jax", "keras")


def export(loss: str | Loss | type[Loss], to: str = "numpy", **params: float) -> str:
    """The text of a Python file that has this loss for one host, and does not need lossmith.

    to: numpy, sklearn, lightgbm, xgboost, catboost, torch, jax or keras; params: the loss's parameters. Raises
    UnsupportedError for a loss that the host cannot carry, and says which can.
    """
    one = loss_of(loss, None, **params)
    if to not in HOSTS:
        raise ParameterError(f"no host {to!r}; {hint(to, HOSTS)}")
    host, kind = HOSTS[to], kind_of(one)
    if kind not in host.modules:
        able = ", ".join(name for name, other in HOSTS.items() if kind in other.modules)
        outputs = ", ".join(one.lift.outputs) or "a score and thresholds"
        has = "couples the scores of the classes" if kind in COUPLED else f"has several outputs ({outputs})"
        raise UnsupportedError(
            f"{to} carries losses of one raw prediction a row, or of one a class; {one.name} {has}. "
            f"These carry it: {able}"
        )
    linked = to not in FRAMEWORKS and has_link(one)
    more = ("majorant",) if to in BOOSTERS and rule_of(one) == ("majorant", None) else ()
    made = functions(one, host.dialect, (*(("mean",) if linked else ()), *more))
    parts = [made.text, EXTRA[to](one, host)]
    tail = TAILS[to](one, made, linked)
    return assembled(header(one, to, host), DIALECTS[host.dialect].imports, parts, host.modules[kind], tail)


def has_link(loss: Loss) -> bool:
    """Is there a prediction on the scale of y that is not the raw one?"""
    if loss.derived.mean is None or loss.lift.joint:
        return False
    try:
        loss.mean(np.zeros(1))
    except UnsupportedError:
        return False
    return True


def header(loss: Loss, to: str, host: Host) -> str:
    """What the file says of itself: formula, derivatives, parameters, start, source."""
    lines = [f"{loss.name}: {loss.title}", "", f"    {loss.formula}", ""]
    lines += [f"where {s} is {says}" for s, says in loss.lift.slots.items() if s in loss.tree.names]
    lines += [f"and {n} = {getattr(loss, n):g} is {p.doc}" for n, p in loss.declared.items()]
    lines += ["", *derivation(loss), ""]
    lines += [f"Targets: {loss.target.says}.", *start_line(to, loss)]
    lines += [f"Curvature: {why(loss)}."] if to in BOOSTERS else []
    lines += [f"Source: {loss.cite}."] if loss.cite else []
    lines += [f"Needs {host.needs}; written by `lossmith export {loss.name} --to {to}`."]
    body = "\n".join(fill(line, 110, subsequent_indent="    ", break_long_words=False) for line in lines)
    return '"""' + body.replace("\\", "\\\\") + '\n"""'


def start_line(to: str, loss: Loss) -> list[str]:
    """Where boosting or fitting starts."""
    none = to in FRAMEWORKS or kind_of(loss) not in BOOSTED
    return [] if none else ["Start: the constant z with the least weighted sum, `start(y)`."]


CHAIN = {
    "residual": "With r = y - z: the gradient in z is -f'(r), the second derivative f''(r).",
    "margin": "With m = +z or -z by the label: the gradient in z is +f'(m) or -f'(m), the second derivative f''(m).",
    "score": "f is differentiated in z itself.",
    "softmax": "With dlogp_k/dz = e_k - p: the gradient is f'(logp) (e_k - p), and the Hessian "
    "f'' (e_k - p)(e_k - p)^T - f' (diag p - p p^T).",
    "simplex": "The gradient in z is the sum of f_t dt/dz over these t, with dlogp_k/dz = e_k - p, "
    "dmean_logp/dz = 1/K - p, dlogsumexp/dz = p, dsum_p2/dz = 2p (p - sum_p2), dentropy/dz = -p (log p + entropy).",
    "divergence": "Summed over the classes; with dlogp_k/dz = e_k - p the gradient is the sum of f_logp (e_k - p).",
    "normalised": "Summed over the classes; u = z_k - level, at which the probabilities e(u) sum to 1. With s = e'(u) "
    "and w = s / sum s the gradient is f_u - w times the sum of f_u.",
    "adjusted": "With dlogp_k/dz = e_k - p, where p is the softmax of z plus the logarithms of the classes' priors.",
    "costs": "Summed over the classes; with dlogp_k/dz = e_k - p the gradient is the sum of f_logp (e_k - p).",
    "one_against_rest": "Summed over m = z of the true class and -z of the others.",
    "one_against_each": "Summed over m = z of the true class less z of each other.",
    "one_against_best": "With m = z of the true class less the largest z of the others.",
}


def derivation(loss: Loss) -> list[str]:
    """f, f′ and f″ in the slot of the formula, in words of mathematics, and the chain rule to z."""
    marks = {"value": "", "d1": "'", "d2": "''"}
    if kind_of(loss) in ("slots", "distribution", "normalised"):
        marks = {"value": "", **{f"d_{slot}": f"_{slot}" for slot in outputs_of(loss)}}
    wants = [w for w in marks if w in loss.derived.slot.wants]
    slots = loss.derived.slot.inputs if kind_of(loss) in COUPLED else loss.derived.slot.inputs[:1]
    lines = ["Derived, in the steps that are computed:"]
    for want in wants:
        lines += [f"    f{marks[want]}({', '.join(slots)}):", *(f"        {line}" for line in spelled(loss, want))]
    if not wants[1:]:
        return ["The derivatives below are those of the formula in each raw output."]
    return [*lines, CHAIN.get(loss.lift.name, "Summed over all thresholds.")]


def spelled(loss: Loss, want: str) -> list[str]:
    """One derivative as lines of plain mathematics."""
    program = loss.derived.slot.only(want)
    writer = Printer(DIALECTS["numpy"], program, program.inputs[0], {})
    lines = [line.replace("np.", "") for line in writer.body()]
    return [line if len(line) < 2 * LONGEST else line[: 2 * LONGEST] + " …" for line in lines[:12]]


def rule_of(loss: Loss) -> tuple[str, float | None]:
    """The curvature for leaves, and its constant where the majorant is one.

    Of residuals a proved majorant, because second derivatives vanish in the tails (where the slope jumps at 0 it is
    infinite there, and steps would be tiny); of scores the second derivative where it is positive throughout; else
    |gradient|.
    """
    from lossmith.curvature import majorant_of

    strict = bool(loss.facts()["strictly convex"].holds)
    if kind_of(loss) == "classes" or (strict and loss.lift.name != "residual"):
        return ("floor" if strict else "gradient"), None
    if not loss.facts()["smooth"].holds:
        return "gradient", None
    try:
        return "majorant", majorant_of(loss)
    except UnsupportedError:
        return ("floor" if strict else "gradient"), None


def why(loss: Loss) -> str:
    """The rule in force, in words."""
    words = {
        "floor": "the exact second derivative (of K scores the diagonal), at least 1e-6",
        "gradient": "|gradient|, at least 1e-6: the second derivative is zero or negative in places",
        "majorant": "a proved majorant: the second derivative is zero or negative in places",
    }
    return words[rule_of(loss)[0]]


def _legal(loss: Loss, host: Host) -> str:
    return legality(loss, DIALECTS[host.dialect].xp)


def _named(loss: Loss, host: Host) -> str:
    """Legal targets, where the file looks at them by a function of its own."""
    return _legal(loss, host) if targets(loss).endswith("legal)") else ""


def _majorant(loss: Loss, host: Host) -> str:
    rule, bound = rule_of(loss)
    if rule != "majorant" or bound is None:
        return _named(loss, host)
    flat = f'def majorant(y, z):\n    """No second derivative is larger."""\n    return np.full_like(z, {bound!r})\n'
    return f"{_named(loss, host)}\n\n{flat}"


EXTRA = {**dict.fromkeys(HOSTS, _named), **dict.fromkeys(FRAMEWORKS, _legal), **dict.fromkeys(BOOSTERS, _majorant)}
"""What is printed besides the functions of the loss."""

LAYERS = {"pairwise": "Pair", "censored": "Interval", "ordinal": "Ordinal", "all_threshold": "Thresholds",
          "softmax": "Classes", "residual": "Residual", "margin": "Point", "score": "Point", "simplex": "Slots",
          "divergence": "Distribution", "adjusted": "Adjusted", "costs": "Costs", "normalised": "Normalised",
          "one_against_rest": "Rivals", "one_against_each": "Rivals",
          "one_against_best": "Rivals"}  # fmt: skip


def layer(loss: Loss) -> str:
    """The class that stands around the functions of a loss, in every framework under the same name."""
    if loss.lift.name == "residual" and not differences(loss):
        return "Point"
    return LAYERS.get(loss.lift.name, "Outputs")


def _said(loss: Loss, made: Functions) -> list[str]:
    lines = [f"    name = {loss.name!r}", f"    says = {loss.target.says!r}", "    legal = staticmethod(legal)"]
    return lines + ([f"    outputs = {made.outputs!r}"] if made.outputs and made.kind not in COUPLED else [])


def _terms(loss: Loss, made: Functions) -> list[str]:
    slopes = "value, slope, bend"
    if made.kind in COUPLED:
        return [f"    term = staticmethod({term_text(loss)})"]
    if made.kind != "classes":
        return [f"    term = staticmethod(differentiable({slopes}, {0 if made.kind == 'thresholds' else made.truths}))"]
    mean = "mean_slope" if "mean_slope" in made.names else "None"
    return [
        f"    term = staticmethod(softmax_loss({slopes}, {mean}))",
        "    binary = staticmethod(differentiable(binary_value, binary_slope, binary_bend, 1))",
    ]


def _torch(loss: Loss, made: Functions, linked: bool) -> str:
    mixes = loss.target.name in ("binary", "unit_interval", "classes") and not loss.lift.joint
    rest = [] if harmless(loss) == 1 else [f"    harmless = {harmless(loss)}"]
    said = [*_said(loss, made), f"    mixes = {mixes}", *rest, *_terms(loss, made)]
    return "\n".join((f"class {loss.name}({layer(loss)}):", f'    """{loss.title}"""', "", *said))


def _jax(loss: Loss, made: Functions, linked: bool) -> str:
    said = [*_said(loss, made), *_terms(loss, made)]
    return "\n".join((f"class {loss.name}({layer(loss)}):", f'    """{loss.title}"""', "", *said))


def _keras(loss: Loss, made: Functions, linked: bool) -> str:
    names = [n for n in made.names if n in ("value", "slope", "mean_slope", "binary_value", "binary_slope")]
    outputs = {"outputs": repr(made.outputs)} if made.outputs else {}
    said = [f"    says = {loss.target.says!r}", *(f"    {n} = staticmethod({n})" for n in ("legal", *names))]
    said += [f"    {name} = {text}" for name, text in (around(loss) if made.kind in COUPLED else outputs).items()]
    head = '@keras.saving.register_keras_serializable(package="lossmith_exported")'
    return "\n".join((head, f"class {loss.name}({layer(loss)}):", f'    """{loss.title}"""', "", *said))


def _number(loss: Loss, made: Functions, majorant: bool = False) -> tuple[str, str]:
    """The loss of one raw prediction, and that of K scores or None, as NumPy objects."""
    more = ", majorant" if majorant else ""
    if made.kind in COUPLED:
        return number_text(loss, layer(loss)), "None"
    if made.kind != "classes":
        outputs = f", {made.outputs!r}" if made.outputs else ""
        return f"{layer(loss)}(value, slope, bend{outputs})", "None"
    mean = ", mean_slope" if "mean_slope" in made.names else ""
    return f"Point(binary_value, binary_slope, binary_bend{more})", f"Classes(value, slope, bend{mean})"


def _numpy(loss: Loss, made: Functions, linked: bool) -> str:
    one, many = _number(loss, made)
    name = snake(loss.name)
    one, many = (part if part == "None" else f"Checked({part}, {targets(loss)})" for part in (one, many))
    return f"{name} = {one}" if many == "None" else f"{name}_of_two = {one}\n{name} = {many}"


def _boosted(kind: str) -> Any:
    def tail(loss: Loss, made: Functions, linked: bool) -> str:
        one, many = _number(loss, made)
        if rule_of(loss)[0] == "majorant" and many == "None":
            one = one.removesuffix(")") + ", majorant)"
        scale = '"mad"' if layer(loss) == "Residual" else "1.0"
        more = f"rule={rule_of(loss)[0]!r}, scale={scale}, mean={'mean' if linked else 'None'}"
        return f"{snake(loss.name)} = {kind}({one}, {many}, {targets(loss)}, {more})"

    return tail


def _sklearn(loss: Loss, made: Functions, linked: bool) -> str:
    one, _ = _number(loss, made)
    scale = '"mad"' if layer(loss) == "Residual" else "1.0"
    lines = [f"class {loss.name}Model(Linear):", f'    """A linear model: {loss.title}"""', "", f"    loss = {one}"]
    lines += [f"    targets = {targets(loss)}"]
    lines += ["    mean = staticmethod(mean)"] if linked else []
    lines += ["", f"    def __init__(self, alpha=1e-4, scale={scale}, max_iter=1000):"]
    lines += ["        super().__init__(alpha, scale, max_iter)", "", ""]
    lines += ["def scorer(estimator, X, y, sample_weight=None):", '    """For `scoring=`: minus the mean loss."""']
    return "\n".join([*lines, "    return estimator.score(X, y, sample_weight)"])


def snake(name: str) -> str:
    """PseudoHuber → pseudo_huber; DWD → dwd."""
    parts = "".join(f"_{c}" if c.isupper() and i and not name[i - 1].isupper() else c for i, c in enumerate(name))
    return parts.lower()


TAILS = {
    "numpy": _numpy, "torch": _torch, "jax": _jax, "keras": _keras, "sklearn": _sklearn,
    "lightgbm": _boosted("LightGBM"), "xgboost": _boosted("XGBoost"), "catboost": _boosted("CatBoost"),
}  # fmt: skip
"""The last lines of a file: the loss itself, put together."""
