"""The Rosetta table, row by row: what it says of another library is what that library computes."""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import pytest
import rosetta_judges
import rosetta_more
import rosetta_rest
from joint_laws import draw
from rosetta_peers import PROOFS, Proof, installed, proof

import lossmith
from lossmith.adapters.rosetta import Row, alone, computed, peers, read, rows, spell, taken_apart, written
from lossmith.catalogue import every
from lossmith.cli.translating import lines
from lossmith.errors import LossmithError, ParameterError, UnsupportedError
from lossmith.formula import parse
from lossmith.loss import Loss

PROVED_IN = (rosetta_judges, rosetta_more, rosetta_rest)
"""Importing them fills PROOFS."""
COUNT = 1000
REAL = np.array([-1e3, -50.0, -1e-8, 0.0, 1e-8, 30.0, 1e3])
TRIED = {
    "Huber": {"delta": (0.3, 1.35, 20.0)}, "Quantile": {"tau": (0.1, 0.5, 0.93)}, "Expectile": {"tau": (0.2, 0.8)},
    "Tweedie": {"power": (1.2, 1.5, 1.9)}, "Focal": {"gamma": (1.0, 2.0, 3.0)}, "Lq": {"q": (1.2, 1.5)},
    "LabelSmoothing": {"epsilon": (0.05, 0.1)}, "Poly1": {"epsilon": (0.5, 2.0)},
    "NegativeBinomial": {"theta": (0.5, 3)},
    "EpsilonInsensitive": {"epsilon": (0.1, 2.0)}, "SquaredEpsilonInsensitive": {"epsilon": (0.1, 2.0)},
    "PseudoHuber": {"delta": (0.5, 1.0, 4.0)}, "Cauchy": {"c": (0.7, 2.0)}, "Arctan": {"c": (0.7, 2.0)},
    "StudentT": {"nu": (3.0, 7.5)}, "Tukey": {"c": (2.0, 4.685)}, "Andrews": {"c": (0.7, 1.339)},
    "Hampel": {"a": (1.0, 2.0)}, "Ramsay": {"a": (0.3, 0.9)}, "MQuantile": {"tau": (0.2, 0.7)},
    "Fair": {"c": (0.5, 3.0)},
    "Welsch": {"c": (1.3, 2.98)}, "GemanMcClure": {"c": (0.8, 3.7)}, "DynamicCovarianceScaling": {"phi": (1.0, 3.6)},
    "MultiLabelFocal": {"gamma": (1.0, 2.0)},
    "DeadZone": {"k": (0.3, 2.0)}, "BetaDivergence": {"beta": (0.5, 1.0, 2.0)},
    "VonMises": {"kappa": (0.5, 3.0)},
    "WeightedLogistic": {"c": (0.4, 3.0)}, "MarginRanking": {"margin": (0.2, 1.0)}, "StudentTNLL": {"nu": (3.0, 8.0)},
    "QuantileHuber": {"tau": (0.2, 0.7)}, "IntervalScore": {"alpha": (0.05, 0.3)},
    "Talwar": {"c": (1.1, 2.5)}, "SmoothL1": {"beta": (0.4, 2.0)}, "GeneralizedCrossEntropy": {"q": (0.3, 0.7)},
    "Entmax": {"alpha": (1.2, 1.5, 1.8)}, "BiTempered": {"t2": (1.2, 1.4, 3.0)},
    "Distillation": {"temperature": (1.0, 4.0)}, "SymmetricCrossEntropy": {"alpha": (0.1, 2.0)},
    "Barron": {"c": (1.0, 2.5)}, "HingeEmbedding": {"margin": (0.5, 1.0)}, "CosineEmbedding": {"margin": (0.0, 0.2)},
    "Weibull": {"shape": (0.7, 1.5)}, "LogLogistic": {"shape": (1.1, 2.5)}, "WrappedCauchy": {"rho": (0.2, 0.8)},
    "GeneralizedPoisson": {"alpha": (0.2, 0.7)}, "Wing": {"w": (1.5, 10.0)},
    "AsymmetricLoss": {"shift": (0.05, 0.2)}, "BetaRegression": {"phi": (2.0, 30.0)},
}  # fmt: skip
"""Parameters with which a row is tried, where it can express them."""


