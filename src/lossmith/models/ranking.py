"""A linear score that puts rows in order, learned from pairs of which one is preferred."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.validation import check_is_fitted, column_or_1d

from lossmith.errors import DataError
from lossmith.fit import Penalty, fit
from lossmith.lifts.pointwise import margin_probability
from lossmith.loss import Loss
from lossmith.models import inputs
from lossmith.models.together import Kept, joint_loss
from lossmith.rows.memory import Rows
from lossmith.rows.pairs import pairs, preferred

Array = NDArray[Any]


class PairwiseRanker(Kept):
    """A score linear in X by which preferred rows are ahead: Bradley and Terry's model, RankNet, RankSVM, AUC.

    It minimises the mean of loss(m) over pairs of rows of one group that differ in y, m the difference of their scores,
    plus alpha times the penalty on the coefficients. There is no intercept: it would cancel.

    loss : "RankNet" (Bradley and Terry), "MarginRanking", "SquaredRanking", "LeastSquaresRanking", "RankBoost", or a
        margin loss over pairs, `Hinge().over("pairwise")`
    max_pairs : a random sample of so many pairs, if there are more
    penalty, alpha, l1_ratio, solver, tol, max_iter, random_state : as in `LinearClassifier`

    Learned: coef_ (p,), n_pairs_, n_iter_, loss_, solution_, n_features_in_, feature_names_in_.
    """

    kind: ClassVar[str] = "pairwise-ranker"

    def __init__(
        self,
        loss: str | Loss = "RankNet",
        *,
        max_pairs: int | None = None,
        penalty: str = "l2",
        alpha: float = 1e-4,
        l1_ratio: float = 0.5,
        solver: str = "auto",
        tol: float = 1e-8,
        max_iter: int | None = None,
        random_state: int | None = None,
    ) -> None:
        self.loss = loss
        self.max_pairs = max_pairs
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Any, y: Any, group: Any = None, sample_weight: Any = None) -> Self:
        """Fit to X (n, p) and y (n,), larger is better; only rows of one group (n,) are compared.

        A pair weighs the product of its rows' sample_weight (n,), so that a weight of 2 is the same row twice.
        """
        loss = joint_loss(self.loss, ("pairwise",), type(self).__name__, "a loss of pairs, or LinearClassifier")
        matrix = inputs.features(self, X, reset=True)
        if y is None:
            raise DataError("PairwiseRanker requires y to be passed, but the target y is None; pass one number per row")
        y = column_or_1d(y, warn=True)
        weight = Rows.of(matrix, np.zeros(matrix.shape[0]), sample_weight).weight
        made = pairs(matrix, y, group, at_most=self.max_pairs, random_state=self.random_state)
        both = None if weight is None else weight[made.first] * weight[made.second]
        solution = fit(
            Rows.of(made.X, np.ones(made.n), both),
            loss.over("margin"),
            Penalty(self.penalty, alpha=self.alpha, l1_ratio=self.l1_ratio),
            solver=self.solver,
            intercept=False,
            tol=self.tol,
            max_steps=self.max_iter,
            random_state=self.random_state,
        )
        self._note(solution)
        self.coef_, self.loss_, self.n_pairs_ = np.ravel(solution.coef), loss, made.n
        return self

    def predict(self, X: Any) -> Array:
        """The score of each row, (n,); only differences of scores mean anything."""
        check_is_fitted(self)
        scores: Array = safe_sparse_dot(inputs.features(self, X, reset=False), self.coef_, dense_output=True)
        return scores

    def preference(self, first: Any, second: Any) -> Array:
        """The probability that each row of `first` is preferred to that of `second`, both (n, p).

        Raises UnsupportedError where the loss has no link (MarginRanking).
        """
        ahead = self.predict(first) - self.predict(second)
        return margin_probability(self.loss_.over("margin").state, ahead)

    def score(self, X: Any, y: Any, group: Any = None) -> float:
        """The share of pairs in the right order, ties one half: for y of two values the area under the curve."""
        z = self.predict(X)
        first, second = preferred(y, group, len(z))
        return float(np.mean((z[first] > z[second]) + 0.5 * (z[first] == z[second])))
