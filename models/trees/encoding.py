"""Encodes categoricals and texts as numbers for boosted trees: target means, counts, one-hot columns and indexes."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from core.spec import Input
from models.preprocessing.packing import of_kind
from models.trees import pairs

FOLDS = 5
_SHRUNK_BY = 10.0  # rows with the mean of all rows that each target mean is given
_ONE_HOT = 10  # indexes of a categorical of eight values: also those of missing and unseen ones
_PAIRS, _PAIR_COLUMNS = 15, 60  # the most pairs, and the most of their columns
_BATCH = 8_192


@keras.saving.register_keras_serializable("skewless")
class Encoding(keras.layers.Layer):
    """Encodes packed features as one matrix.

    A numeric becomes NaN where its indicator says that it was missing, and the indicator is left out.
    A categorical of few indexes becomes one-hot columns. One of more becomes its index (an order in the parts of the
    calendar, and the rank of its frequency elsewhere), the mean target of the rows with the same value, and the
    logarithm of their number. Pairs of categoricals, and the tokens of texts, become target means.

    Target means are shrunk towards the mean of all rows (Micci-Barreca 2001, "A Preprocessing Scheme for
    High-Cardinality Categorical Attributes", SIGKDD Explorations 3(1)).

    Args:
        indicators: for each numeric the place of its indicator among the numerics, -1 for none; None in the place of
            an indicator.
        sizes: how many indexes each categorical has.
        token_sizes: how many indexes each text has.
        targets: how many target means a value has.
        pairs: the places of the categoricals of each pair.

    Input: packed features. Output: float32[batch, width].
    """

    def __init__(
        self,
        indicators: Sequence[int | None],
        sizes: Sequence[int],
        token_sizes: Sequence[int],
        targets: int,
        pairs: Sequence[Sequence[int]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.indicators, self.targets = list(indicators), targets
        self.sizes, self.token_sizes, self.pairs = list(sizes), list(token_sizes), list(pairs)
        self._numbers = [place for place, indicator in enumerate(indicators) if indicator is not None]
        self._gaps = [indicator for indicator in indicators if indicator is not None]
        self._large = [place for place, size in enumerate(sizes) if size > _ONE_HOT]
        self._one_hot = [
            (place, value) for place, size in enumerate(sizes) if size <= _ONE_HOT for value in range(size)
        ]
        # A key of a value is its place in the table of all target means.
        self._first = self._large + [first for first, _ in pairs]
        self._second = self._large + [second for _, second in pairs]
        self._stride = [0] * len(self._large) + [self.sizes[second] for _, second in pairs]
        lengths = [self.sizes[place] for place in self._large] + [self.sizes[a] * self.sizes[b] for a, b in pairs]
        self._offsets = np.cumsum([0, *lengths, *token_sizes]).astype(np.int32)

    @classmethod
    def of(
        cls,
        inputs: tuple[Input, ...],
        features: Mapping[str, np.ndarray],
        targets: np.ndarray,
        weights: np.ndarray | None = None,
        seed: int = 0,
    ) -> "Encoding":
        """Returns the encoding of a model's inputs, with the pairs that are best for some rows. See `fit`."""
        numerics = of_kind(inputs, "numeric")
        place = {packed.missing_of: place for place, packed in enumerate(numerics) if packed.missing_of}
        indicators = [None if packed.missing_of else place.get(packed.name, -1) for packed in numerics]
        sizes, tokens = ([packed.size for packed in of_kind(inputs, kind)] for kind in ("categorical", "tokens"))
        width, chosen = targets.shape[1], []
        if sizes:
            most = min(_PAIRS, _PAIR_COLUMNS // width)
            chosen = pairs.select(sizes, features["categorical"], targets, _weights(targets, weights), most, seed)
        return cls(indicators, sizes, tokens, width, chosen, name="encoding")

    def build(self, shape: Any = None) -> None:
        """Makes the table: the target means, and the logarithm of the number of rows."""
        shape = (max(1, int(self._offsets[-1])), self.targets + 1)
        self.table = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="table")

    def keys(self, packed: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the keys of categoricals and pairs [batch, keys], and of tokens [batch, texts, length]."""
        found, count = {}, len(self._first)
        if count:
            first, second = (tf.gather(packed["categorical"], places, axis=1) for places in (self._first, self._second))
            found["categorical"] = first * self._stride + second + self._offsets[:count]
        if self.token_sizes:
            found["tokens"] = packed["tokens"] + self._offsets[count:-1, None]
        return found

    def call(self, packed: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Encodes."""
        parts, keys = [], self.keys(packed)
        if "numeric" in packed:
            parts.append(self._with_gaps(packed["numeric"]))
        if self._one_hot:
            places, values = np.array(self._one_hot, np.int32).T
            parts.append(tf.cast(tf.gather(packed["categorical"], places, axis=1) == values, tf.float32))
        if self._large:
            parts.append(tf.cast(tf.gather(packed["categorical"], self._large, axis=1), tf.float32))
        table = tf.convert_to_tensor(self.table)
        if "categorical" in keys:
            means = tf.gather(table, keys["categorical"])  # float32[batch, keys, targets + 1]
            parts.append(tf.reshape(means, [-1, len(self._first) * (self.targets + 1)]))
        if "tokens" in keys:
            # In float64: the last bit of a sum depends on the batch, and a tree may divide what differs in it alone.
            present = tf.cast(packed["tokens"] != 0, tf.float64)[..., None]
            values = tf.cast(tf.gather(table[:, : self.targets], keys["tokens"]), tf.float64)
            # A text without tokens has no mean, which the trees take as missing: 0 / 0 is NaN.
            means = tf.reduce_sum(values * present, axis=2) / tf.reduce_sum(present, axis=2)
            parts.append(tf.cast(tf.reshape(means, [-1, len(self.token_sizes) * self.targets]), tf.float32))
        return parts[0] if len(parts) == 1 else tf.concat(parts, axis=1)

    def _with_gaps(self, numeric: tf.Tensor) -> tf.Tensor:
        if self._gaps == [-1] * len(self.indicators):
            return numeric
        with_none = tf.pad(numeric, [[0, 0], [0, 1]])  # the last column, at -1, is the indicator of those without one
        places = [place % (len(self.indicators) + 1) for place in self._gaps]
        return tf.where(tf.gather(with_none, places, axis=1) > 0, np.nan, tf.gather(numeric, self._numbers, axis=1))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "indicators": self.indicators,
            "sizes": self.sizes,
            "token_sizes": self.token_sizes,
            "targets": self.targets,
            "pairs": self.pairs,
        }

    def fit(
        self, features: Mapping[str, np.ndarray], targets: np.ndarray, weights: np.ndarray | None, seed: int
    ) -> np.ndarray:
        """Fits the table, and returns the encoded rows, each by means to which its own label did not contribute.

        Args:
            features: packed features of train.
            targets: float64[rows, targets].
            weights: float32[rows], or None.
            seed: the seed of the folds.
        """
        self.build()
        weights = _weights(targets, weights)
        folds = np.random.default_rng(seed).permutation(len(targets)) % FOLDS
        sums = [self._sums(features, targets, weights, np.flatnonzero(folds == fold)) for fold in range(FOLDS)]
        total = np.sum(sums, axis=0)
        prior = np.average(targets, axis=0, weights=weights if weights.any() else None)
        places, parts = [np.flatnonzero(folds == fold) for fold in range(FOLDS)], []
        for fold, chosen in enumerate(places):
            self.table.assign(_means(total - sums[fold], total, prior))
            parts.append(self.encode({kind: values[chosen] for kind, values in features.items()}, len(chosen)))
        self.table.assign(_means(total, total, prior))
        return np.concatenate(parts)[np.argsort(np.concatenate(places))]

    def encode(self, features: Mapping[str, np.ndarray], rows: int) -> np.ndarray:
        """Returns encoded rows by the present table, float32[rows, width]."""
        starts = range(0, max(rows, 1), _BATCH)
        parts = [self({kind: values[at : at + _BATCH] for kind, values in features.items()}).numpy() for at in starts]
        return np.concatenate(parts)

    def _sums(
        self, features: Mapping[str, np.ndarray], targets: np.ndarray, weights: np.ndarray, chosen: np.ndarray
    ) -> np.ndarray:
        """Returns by key the sums of the targets and the number of rows, by weight: float64[keys, targets + 1]."""
        sums = np.zeros(self.table.shape)
        for at in range(0, len(chosen), _BATCH):
            rows = chosen[at : at + _BATCH]
            for keys in self.keys({kind: tf.constant(values[rows]) for kind, values in features.items()}).values():
                flat = keys.numpy().reshape(len(rows), -1)
                values = np.column_stack([targets[rows] * weights[rows, None], weights[rows]])
                used, places = np.unique(flat, return_inverse=True)
                for column, value in enumerate(values.T):
                    repeated = np.repeat(value, flat.shape[1])
                    sums[used, column] += np.bincount(places.ravel(), repeated, len(used))
        return sums


def _means(sums: np.ndarray, total: np.ndarray, prior: np.ndarray) -> np.ndarray:
    means = (sums[:, :-1] + _SHRUNK_BY * prior) / (sums[:, -1:] + _SHRUNK_BY)
    return np.column_stack([means, np.log1p(total[:, -1])]).astype(np.float32)


def _weights(targets: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    return np.ones(len(targets)) if weights is None else weights.astype(np.float64)