def variants(row: Row) -> list[Loss]:
    """The losses with which a row is tried: fixed parameters as the row fixes them, free ones from the table."""
    kind = every()[row.loss]
    fixed = {p: computed(text, {}, row) for p, text in row.params.items() if not parse(text).names}
    tables = [kind(**{**fixed, name: v}) for name, values in TRIED.get(row.loss, {}).items() for v in values
              if name not in fixed] or [kind(**fixed)]  # fmt: skip
    made = [loss for loss in tables if row.theirs(loss) is not None]
    lift = rosetta_judges.LIFTED.get(row.loss)
    return made if lift is None else [loss.over(lift) for loss in made]


def drawn(loss: Loss, one: Proof, n: int = COUNT) -> tuple[np.ndarray, np.ndarray]:
    """y and z over the loss's whole domain, near its corners and far out; exact in float32 too."""
    rng = np.random.default_rng(zlib.crc32(loss.name.encode()))
    if loss.lift.joint:
        return joint_rows(loss, one, n)
    if loss.lift.name == "residual":
        y = np.concatenate([REAL, rng.normal(0, 10, n - len(REAL))]) * one.spread
        z = y - np.concatenate([REAL[::-1] * one.spread, rng.standard_t(2, n - len(REAL))])
    elif one.classes:
        y, z = rng.integers(0, 4, n), rng.normal(0, 3, (n, 4))
        z[:20] *= 10
        z *= one.spread
    else:
        target = {
            "binary": lambda: rng.integers(0, 2, n), "classes": lambda: rng.integers(0, 2, n),
            "unit_interval": lambda: np.concatenate([[0.0, 1.0], rng.uniform(0, 1, n - 2)]),
            "open_interval": lambda: rng.uniform(0.001, 0.999, n),
            "halfline": lambda: rng.poisson(3, n), "positive_line": lambda: rng.gamma(2, 2, n) + 0.01,
        }  # fmt: skip
        y = target[loss.target.name]()
        y = (
            np.round(y) if loss.name in ("MultiLabelFocal", "AsymmetricLoss") else y
        )  # elsewhere shares mean another thing
        wide = 1.0 if loss.target.name in ("halfline", "positive_line") else 10.0
        z = (
            np.concatenate([np.array([-3.0, -1.0, 0.0, 1.0, 3.0]) * wide, rng.normal(0, 0.6 * wide, n - 5)])
            * one.spread
        )
    z = np.abs(z) if one.positive else z
    return np.asarray(y, np.float32).astype(float), np.asarray(z, np.float32).astype(float)


def joint_rows(loss: Loss, one: Proof, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Truths and outputs of a loss of several; what is known to lie in a very narrow interval is left out."""
    y, z = draw(loss, 3 * n)
    y = y * one.spread if loss.target.name in ("real", "bounds") else y
    if loss.target.name == "bounds":
        wide = np.diff(y, axis=1)[:, 0]
        kept = (wide == 0) | (wide > 0.1)
        y, z = y[kept], z[kept]
    return y[:n], z[:n] * one.spread


def predicted(row: Row, loss: Loss, z: np.ndarray) -> np.ndarray:
    """The prediction on the scale that the row's library takes."""
    if row.predicts in ("log-probability", "probabilities"):
        logs = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return logs if row.predicts == "log-probability" else np.exp(logs)
    if row.predicts.startswith("log-probability of z/"):
        return np.log(loss.mean(z))
    if row.predicts.startswith("quantiles"):
        return np.column_stack([z[:, 0] - np.logaddexp(0, z[:, 1]), z[:, 0], z[:, 0] + np.logaddexp(0, z[:, 2])])
    if row.predicts == "probability":
        softmax = lossmith.CrossEntropy() if z.ndim == 2 else lossmith.Logistic()
        return (loss if loss.lift.name == "score" else softmax).mean(z)
    if row.predicts.startswith("difference"):
        return z[:, 0] - z[:, 1]
    return loss.mean(z) if row.predicts == "mean" else z


def close(got: np.ndarray, want: np.ndarray, tolerance: float, note: str) -> None:
    scale = np.abs(want[np.isfinite(want)]).max(initial=1e-300)
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance * min(scale, 1.0), err_msg=note)


