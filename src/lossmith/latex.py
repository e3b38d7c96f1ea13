"""A formula tree as LaTeX."""

from __future__ import annotations

from collections.abc import Callable

from lossmith.formula import Expr

GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega".split()
)
CHOICE, SUM, PRODUCT, POWER, ATOM = range(5)
"""Binding strengths, the weakest first."""

INFIX: dict[str, tuple[str, int]] = {
    "lt": ("<", SUM), "le": (r"\le", SUM), "gt": (">", SUM), "ge": (r"\ge", SUM), "eq": ("=", SUM),
    "ne": (r"\ne", SUM), "and": (r"\wedge", SUM), "add": ("+", SUM), "sub": ("-", SUM), "mul": (r"\,", PRODUCT),
}  # fmt: skip
NAMED = {
    "exp": r"\exp", "log": r"\log", "tanh": r"\tanh", "cosh": r"\cosh", "sin": r"\sin", "cos": r"\cos",
    "atan": r"\arctan", "min": r"\min", "max": r"\max", "lgamma": r"\log\Gamma", "log_ndtr": r"\log\Phi",
    "sigmoid": r"\sigma", "asinh": r"\operatorname{arsinh}",
}  # fmt: skip


def latex(tree: Expr) -> str:
    """The formula for a page of mathematics."""
    return _write(tree)[0]


def _write(e: Expr) -> tuple[str, int]:
    writer = _WRITERS.get(e.word)
    if writer:
        return writer(e)
    if e.word in INFIX:
        sign, strength = INFIX[e.word]
        right = PRODUCT if e.word == "sub" else strength
        return f"{_in(e.args[0], strength)} {sign} {_in(e.args[1], right)}", strength
    head = NAMED.get(e.word, rf"\operatorname{{{e.word.replace('_', chr(92) + '_')}}}")
    return rf"{head}\left({', '.join(latex(a) for a in e.args)}\right)", POWER


def _in(e: Expr, strength: int) -> str:
    text, own = _write(e)
    return rf"\left({text}\right)" if own < strength else text


def _number(e: Expr) -> tuple[str, int]:
    return (f"{e.value:g}", ATOM if e.value >= 0 else SUM)


def _name(e: Expr) -> tuple[str, int]:
    base, _, low = e.name.partition("_")
    shown = "\\" + base if base in GREEK else base if len(base) == 1 else rf"\mathrm{{{base}}}"
    return (f"{shown}_{{{low}}}" if low else shown, ATOM)


def _where(e: Expr) -> tuple[str, int]:
    rows = []
    while e.word == "where":
        condition, value, e = e.args
        rows.append(f"{latex(value)} & {latex(condition)}")
    rows.append(rf"{latex(e)} & \text{{otherwise}}")
    return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}", CHOICE


_WRITERS: dict[str, Callable[[Expr], tuple[str, int]]] = {
    "number": _number,
    "name": _name,
    "where": _where,
    "neg": lambda e: (f"-{_in(e.args[0], PRODUCT)}", SUM),
    "div": lambda e: (rf"\frac{{{latex(e.args[0])}}}{{{latex(e.args[1])}}}", PRODUCT),
    "pow": lambda e: (f"{_in(e.args[0], ATOM)}^{{{latex(e.args[1])}}}", POWER),
    "abs": lambda e: (rf"\left|{latex(e.args[0])}\right|", ATOM),
    "sqrt": lambda e: (rf"\sqrt{{{latex(e.args[0])}}}", ATOM),
}
