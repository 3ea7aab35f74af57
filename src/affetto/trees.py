"""Forests and boosted trees: checked against loops, walked without branches, NumPy alone."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from affetto.errors import ModelError
from affetto.parts import BLOCK_ROWS, MAX_WIDTH, BaseScorer, Floats, Nodes, softmax

MAX_DEPTH = 256
"""Deepest tree; the deepest that scikit-learn grew on 913 real tracks had 24 levels."""

Index = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees laid out for walking: two children lie side by side, a leaf leads to itself.

    A step down is ``node = child[node] + (x > threshold[node])`` for branches and leaves
    alike, since a leaf's threshold is infinite. All trees of a forest take their steps
    together, a level at a time.

    Attributes
    ----------
    roots, depths : ndarray of intp, shape (n_trees,)
        First node and number of levels below it.
    feature, child : ndarray of intp, shape (n_nodes,)
        Column that a node splits by (0 for a leaf), and its left child.
    threshold : ndarray of float32 or float64, shape (n_nodes,)
    original : ndarray of intp, shape (n_nodes,)
        Which node of the given arrays each is.
    """

    roots: Index
    depths: Index
    feature: Index
    child: Index
    threshold: NDArray[np.floating[Any]]
    original: Index

    @classmethod
    def from_nodes(
        cls,
        roots: Nodes,
        feature: Nodes,
        threshold: NDArray[np.floating[Any]],
        left: Nodes,
        right: Nodes,
    ) -> "Trees":
        """Check nodes and lay them out.

        Parameters
        ----------
        roots : ndarray of int32, shape (n_trees,)
        feature, threshold, left, right : ndarray, shape (n_nodes,)
            −1 marks a leaf in `feature`; children come after their parent.

        Raises
        ------
        ModelError
            If a node leads back, outside, or to another's child, or a tree is too deep.
        """
        n = len(feature)
        branch = np.flatnonzero(feature >= 0)
        if feature.min() < -1 or feature.max() >= MAX_WIDTH:
            raise ModelError("a node splits by a column that cannot exist")
        ends = np.concatenate([roots, left[branch], right[branch]])
        if ends.min() < 0 or ends.max() >= n:
            raise ModelError("a node leads outside the trees")
        if (left[branch] <= branch).any() or (right[branch] <= branch).any():
            raise ModelError("a node leads back to itself or one before it")
        if (np.bincount(ends, minlength=n) != 1).any():
            raise ModelError("a node has no parent, or two")
        level, tree = roots.astype(np.intp), np.arange(len(roots))
        levels, trees, depths = [level], [tree], np.zeros(len(roots), np.intp)
        while (inner := feature[level] >= 0).any():
            if len(levels) > MAX_DEPTH:
                raise ModelError(f"a tree is deeper than {MAX_DEPTH} levels")
            parent, tree = level[inner], np.repeat(tree[inner], 2)
            level = np.stack([left[parent], right[parent]], axis=1).ravel().astype(np.intp)
            depths[tree] = len(levels)
            levels.append(level)
            trees.append(tree)
        # Tree after tree, so that the nodes of one lie close together in memory.
        original = np.concatenate(levels)[np.argsort(np.concatenate(trees), kind="stable")]
        place = np.empty(n, np.intp)
        place[original] = np.arange(n)
        leaf = feature[original] < 0
        # A leaf's `left` may hold anything: only those of branches are followed.
        follow = np.where(leaf, 0, left[original])
        return cls(
            roots=place[roots],
            depths=depths,
            feature=np.where(leaf, 0, feature[original]).astype(np.intp),
            child=np.where(leaf, np.arange(n), place[follow]),
            threshold=np.where(leaf, np.inf, threshold[original]).astype(threshold.dtype),
            original=original,
        )

    def leaves(self, columns: Floats, trees: slice) -> Iterator[Index]:
        """Find the leaf that each track comes to.

        Parameters
        ----------
        columns : ndarray of float64, shape (d, n_tracks)
        trees : slice
            Which trees to walk.

        Yields
        ------
        ndarray of intp, shape (t, n_tracks)
            Nodes, for as many trees at a time as make a block.
        """
        d, n = columns.shape
        values = columns.T.astype(self.threshold.dtype, order="C").ravel()
        start_of_track = np.arange(n) * d
        roots, depths = self.roots[trees], self.depths[trees]
        together = max(1, BLOCK_ROWS // n)
        for first in range(0, len(roots), together):
            node = np.repeat(roots[first : first + together], n).reshape(-1, n)
            for _ in range(depths[first : first + together].max()):
                # Every index is known to be inside; "clip" spares NumPy's own check.
                position = self.feature.take(node, mode="clip")
                position += start_of_track
                value = values.take(position, mode="clip")
                right = value > self.threshold.take(node, mode="clip")
                node = self.child.take(node, mode="clip")
                node += right
            yield node


@dataclass(frozen=True, eq=False)
class Forest(BaseScorer):
    """Random forest or extra trees: the mean over trees of the shares of moods in a leaf.

    A track goes left where ``float32(x) <= threshold``, as in scikit-learn.

    Attributes
    ----------
    roots : ndarray of int32, shape (t,)
        First node of each tree.
    feature : ndarray of int32, shape (n,)
        Column that a node splits by; −1 for a leaf.
    threshold : ndarray of float64, shape (n,)
    left, right : ndarray of int32, shape (n,)
        Children, counted over all trees, each after its parent. Not read for a leaf.
    value : ndarray of float64, shape (n, k)
        Shares of the moods in a leaf, which sum to 1. Not read for other nodes.
    """

    KIND: ClassVar[str] = "trees"
    roots: Nodes
    feature: Nodes
    threshold: Floats
    left: Nodes
    right: Nodes
    value: Floats
    _trees: Trees = field(init=False, repr=False)
    _shares: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._own("roots", np.int32, None)
        _own_nodes(self)
        value = self._own("value", np.float64, len(self.feature), None)
        self._check_moods()
        _lay_out(self, _rounded_down(self.threshold))
        leaves = value[self.feature < 0]
        if leaves.min() < 0 or np.abs(leaves.sum(axis=1) - 1).max() > 1e-9:
            raise self._wrong("the shares of moods in a leaf do not sum to 1")
        object.__setattr__(self, "_shares", value[self._trees.original])

    def _shape(self) -> tuple[int, int]:
        return int(self.feature.max()) + 1, self.value.shape[1]

    def _work(self) -> tuple[int, int]:
        return max(1, *self._shape()), 1

    def accepts(self, n_inputs: int) -> bool:
        """Whether tracks of `n_inputs` values can be scored; the trees may use fewer."""
        return n_inputs >= self.n_inputs

    def _evaluate(self, columns: Floats) -> Floats:
        total = np.zeros((columns.shape[1], self.n_moods))
        for leaves in self._trees.leaves(columns, slice(None)):
            for leaf in leaves:
                total += self._shares.take(leaf, axis=0, mode="clip")
        total /= len(self.roots)
        return total.T


@dataclass(frozen=True, eq=False)
class Boosted(BaseScorer):
    """Gradient-boosted trees: softmax(baseline + sum over iterations of the leaf's value).

    A track goes left where ``x <= threshold``. Two moods have two columns, 0 and w (see
    `Linear`): the trees of the first are single leaves of value 0.

    Attributes
    ----------
    roots : ndarray of int32, shape (iterations, k)
        First node of each iteration's tree of each mood.
    feature, threshold, left, right : ndarray, shape (n,)
        As in `Forest`.
    value : ndarray of float64, shape (n,)
        What a leaf adds. Not read for other nodes.
    baseline : ndarray of float64, shape (k,)
    """

    KIND: ClassVar[str] = "boosted"
    roots: Nodes
    feature: Nodes
    threshold: Floats
    left: Nodes
    right: Nodes
    value: Floats
    baseline: Floats
    _trees: Trees = field(init=False, repr=False)
    _gains: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        baseline = self._own("baseline", np.float64, None)
        self._own("roots", np.int32, None, len(baseline))
        _own_nodes(self)
        value = self._own("value", np.float64, len(self.feature))
        self._check_moods()
        _lay_out(self, self.threshold)
        object.__setattr__(self, "_gains", value[self._trees.original])

    def _shape(self) -> tuple[int, int]:
        return int(self.feature.max()) + 1, len(self.baseline)

    def _work(self) -> tuple[int, int]:
        return max(1, *self._shape()), 1

    def accepts(self, n_inputs: int) -> bool:
        """Whether tracks of `n_inputs` values can be scored; the trees may use fewer."""
        return n_inputs >= self.n_inputs

    def _evaluate(self, columns: Floats) -> Floats:
        k = self.n_moods
        logits = np.repeat(self.baseline, columns.shape[1]).reshape(k, -1)
        for mood in range(k):
            for leaves in self._trees.leaves(columns, slice(mood, None, k)):
                for leaf in leaves:
                    logits[mood] += self._gains.take(leaf, mode="clip")
        return softmax(logits)


def _own_nodes(scorer: Forest | Boosted) -> None:
    n = len(scorer._own("feature", np.int32, None))
    scorer._own("threshold", np.float64, n)
    scorer._own("left", np.int32, n)
    scorer._own("right", np.int32, n)


def _lay_out(scorer: Forest | Boosted, threshold: NDArray[np.floating[Any]]) -> None:
    try:
        trees = Trees.from_nodes(
            scorer.roots.ravel(), scorer.feature, threshold, scorer.left, scorer.right
        )
    except ModelError as exc:
        raise scorer._wrong(str(exc)) from exc
    object.__setattr__(scorer, "_trees", trees)


def _rounded_down(threshold: Floats) -> NDArray[np.float32]:
    """Give the largest float32 at or below each threshold.

    For any float32 x, ``x <= threshold`` and ``x <= _rounded_down(threshold)`` are the same.
    """
    with np.errstate(over="ignore"):
        rounded = threshold.astype(np.float32)
    above = rounded > threshold
    rounded[above] = np.nextafter(rounded[above], np.float32(-np.inf))
    return rounded