def agree(row: Row, loss: Loss) -> None:
    """Ours times the factor is theirs, and so is the gradient where they have one."""
    one = proof(row)
    assert one is not None, f"{row.peer}:{row.name} ({row.loss}) has no proof"
    args = row.theirs(loss)
    assert args is not None
    args = {**row.defaults, **args}
    y, z = drawn(loss, one, one.rows)
    factor, note = row.ratio(loss, args), f"{row.peer}:{row.name}{args} against {loss!r}"
    labels = np.where(y > 0, 1.0, -1.0) if one.sign and loss.lift.name == "margin" else y
    ours, theirs = loss.value(y, z), predicted(row, loss, z)
    with np.errstate(all="ignore"):
        if one.each is not None:
            values, gradient = one.each(row, args, labels, theirs)
            shift = loss.value(y, z[::-1]) if row.constant else 0 * ours
            other = one.each(row, args, labels, theirs[::-1])[0] if row.constant else 0 * ours
            close(values - other, factor * (ours - shift), one.tolerance, note)
            if gradient is not None and theirs is z:
                mine = factor * loss.gradient(y, z)
                off = ~np.isclose(gradient, mine, rtol=10 * one.tolerance, atol=10 * one.tolerance)
                assert not (off & _smooth(loss, y, z)).any(), f"gradient of {note}"
        else:
            assert one.average is not None
            _averages(row, loss, one, args, labels, y, z, factor, note)


