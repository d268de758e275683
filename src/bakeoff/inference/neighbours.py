"""Training images that a network sees as similar to another image: those with the nearest features.

Features are the inputs of the last layer of the classifier. Their similarity is the cosine of the angle between them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bakeoff.data.dataset import Dataset
from bakeoff.data.image_location import ImagePlace, places_in
from bakeoff.inference.model import Model
from bakeoff.inference.trained_on import load_training_data
from bakeoff.nets.classifier import Classifier, find_classifier, watch_features
from bakeoff.training.feature_files import Features
from bakeoff.training.features import Frozen, open_features
from bakeoff.training.partition import partition_data

AT_ONCE = 8192
"""Training images that are compared at once."""


@dataclass(frozen=True)
class Neighbour:
    """A training image."""

    place: ImagePlace
    similarity: float
    """Cosine of the features, at most 1."""
    pixels: np.ndarray
    """(C, H, W) uint8, as it was decoded for the training."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The training images of a model's first network, with their features."""

    model: Model
    dataset: Dataset
    classifier: Classifier
    features: Features
    rows: np.ndarray
    """Which images of the training split the network was trained on."""

    def nearest(self, pixels: np.ndarray, number: int) -> list[list[Neighbour]]:
        """Return the nearest training images of each decoded image (N, C, H, W) uint8, the nearest first."""
        own = self._features_of(pixels)
        number = min(number, len(self.rows))
        best = np.full((len(own), number), -np.inf, np.float32)
        where = np.zeros((len(own), number), np.int64)
        for start in range(0, len(self.rows), AT_ONCE):
            rows = self.rows[start : start + AT_ONCE]
            values = self.features.values[rows].astype(np.float32)
            found = own @ _of_length_one(values).T
            together = np.concatenate([best, found], 1)
            places = np.concatenate([where, np.broadcast_to(rows, found.shape)], 1)
            order = np.argsort(-together, 1, kind="stable")[:, :number]
            best, where = np.take_along_axis(together, order, 1), np.take_along_axis(places, order, 1)
        return [self._described(rows, shares) for rows, shares in zip(where, best, strict=True)]

    def _features_of(self, pixels: np.ndarray) -> np.ndarray:
        net = self.model.module
        with torch.inference_mode(), watch_features(net, self.classifier.path) as seen:
            net(self.model.inputs(pixels)[0])
        return _of_length_one(seen[0].float().numpy())

    def _described(self, rows: np.ndarray, shares: np.ndarray) -> list[Neighbour]:
        place, images = places_in(self.dataset), self.dataset.train.images
        return [
            Neighbour(place("train", int(row)), float(share), np.array(images[row]))
            for row, share in zip(rows, shares, strict=True)
        ]


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def open_neighbours(model: Model, on_images: Callable[[int, int], None] = lambda done, total: None) -> Neighbours:
    """Return the training images with their features, computed once and kept in the cache.

    Args:
        model: of an ensemble, the first network is used.
        on_images: called with the number of images whose features are known, and of all.

    Raises:
        BakeoffError: the images of the training are not on this machine or have changed, or the network has no
            features.
    """
    bundle = model.bundle
    run = bundle.run
    classifier = find_classifier(run.net, bundle.input_shape, len(bundle.classes))
    images = load_training_data(model.paths[0], bundle)
    parts = partition_data(run, images, "cpu")
    frozen = Frozen(model.module, run.net, classifier, bundle.normalizer())
    total = len(parts.train)
    features = open_features(run, frozen, parts.train, lambda done: on_images(done, total))
    return Neighbours(model, images, classifier, features, parts.train_indices.numpy())


def agreement(neighbours: Sequence[Neighbour], label: str) -> int:
    """Return how many neighbours have a label."""
    return sum(one.place.label == label for one in neighbours)
