"""Choose the loss for a table: a fair, paired, nested comparison with a verdict, a report and a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.choose.work import Progress
    from lossmith.rows.tables import Column

__all__ = ["choose", "split_losses"]


def choose(
    X: Any,
    y: Any,
    *,
    score: str | None = None,
    losses: Sequence[Any] | str | None = None,
    weight: Any = None,
    groups: Any = None,
    time: Any = None,
    folds: str | int | None = None,
    margin: float = 0.01,
    seed: int = 0,
    trials: int = 8,
    contaminate: str | None = None,
    draws: int | None = None,
    functional: str | None = None,
    by: Any = None,
    threshold: float | None = None,
    gap: float = 0.0,
    exposure: Any = None,
    offset: Any = None,
    time_budget: float | None = None,
    learner: str | Sequence[str] = "linear",
    engine: str | None = None,
    rounds: int = 200,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Choice:
    """Compare losses on your own data and say which to use.

    X : a table of features (pandas, polars, pyarrow, a 2-D array, a dict of columns), n rows; missing values are filled
        and categories encoded inside the folds; or a sparse matrix of SciPy, whose zeros stay zeros
    y : the target (n,), or the name of its column in X; rows where it is missing are left out
    score : the judge, fixed before anything is trained: squared, absolute, pinball:0.9, poisson, gamma, log, brier, …;
        if None, one that suits the target, with the reason in the report
    losses : names, formulas or Loss objects (or one text with commas); the plain default is always added
    weight, groups, time : arrays (n,), or names of columns of X: row weights; rows that must stay together; an order,
        for training on the past and testing on the future
    folds : "3x5" for three repeats of five folds; chosen by n if None
    margin : the share of the default's score that counts as equal
    seed, trials : for the folds; settings tried per loss and fold
    contaminate : families of bad training rows to try, "outliers,leverage", with a strength, "outliers(5)", or with the
        share of bad rows to expect, "outliers:0.1". For numbers outliers, one-sided, cluster, heavy (its strength is ν
        of t), uneven, censored, leverage, missing, duplicates; for classes flips, one-way, boundary, prior, leverage,
        missing, duplicates
    draws : how often bad rows are drawn for each fold; 2 below 10,000 rows and 1 above if None
    functional : what is asked of a prediction: mean, median, 0.9-quantile, 0.7-expectile, probability; a score that is
        not consistent for it is refused
    by : an array (n,) or the name of a column of X (which stays a feature) that parts rows into groups; the report says
        which group each loss serves worst
    threshold : for two classes, the probability from which one would act: what acting in vain costs, as a share of that
        and of what not acting costs where it was needed; the report then says what each loss would have cost
    gap : with `time`, how long before each test block training ends, in units of that column, or days
    exposure : an array (n,) or the name of a column, > 0: how long or how much a row stands for; predictions are rates
        times it, and only losses with a log link are compared (Poisson, Gamma, Tweedie, …)
    offset : an array (n,) or the name of a column that is added to the raw prediction: to its logarithm where the score
        is a deviance, else to the number itself, or to the log-odds; only losses with one link are compared
    learner : what every loss trains: "linear", "boosted" (trees), or both: "linear,boosted"; the reference is the
        default loss with the first of them. Trees take missing values and categories as they are
    engine : who grows trees: "lightgbm", "xgboost", "catboost" or "sklearn"; if None, LightGBM where it is installed,
        else scikit-learn
    rounds : trees of a trial, at most; each stops where the score of rows held out inside the fold is best
    time_budget : seconds after which no further fold begins; three folds are always finished

    Returns a Choice: verdict, best (the loss as tuned), model (predict, save), table, report(path).
    Raises DataError, DomainError, ShapeError, ParameterError, UnsupportedError, each naming what to do.
    """
    from lossmith.choose.choice import run
    from lossmith.choose.plan import Options, make_plan
    from lossmith.rows.tables import Table

    table = Table.of(X)
    given = {"y": y, "weight": weight, "groups": groups, "time": time, "exposure": exposure, "offset": offset}
    columns, own = columns_of(table, given)
    assert columns["y"] is not None
    options = Options(
        score,
        split_losses(losses),
        columns["weight"],
        columns["groups"],
        columns["time"],
        None if folds is None else str(folds),
        margin,
        seed,
        trials,
        contaminate,
        time_budget,
        draws,
        functional,
        column_of(table, by, "by"),
        threshold,
        gap,
        columns["exposure"],
        columns["offset"],
        learner,
        engine,
        rounds,
    )
    plan = make_plan(table.without(own), columns["y"], options)
    return run(plan, progress or (lambda done, total, what: None), workers)


def columns_of(table: Any, given: dict[str, Any]) -> tuple[dict[str, Column | None], list[str]]:
    """The columns of each purpose, and the names of those that are in the table."""
    columns = {role: column_of(table, one, role) for role, one in given.items()}
    own = [column.name for role, column in columns.items() if isinstance(given[role], str) and column]
    demand_different(own)
    return columns, own


def demand_different(names: Sequence[str]) -> None:
    """Raise a DataError for a column that is named for two purposes."""
    from lossmith.errors import DataError

    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"column {name!r} is named for two purposes (target, weight, group, time, exposure, offset);"
                " give each its own"
            )


def column_of(table: Any, given: Any, role: str) -> Column | None:
    """A column by name, or made of values of the table's length; None for None."""
    import numpy as np

    from lossmith.errors import DataError, ShapeError
    from lossmith.rows.tables import Table

    if given is None:
        if role == "y":
            raise DataError("y is None; pass the target, or the name of its column")
        return None
    if isinstance(given, str):
        return Table.column(table, given)
    values = np.asarray(given)
    if values.ndim != 1:
        raise ShapeError(f"{role} has shape {values.shape}; it must be ({table.n},)")
    if len(values) != table.n:
        raise ShapeError(f"X has {table.n} rows but {role} has {len(values)}; they must be the same")
    name = str(getattr(given, "name", None) or role)
    return Table.of({name: values}, role).columns[0]


def split_losses(losses: Sequence[Any] | str | None) -> Sequence[Any] | None:
    """A text with commas as a list; commas inside parentheses belong to a formula."""
    from lossmith.errors import ParameterError

    if not isinstance(losses, str):
        return losses
    parts, depth = [""], 0
    for character in losses:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    named = [part.strip() for part in parts if part.strip()]
    if not named:
        raise ParameterError(f"losses {losses!r} name nothing; write for example 'Huber, Tukey', or leave it out")
    return named