def _smooth(loss: Loss, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Where the slope is the same a hair to both sides: at a kink every library takes another subgradient."""
    if z.ndim == 2:
        return np.ones_like(z, bool)
    h = 1e-7 * np.maximum(1, np.abs(z))
    return np.isclose(loss.gradient(y, z - h), loss.gradient(y, z + h), rtol=1e-3, atol=1e-5)


def _averages(row, loss, one, args, labels, y, z, factor, note) -> None:
    rng = np.random.default_rng(5)
    for _ in range(8):
        w = np.asarray(rng.lognormal(0, 2, len(y)), np.float32).astype(float)
        got = one.average(row, args, labels, predicted(row, loss, z), w)
        want = factor * loss(y, z, weight=w)
        if row.constant:
            got -= one.average(row, args, labels, predicted(row, loss, z[::-1]), w)
            want -= factor * loss(y, z[::-1], weight=w)
        assert np.isclose(got, want, rtol=one.tolerance, atol=one.tolerance * 1e-2), f"{got} {want} {note}"


def named(row: Row) -> str:
    return f"{row.peer}:{row.name}:{row.loss}"


@pytest.mark.parametrize("row", rows(), ids=named)
def test_row(row: Row) -> None:
    if row.checked:
        pytest.skip(f"not checked here: {row.checked}")
    if not installed(row.peer):
        pytest.skip(f"{row.peer} is not installed (the extra `peers` brings it)")
    tried = variants(row)
    assert tried, f"no parameters to try {named(row)} with"
    for loss in tried:
        agree(row, loss)


@pytest.mark.parametrize("peer", sorted({row.peer for row in rows() if not row.checked}))
def test_a_hundredth_in_any_factor_is_noticed(peer: str) -> None:
    if not installed(peer):
        pytest.skip(f"{peer} is not installed (the extra `peers` brings it)")
    for row in rows():
        if row.peer == peer and not row.checked:
            wrong = dataclasses.replace(row, factor=f"1.01*({row.factor})")
            with pytest.raises(AssertionError):
                agree(wrong, variants(row)[0])


def test_every_proof_belongs_to_a_row_and_every_row_says_why_it_has_none() -> None:
    assert {row.peer for row in rows()} == set(peers())
    missing = [named(row) for row in rows() if proof(row) is None and not row.checked]
    assert missing == []
    assert len(rows()) >= 270 and len(PROOFS) >= 170
    assert all(row.loss in every() for row in rows())
    assert len({(row.peer, row.name, row.loss, str(row.when)) for row in rows()}) == len(rows()), "a row twice"


FIRST_TIER = (
    "Squared", "Absolute", "Huber", "PseudoHuber", "LogCosh", "Cauchy", "GemanMcClure", "Welsch", "Tukey", "StudentT",
    "Barron", "EpsilonInsensitive", "Quantile", "QuantileHuber", "Expectile", "Hinge", "SquaredHinge", "ModifiedHuber",
    "Logistic", "Exponential", "Probit", "Brier", "BinaryCrossEntropy", "WeightedLogistic", "CrossEntropy", "Focal",
    "LabelSmoothing", "GeneralizedCrossEntropy", "SymmetricCrossEntropy", "Poly1", "Poisson", "Gamma", "Tweedie",
    "NegativeBinomial", "BinomialProbit", "ComplementaryLogLog", "BinomialCauchit", "ZeroInflatedPoisson",
    "ZeroInflatedNegativeBinomial", "HurdlePoisson", "HurdleLogNormal", "GaussianNLL", "CumulativeLogit",
    "CumulativeProbit", "CensoredNormal", "CensoredLogistic", "CensoredExtreme", "QuantileTriple", "IntervalScore",
    "MarginRanking", "RankNet", "AllThresholds", "AsymmetricLoss", "MultiLabelFocal", "KullbackLeibler",
    "JensenShannonDivergence", "CrammerSinger", "Sparsemax", "Entmax", "BiTempered", "LogitAdjustment", "Distillation",
    "ExpectedCost", "NormalCRPS",
)  # fmt: skip
"""What of the catalogue comes first: the losses that most people use, and those that other libraries have."""


def judges(name: str, table: tuple[Row, ...] | None = None) -> set[str]:
    """The libraries that a loss is held against."""
    return {row.peer for row in table or rows() if row.loss == name and not row.checked}


def judged(name: str, table: tuple[Row, ...] | None = None) -> bool:
    """By two libraries; or by those that the table says are all."""
    found = judges(name, table)
    return found == set(alone()[name]) if name in alone() else len(found) >= 2


def test_two_libraries_for_each_loss_of_the_first_tier_that_two_have() -> None:
    assert [name for name in FIRST_TIER if not judged(name)] == []
    assert set(alone()) <= set(FIRST_TIER) and all(len(found) < 2 for found in alone().values())
    assert len(set(FIRST_TIER) - set(alone())) >= 62, "more of the first tier is said to have no second judge"


def test_a_judge_that_goes_missing_is_noticed() -> None:
    for name in set(FIRST_TIER) - {name for name, found in alone().items() if not found}:
        lost = min(judges(name))
        rest = tuple(row for row in rows() if (row.peer, row.loss) != (lost, name))
        assert judged(name, rest) == (len(judges(name)) > 2), name


# --- reading and writing --------------------------------------------------------------------------------------------

READ = {
    "sklearn:HuberRegressor(epsilon=1.35)": (lossmith.Huber(delta=1.35), 2),
    "sklearn:SGDRegressor": (lossmith.Squared(), 1),
    "sklearn:SGDRegressor(loss='huber', epsilon=0.2, alpha=1e-3)": (lossmith.Huber(delta=0.2), 1),
    "torch:SmoothL1Loss(beta=2)": (lossmith.Huber(delta=2), 0.5),
    "torch:CrossEntropyLoss": (lossmith.CrossEntropy(), 1),
    "torch:CrossEntropyLoss(label_smoothing=0.2)": (lossmith.LabelSmoothing(epsilon=0.2), 1),
    "catboost:Huber:delta=1.5": (lossmith.Huber(delta=1.5), 1),
    "catboost:Lq(q=1.5)": (lossmith.Lq(q=1.5), 1.5),
    "kornia:welsch_loss": (lossmith.Welsch(c=2**0.5), 1),
    "statsmodels:StudentT(c=2, df=4)": (lossmith.Cauchy(c=4), 1),
    "statsmodels:families.NegativeBinomial(alpha=0.5)": (lossmith.NegativeBinomial(theta=2), 2),
    "xgboost:reg:pseudohubererror(huber_slope=2)": (lossmith.PseudoHuber(delta=2), 1),
    "keras:CategoricalFocalCrossentropy(from_logits=True)": (lossmith.Focal(gamma=2), 0.25),
    "spark:LinearRegression(loss='huber')": (lossmith.Huber(delta=1.35), 1),
}


@pytest.mark.parametrize("text", READ)
def test_reading(text: str) -> None:
    found = read(text)
    assert (found.loss, found.factor) == (READ[text][0], pytest.approx(READ[text][1]))


@pytest.mark.parametrize("row", rows(), ids=named)
def test_what_is_written_is_read_back(row: Row) -> None:
    for loss in variants(row):
        again = [one for one in spell(loss, row.peer) if one.row is row]
        assert len(again) == 1
        args = ", ".join(f"{k}={v!r}" for k, v in again[0].args.items())
        back = read(f"{row.peer}:{row.name}({args})")
        assert back.row.name == row.name
        assert back.row != row or all(np.isclose(back.loss.params[k], v) for k, v in loss.params.items())


def test_writing() -> None:
    huber = lossmith.Huber(delta=1.35)
    assert [written(one) for one in spell(huber, "lightgbm")] == ["{'objective': 'huber', 'alpha': 1.35}"]
    assert [written(one) for one in spell(huber, "catboost")] == ['loss_function="Huber:delta=1.35"']
    assert written(spell(huber, "scipy")[0]) == "least_squares(loss='huber', f_scale=1.35)"


WRONG = {
    "sklearn:HubrRegressor": "did you mean 'HuberRegressor'",
    "scikit:HuberRegressor": "no library named 'scikit'",
    "catboost:Huber": "needs delta=",
    "sklearn:HuberRegressor(epsilon=-1)": "delta must be a number > 0",
    "sklearn:SGDRegressor(loss='tanh')": "loss=huber",
    "sklearn:SVR(0.1)": "name the arguments",
    "sklearn:SVR(epsilon=[1])": "is not a number",
    "sklearn:SVR(epsilon=__import__('os').getpid())": "is not a number",
    "sklearn:SVR(**{'epsilon': 1})": "** is not read",
    "sklearn:SVR(epsilon=-'a')": "is not a number",
    "sklearn:SVR(epsilon=1)(2)": "are not arguments",
    "sklearn:SVR(epsilon=": "not of the form",
    "sklearn:SVR(1 +)": "are not arguments",
    "": "not of the form",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_cannot_be_read_is_said_in_one_line(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        read(text)
    assert WRONG[text] in str(caught.value) and "\n" not in str(caught.value)


def test_nothing_is_evaluated() -> None:
    with pytest.raises(LossmithError):
        taken_apart("sklearn:SVR(epsilon=(lambda: 1/0)())")


def test_a_loss_that_a_library_cannot_express_is_refused_with_a_way_out() -> None:
    with pytest.raises(UnsupportedError, match=r"kornia.*no Tukey.*statsmodels"):
        spell(lossmith.Tukey(), "kornia")
    with pytest.raises(UnsupportedError, match="only with"):
        spell(lossmith.Welsch(c=3.0), "kornia")


def test_the_answer_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    from lossmith.cli import main

    with pytest.raises(SystemExit) as left:
        main(["translate", "sklearn:HuberRegressor(epsilon=1.35)", "--to", "lightgbm"])
    out = capsys.readouterr().out
    assert left.value.code == 0
    for part in ("2 × Huber(delta=1.35)", "'objective': 'huber', 'alpha': 1.35", "beware: residuals", "by 2"):
        assert part in out, out
    with pytest.raises(SystemExit) as left:
        main(["translate", "sklearn:HuberRegressor", "--to", "kornia"])
    printed = capsys.readouterr()
    assert left.value.code == 2 and printed.out == "" and "kornia cannot express" in printed.err


def test_without_a_library_all_are_told() -> None:
    text = "\n".join(lines("Huber(delta=2)", None))
    assert all(peers()[peer] in text for peer in ("torch", "keras", "lightgbm", "catboost", "scipy", "statsmodels"))
    with pytest.raises(UnsupportedError, match="no library"):
        list(lines("Savage", None))
