"""Features of all images of a split: what a frozen network gives its classifier, computed once and kept in the cache.

Heads are fitted to features as float16. Test images have exact ones, as float32, from which a classifier computes the
same logits to the bit as the whole network.

They are keyed by everything they depend on, never by the seed, so that all runs and commands share them. Folds divide
the same images in other ways: the images pass through the network once, and each fold selects its own.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bakeoff.data.batches import ImageSource, batches, eval_batches
from bakeoff.data.normalize import Normalizer
from bakeoff.data.resize import resize
from bakeoff.data.resplit import PooledImages
from bakeoff.nets.classifier import Classifier, watch_features
from bakeoff.spec.run import PROTOCOL, Run
from bakeoff.spec.values import digest, to_dict
from bakeoff.training.feature_files import FeatureFile, Features, FeatureSource, OnBatch

FORMAT = 1
"""Version of the features; part of every key."""
SAMPLED = 64
"""Images whose pixels are part of the key, besides the data set's content hash: another order is another split."""


@dataclass(frozen=True, eq=False)
class Frozen:
    """A network whose features are wanted."""

    net: nn.Module
    name: str
    classifier: Classifier
    normalizer: Normalizer

    def digest(self) -> str:
        """Return the SHA-256 of its weights without the classifier, and of the normalisation of its inputs."""
        parts = tuple(f"{part}." if part else "" for part in self.classifier.parts)
        whole = hashlib.sha256()
        own = {key: value for key, value in self.net.state_dict().items() if not key.startswith(parts)}
        for key, value in (own | {"scale": self.normalizer.scale, "bias": self.normalizer.bias}).items():
            if isinstance(value, Tensor):
                whole.update(f"{key} {value.dtype} {tuple(value.shape)}\0".encode())
                whole.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
        return whole.hexdigest()


def features_key(run: Run, frozen: Frozen, source: ImageSource, *, exact: bool = False) -> str:
    """Return a key that identifies the features of a split, 32 hexadecimal digits."""
    chosen = torch.from_numpy(_sampled(len(source))).to(source.images.device)
    pixels = source.images[chosen].cpu().numpy()
    content = (run.data_hash, source.labels.cpu().numpy(), pixels)
    return _key(run, frozen, source.device, *content, *(["exact"] if exact else []))


def pool_key(run: Run, frozen: Frozen, pool: PooledImages, device: torch.device) -> str:
    """Return a key that identifies the features of all images of all folds, 32 hexadecimal digits."""
    labels = np.concatenate([images.labels for images in pool.sources])
    return _key(run, frozen, device, pool.fold_of, labels, pool.gather(_sampled(len(labels))), "pool")


def _sampled(images: int) -> np.ndarray:
    return np.linspace(0, images - 1, min(SAMPLED, images)).astype(np.int64)


def _key(
    run: Run, frozen: Frozen, device: torch.device, data_hash: str, labels: np.ndarray, pixels: np.ndarray, *kind: str
) -> str:
    sample = hashlib.sha256(labels.tobytes())
    sample.update(pixels.tobytes())
    images = (data_hash, len(labels), sample.hexdigest())
    settings = (to_dict(run.recipe.image), run.recipe.batch_size, device.type, str(torch.__version__))
    return digest([FORMAT, PROTOCOL, run.net, frozen.digest(), *images, *settings, *kind])[:32]


def open_features(run: Run, frozen: Frozen, source: ImageSource, on_batch: OnBatch, *, exact: bool = False) -> Features:
    """Return the features of all images of `source`, computing what is missing; waits while another process does.

    Raises:
        BakeoffError: the cache folder cannot be written, or the features are not finite numbers.
    """
    dtype = np.dtype(np.float32 if exact else np.float16)
    key, images = features_key(run, frozen, source, exact=exact), len(source)
    file = FeatureFile(key, images, frozen.classifier.features, dtype, run.recipe.batch_size, frozen.name)
    pool = source.split if isinstance(source.split, PooledImages) and source.split.fold_of else None

    def find_source() -> FeatureSource:
        if pool is None or pool.pool_size() < run.recipe.batch_size:
            return FeatureSource(lambda first: batches_of_features(run, frozen, source, torch.arange(first, images)))
        share = images / pool.pool_size()
        whole = open_pool(run, frozen, pool, source.device, lambda done: on_batch(int(share * done)))
        return FeatureSource(
            lambda first: batches_from_pool(run, frozen, source, pool.rows, whole, first),
            share * whole.seconds,
            whole.shared,
        )

    return file.open(find_source, on_batch)


def batches_of_features(run: Run, frozen: Frozen, source: ImageSource, rows: Tensor) -> Iterable[Tensor]:
    """Yield the features of the images at `rows`, (n, D) float32."""
    frozen.net.eval()
    with torch.inference_mode(), watch_features(frozen.net, frozen.classifier.path) as seen:
        for images, _ in eval_batches(source, rows, run.recipe, frozen.normalizer):
            frozen.net(images)
            yield seen.pop()


def open_pool(run: Run, frozen: Frozen, pool: PooledImages, device: torch.device, on_batch: OnBatch) -> Features:
    """Return the exact features of all images of all folds, like `open_features`.

    All pass through the network in batches of the full size: in smaller ones, features may differ in their last bits.
    """
    images, size = pool.pool_size(), run.recipe.batch_size
    file = FeatureFile(
        pool_key(run, frozen, pool, device), images, frozen.classifier.features, np.dtype(np.float32), size, frozen.name
    )

    def compute(first: int) -> Iterator[Tensor]:
        frozen.net.eval()
        with torch.inference_mode(), watch_features(frozen.net, frozen.classifier.path) as seen:
            for start in range(first, images, size):
                begin = min(start, images - size)  # the last batch is filled up with images of the one before it
                pixels = torch.from_numpy(pool.gather(np.arange(begin, begin + size))).to(device)
                frozen.net(frozen.normalizer(resize(pixels, run.recipe.image)))
                yield seen.pop()[start - begin :]

    return file.open(lambda: FeatureSource(compute), on_batch)


def batches_from_pool(
    run: Run, frozen: Frozen, source: ImageSource, rows: np.ndarray, whole: Features, first: int
) -> Iterator[Tensor]:
    """Yield what `batches_of_features` does for a fold from its image number `first` on.

    Features come from the pool, where the images of the fold are at `rows`; those of a batch of another size, the last
    one, are computed, so that all have the same bits as without the pool.
    """
    for part in batches(len(rows) - first, run.recipe.batch_size):
        start, stop = first + part.start, first + part.stop
        if stop - start == run.recipe.batch_size:
            yield torch.from_numpy(whole.values[rows[start:stop]])
        else:
            yield from batches_of_features(run, frozen, source, torch.arange(start, stop))
