"""What pipelines are made of: the preprocessing steps, and what all scorers share.

Each part is a frozen record of arrays that checks itself when it is made, so that a model
file can be read into it without trust.

Inside, a block of tracks lies *columns first*, shape (n_features, n_tracks): operations
then run along memory, several times as fast as row by row. A block is small enough that
what is computed from it stays in the processor's cache.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from affetto.errors import ModelError, UsageError

Floats = NDArray[np.float64]
Nodes = NDArray[np.int32]
Counts = NDArray[np.int64]

MAX_WIDTH = 8192
"""Most values of a track between two parts; keeps temporary memory small."""

BLOCK_ROWS = 8192
_BLOCK_VALUES = 2**17  # 1 MiB of float64: a core's second-level cache
_ONE_THREAD_PRODUCTS = 2**19 - 1  # OpenBLAS 0.3: interface/gemm.c, twice SMP_THRESHOLD_MIN × 4


def as_rows(X: ArrayLike) -> NDArray[Any]:
    """Return `X` as a real two-dimensional array, without a copy where it is one.

    Raises
    ------
    UsageError
        If it holds anything but real numbers, or is not two-dimensional.
    """
    try:
        rows = np.asarray(X)
        if rows.dtype.kind == "O":  # None among numbers, or numbers of several types
            rows = rows.astype(np.float64)
    except (TypeError, ValueError) as exc:
        raise UsageError(f"expected a table of numbers, one row a track: {exc}") from exc
    if rows.dtype.kind not in "iufb":
        raise UsageError(f"expected a table of numbers, found {rows.dtype.name} values")
    if rows.ndim != 2:
        raise UsageError(
            f"expected two dimensions (tracks, features), found shape {rows.shape}; "
            "one track alone is X.reshape(1, -1)"
        )
    return rows


def block_rows_for(widest: int, products: int = 1) -> int:
    """Give how many tracks to score at once.

    So many that what is computed stays in cache, and that no matrix product is large enough
    for OpenBLAS to start threads: on products so small they cost far more than they save.
    A network of 100 hidden units scored 0.1 M tracks/s with them and 4.5 M without, on two
    cores that had other work.

    Parameters
    ----------
    widest : int
        Most values of a track that are held at once.
    products : int
        Multiplications for a track in the largest matrix product.
    """
    return max(1, min(BLOCK_ROWS, _BLOCK_VALUES // widest, _ONE_THREAD_PRODUCTS // products))


def in_blocks(
    rows: NDArray[Any], evaluate: Callable[[Floats], Floats], n_moods: int, block_rows: int
) -> Floats:
    """Score rows, a block of columns at a time.

    Parameters
    ----------
    rows : ndarray of real numbers, shape (n_tracks, d)
    evaluate : callable
        Takes columns, shape (d, n), which it may overwrite; gives shape (n_moods, n).
    n_moods, block_rows : int

    Returns
    -------
    ndarray of float64, shape (n_tracks, n_moods)
    """
    # One mood after the other in memory: what callers do next runs along it.
    result = np.empty((n_moods, len(rows))).T
    with np.errstate(all="ignore"):  # what overflows becomes NaN, which callers look for
        for start in range(0, len(rows), block_rows):
            block = slice(start, start + block_rows)
            result[block] = evaluate(rows[block].T.astype(np.float64, order="C")).T
    return result


def softmax(logits: Floats) -> Floats:
    """Softmax over the first axis, in place; the largest is taken off so that none overflows."""
    logits -= logits.max(axis=0)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=0)
    return logits


class Part:
    """A frozen record of arrays that owns and checks them."""

    def _wrong(self, problem: str) -> ModelError:
        return ModelError(f"{type(self).__name__}: {problem}")

    def _own(self, name: str, dtype: DTypeLike, *shape: int | None) -> Any:
        """Replace a field by a read-only array of `dtype` and `shape` (None: any length)."""
        array = self._owned(name, getattr(self, name), dtype, shape)
        object.__setattr__(self, name, array)
        return array

    def _owned(
        self, name: str, value: ArrayLike, dtype: DTypeLike, shape: tuple[int | None, ...]
    ) -> NDArray[Any]:
        given, wanted = np.asarray(value), np.dtype(dtype)
        if given.dtype.kind not in ("iu" if wanted.kind == "i" else "iuf"):
            raise self._wrong(f"{name} holds {given.dtype} values; expected {wanted}")
        if given.ndim != len(shape) or any(
            found == 0 or (length is not None and found != length)
            for found, length in zip(given.shape, shape, strict=True)
        ):
            expected = ", ".join("any" if length is None else str(length) for length in shape)
            raise self._wrong(f"{name} has shape {given.shape}; expected ({expected})")
        if wanted.kind == "i" and not (
            np.iinfo(wanted).min <= given.min() and given.max() <= np.iinfo(wanted).max
        ):
            raise self._wrong(f"{name} holds an index beyond {wanted}")
        array = np.asarray(given, dtype=wanted, order="C")
        if wanted.kind == "f" and not np.isfinite(array).all():
            raise self._wrong(f"{name} holds NaN or infinity")
        if array.flags.writeable:
            array = array.copy()
            array.flags.writeable = False
        return array


class BaseStep(Part):
    """What all steps share."""

    OP: ClassVar[str]

    def width(self, n_inputs: int) -> int:
        """Give the number of columns that come out of `n_inputs`.

        Raises
        ------
        ModelError
            If the step cannot take so many.
        """
        return self._width(n_inputs)

    def apply(self, X: ArrayLike) -> Floats:
        """Apply the step to tracks, shape (n_tracks, d); gives new ones, (n_tracks, width)."""
        rows = as_rows(X)
        self.width(rows.shape[1])
        return np.ascontiguousarray(self.apply_to_columns(rows.T.astype(np.float64)).T)

    def apply_to_columns(self, columns: Floats) -> Floats:
        """Apply the step to columns, shape (d, n_tracks), which it may overwrite."""
        return self._apply(columns)

    def _width(self, n_inputs: int) -> int:
        raise NotImplementedError

    def _apply(self, columns: Floats) -> Floats:
        raise NotImplementedError

    def _same_width(self, found: int, expected: int) -> int:
        if found != expected:
            raise self._wrong(f"{found} columns come in; expected {expected}")
        return found


class BaseScorer(Part):
    """What all scorers share."""

    KIND: ClassVar[str]

    @property
    def n_inputs(self) -> int:
        """How many values of a track come in (for trees: at least)."""
        return self._shape()[0]

    @property
    def n_moods(self) -> int:
        """How many probabilities of a track come out."""
        return self._shape()[1]

    @property
    def block_rows(self) -> int:
        """How many tracks to score at once (see `block_rows_for`)."""
        return block_rows_for(*self._work())

    def accepts(self, n_inputs: int) -> bool:
        """Whether tracks of `n_inputs` values can be scored."""
        return n_inputs == self.n_inputs

    def evaluate(self, columns: Floats) -> Floats:
        """Score columns, shape (d, n): probabilities, shape (k, n), each column summing to 1."""
        return self._evaluate(columns)

    def probabilities(self, Z: ArrayLike) -> Floats:
        """Score preprocessed tracks.

        Parameters
        ----------
        Z : array-like, shape (n_tracks, d)

        Returns
        -------
        ndarray of float64, shape (n_tracks, k)
            Each row sums to 1; NaN where a value is so large that a sum overflows.

        Raises
        ------
        UsageError
            If the shape does not fit.
        """
        rows = as_rows(Z)
        if not self.accepts(rows.shape[1]):
            raise UsageError(f"{rows.shape[1]} columns given; expected {self.n_inputs}")
        return in_blocks(rows, self.evaluate, self.n_moods, self.block_rows)

    def _shape(self) -> tuple[int, int]:
        """Give the number of values that come in, and of moods that come out."""
        raise NotImplementedError

    def _work(self) -> tuple[int, int]:
        """Give the most values of a track held at once, and the multiplications for it."""
        raise NotImplementedError

    def _evaluate(self, columns: Floats) -> Floats:
        raise NotImplementedError

    def _check_moods(self) -> None:
        if self.n_moods < 2:
            raise self._wrong("one mood only; expected at least two")


@dataclass(frozen=True, eq=False)
class Clip(BaseStep):
    """Limit each feature: min(max(x, low), high).

    Attributes
    ----------
    low, high : ndarray of float64, shape (d,)
        In the feature's unit; ±``numpy.finfo(float).max`` where there is no bound.
    """

    OP: ClassVar[str] = "clip"
    low: Floats
    high: Floats

    def __post_init__(self) -> None:
        low = self._own("low", np.float64, None)
        if (low > self._own("high", np.float64, len(low))).any():
            raise self._wrong("a lower bound is above its upper bound")

    def _width(self, n_inputs: int) -> int:
        return self._same_width(n_inputs, len(self.low))

    def _apply(self, columns: Floats) -> Floats:
        np.maximum(columns, self.low[:, None], out=columns)
        return np.minimum(columns, self.high[:, None], out=columns)


@dataclass(frozen=True, eq=False)
class Log10(BaseStep):
    """Replace some features by log10(x + offset).

    Attributes
    ----------
    columns : ndarray of int64, shape (c,)
        Which columns, each once.
    offset : ndarray of float64, shape (c,)
        Keeps the logarithm away from zero; in the feature's unit.
    """

    OP: ClassVar[str] = "log10"
    columns: Counts
    offset: Floats

    def __post_init__(self) -> None:
        chosen = self._own("columns", np.int64, None)
        self._own("offset", np.float64, len(chosen))
        if chosen.min() < 0 or len(np.unique(chosen)) != len(chosen):
            raise self._wrong("columns are negative or given twice")

    def _width(self, n_inputs: int) -> int:
        if self.columns.max() >= n_inputs:
            raise self._wrong(f"column {self.columns.max()} of {n_inputs} does not exist")
        return n_inputs

    def _apply(self, columns: Floats) -> Floats:
        for index, offset in zip(self.columns, self.offset, strict=True):
            column = columns[index]
            np.log10(np.add(column, offset, out=column), out=column)
        return columns


@dataclass(frozen=True, eq=False)
class Standardise(BaseStep):
    """Centre and scale each feature: (x − mean) / scale.

    Attributes
    ----------
    mean, scale : ndarray of float64, shape (d,)
        In the feature's unit; every scale is above 0.
    """

    OP: ClassVar[str] = "standardise"
    mean: Floats
    scale: Floats

    def __post_init__(self) -> None:
        mean = self._own("mean", np.float64, None)
        if (self._own("scale", np.float64, len(mean)) <= 0).any():
            raise self._wrong("a scale is not above 0")

    def _width(self, n_inputs: int) -> int:
        return self._same_width(n_inputs, len(self.mean))

    def _apply(self, columns: Floats) -> Floats:
        columns -= self.mean[:, None]
        columns /= self.scale[:, None]
        return columns

    @property
    def folds(self) -> bool:
        """Whether folding it into the weights that follow loses less than 1e-12."""
        return bool((np.abs(self.mean) / 1e3 < self.scale).all() and self.scale.min() > 1e-12)


@dataclass(frozen=True, eq=False)
class Select(BaseStep):
    """Keep some columns, in the order given, and drop the others.

    Attributes
    ----------
    columns : ndarray of int64, shape (c,)
        Which columns, each once.
    """

    OP: ClassVar[str] = "select"
    columns: Counts

    def __post_init__(self) -> None:
        chosen = self._own("columns", np.int64, None)
        if chosen.min() < 0 or len(np.unique(chosen)) != len(chosen):
            raise self._wrong("columns are negative or given twice")

    def _width(self, n_inputs: int) -> int:
        if self.columns.max() >= n_inputs:
            raise self._wrong(f"column {self.columns.max()} of {n_inputs} does not exist")
        return len(self.columns)

    def _apply(self, columns: Floats) -> Floats:
        return columns[self.columns]


@dataclass(frozen=True, eq=False)
class Polynomial(BaseStep):
    """Append the products of two (and three) features.

    Equals ``PolynomialFeatures(degree, interaction_only=..., include_bias=False)`` of
    scikit-learn, column for column.

    Attributes
    ----------
    degree : int
        2 or 3.
    interaction_only : bool
        Leave out products of a feature with itself.
    """

    OP: ClassVar[str] = "polynomial"
    degree: int
    interaction_only: bool

    def __post_init__(self) -> None:
        if self.degree not in (2, 3):
            raise self._wrong(f"degree is {self.degree}; expected 2 or 3")
        object.__setattr__(self, "degree", int(self.degree))
        object.__setattr__(self, "interaction_only", bool(self.interaction_only))

    def _width(self, n_inputs: int) -> int:
        repeats = 0 if self.interaction_only else 1
        width = sum(
            comb(n_inputs + repeats * (power - 1), power) for power in range(1, self.degree + 1)
        )
        if width > MAX_WIDTH:
            raise self._wrong(f"{n_inputs} columns make {width} products; at most {MAX_WIDTH}")
        return width

    def _apply(self, columns: Floats) -> Floats:
        d, n = columns.shape
        products = np.empty((self.width(d), n))
        products[:d] = columns
        # first[i] is the first product of the power below that no feature before i leads:
        # all from there to its end, times feature i, are the next products in order.
        first = list(range(d + 1))
        for _ in range(1, self.degree):
            below, first = first, [first[-1]]
            for i in range(d):
                factors = products[below[i + 1 if self.interaction_only else i] : below[-1]]
                first.append(first[-1] + len(factors))
                np.multiply(factors, columns[i], out=products[first[-2] : first[-1]])
        return products


Step = Clip | Log10 | Standardise | Select | Polynomial
