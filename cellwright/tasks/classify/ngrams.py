"""What needs no order beyond a few words: logistic regression on n-grams, and the most frequent class.

Legend: E examples, G n-grams of the training split, N classes.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from cellwright.errors import StorageError
from cellwright.tasks.classify.examples import Example
from cellwright.tasks.storage.atomic import REPAIR
from cellwright.tasks.storage.tensors import TensorSpec, read_tensors, specs, tensors_to_bytes

__all__ = ["Baselines"]

BUCKETS = 2**20
LONGEST = {"word": 2, "char": 3}
DECAYS = (3e-6, 1e-5, 3e-5, 1e-4)  # the best on the validation split is kept
STEPS = 60  # of L-BFGS
FILE, NAMES = "ngrams.safetensors", "baselines.json"


class Baselines:
    """Learnt from the training split, saved with the model, printed beside it.

    The logistic regression sees which n-grams of lower-cased words a text has (words: up to 2, characters: up to 3),
    hashed, each text scaled to length 1; its weight decay is chosen on the validation split.

    Args:
        counts: training texts of each class, most frequent first.
        buckets_G: hashes of the known n-grams, in rising order.
        weight_GN, bias_N: of the regression; classes in the order of `classes`.
    """

    def __init__(
        self,
        counts: Mapping[str, int],
        classes: Sequence[str],
        longest: int,
        buckets_G: Tensor,
        weight_GN: Tensor,
        bias_N: Tensor,
    ) -> None:
        self.counts, self.classes, self.longest = dict(counts), list(classes), longest
        self.buckets_G, self.weight_GN, self.bias_N = buckets_G, weight_GN, bias_N

    @classmethod
    def learn(cls, train: Sequence[Example], valid: Sequence[Example], classes: Sequence[str], unit: str) -> Baselines:
        longest = LONGEST[unit]
        counts = dict(Counter(example.label for example in train).most_common())
        hashed = [_hashed(example.words, longest) for example in train]
        buckets_G = torch.from_numpy(np.unique(np.concatenate(hashed)))
        rows = {name: row for row, name in enumerate(classes)}
        classes_E = torch.tensor([rows[example.label] for example in train])
        x_EG = _matrix(hashed, buckets_G)
        made = []
        for decay in DECAYS:
            weight_GN, bias_N = _fit(x_EG, classes_E, len(classes), decay)
            made.append(cls(counts, classes, longest, buckets_G, weight_GN, bias_N))
        return max(made, key=lambda model: sum(a == e.label for a, e in zip(model.answers(valid), valid, strict=True)))

    def majority(self) -> str:
        return next(iter(self.counts))

    def answers(self, examples: Sequence[Example]) -> list[str]:
        """The class that the n-grams of each text make likeliest."""
        x_EG = _matrix([_hashed(example.words, self.longest) for example in examples], self.buckets_G)
        rows = (torch.sparse.mm(x_EG, self.weight_GN) + self.bias_N).argmax(1).tolist()
        return [self.classes[row] for row in rows]

    def to_files(self) -> dict[str, bytes]:
        tensors = {"buckets": self.buckets_G, "weight": self.weight_GN, "bias": self.bias_N}
        names = {"counts": self.counts, "longest": self.longest}
        return {FILE: tensors_to_bytes(tensors), NAMES: json.dumps(names, ensure_ascii=False).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], classes: Sequence[str], place: Path) -> Baselines:
        """Raises StorageError: the files hold no such baselines."""
        try:
            names = json.loads(files[NAMES])
            counts = {str(name): int(count) for name, count in names["counts"].items()}
            longest = int(names["longest"])
            if not 1 <= longest <= 9 or not counts or not {*counts} <= {*classes}:
                raise ValueError("counts of classes, and n-grams of 1 to 9 words")
            read = read_tensors(files[FILE], place=place)
            buckets_G, weight_GN, bias_N = (read[name] for name in ("buckets", "weight", "bias"))
            if specs(read) != cls._specs(len(buckets_G), len(classes)):
                raise ValueError("tensors of these sizes")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise StorageError(
                f"Expected the baselines of a model, found: {error!r}.", file=place, repair=REPAIR
            ) from None
        return cls(counts, classes, longest, buckets_G, weight_GN, bias_N)

    @staticmethod
    def _specs(grams: int, classes: int) -> dict[str, TensorSpec]:
        return {
            "buckets": TensorSpec((grams,), torch.int64),
            "weight": TensorSpec((grams, classes), torch.float32),
            "bias": TensorSpec((classes,), torch.float32),
        }


def _hashed(words: Sequence[str], longest: int) -> np.ndarray:
    """Hashes of a text's different n-grams."""
    lower = [word.lower() for word in words]
    grams = {" ".join(lower[k : k + n]) for n in range(1, longest + 1) for k in range(len(lower) - n + 1)}
    return np.unique(np.array([zlib.crc32(gram.encode()) % BUCKETS for gram in grams], dtype=np.int64))


def _matrix(hashed: Iterable[np.ndarray], buckets_G: Tensor) -> Tensor:
    """(E, G) sparse: 1 / √n for each of a text's n known n-grams."""
    known = buckets_G.numpy()
    rows, columns, values = [], [], []
    count = 0
    for count, buckets in enumerate(hashed, start=1):
        places = np.searchsorted(known, buckets)
        places = places[(places < len(known)) & (known[np.minimum(places, len(known) - 1)] == buckets)]
        rows.append(np.full(len(places), count - 1))
        columns.append(places)
        values.append(np.full(len(places), 1 / np.sqrt(max(1, len(places))), dtype=np.float32))
    indices = torch.from_numpy(np.stack([np.concatenate(rows), np.concatenate(columns)]))
    shape = (count, len(known))
    return torch.sparse_coo_tensor(
        indices, torch.from_numpy(np.concatenate(values)), shape, check_invariants=True
    ).coalesce()


def _fit(x_EG: Tensor, classes_E: Tensor, classes: int, decay: float) -> tuple[Tensor, Tensor]:
    """Weights that minimise mean cross-entropy + decay / 2 · |W|², by L-BFGS."""
    weight_GN = torch.zeros(x_EG.shape[1], classes, requires_grad=True)
    bias_N = torch.zeros(classes, requires_grad=True)
    targets_EN = functional.one_hot(classes_E, classes).float()
    back_GE = x_EG.t().coalesce()
    optimizer = torch.optim.LBFGS([weight_GN, bias_N], max_iter=STEPS, line_search_fn="strong_wolfe")

    @torch.no_grad()
    def closure() -> Tensor:
        logs_EN = (torch.sparse.mm(x_EG, weight_GN) + bias_N).log_softmax(1)
        error_EN = (logs_EN.exp() - targets_EN) / len(classes_E)
        weight_GN.grad = torch.sparse.mm(back_GE, error_EN) + decay * weight_GN
        bias_N.grad = error_EN.sum(0)
        loss: Tensor = decay / 2 * weight_GN.square().sum() - (logs_EN * targets_EN).sum() / len(classes_E)
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight_GN.detach(), bias_N.detach()
