"""A trained network with everything that turns an image file into probabilities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import PIL.Image
import torch
from torch import Tensor, nn

from bakeoff.data.batches import ImageSource, eval_batches
from bakeoff.data.dataset import Dataset
from bakeoff.data.decode import Fit, Size, decode_picture, decode_safely
from bakeoff.data.depth import FULL, Depth
from bakeoff.errors import BakeoffError
from bakeoff.inference.arrays import in_channels, to_picture
from bakeoff.spec.recipe import Interpolation
from bakeoff.text.formats import counted, listing
from bakeoff.training.bundles import Bundle, Loaded, read_bundle

if TYPE_CHECKING:
    from bakeoff.inference.evaluation import Evaluation, Split
    from bakeoff.inference.export import Exported, Format
    from bakeoff.inference.graph import Layout

Image: TypeAlias = str | Path | np.ndarray | PIL.Image.Image
"""A file, an array (H, W), (H, W, C) or (C, H, W) of uint8, or a Pillow image."""


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image."""

    label: str
    """The most probable class."""
    probability: float
    """Probability of this class."""
    probabilities: tuple[float, ...]
    """Probabilities of all classes, in the order of `Model.classes`."""
    file: str = ""
    """The image, if it was given as a file."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """One trained network, or several seeds of it whose probabilities are averaged.

    Example:
        >>> model = bakeoff.load_model("best", store="small.db")
        >>> model.classes[:3]
        ('0', '1', '2')
        >>> model.bundle.run.net, type(model.module).__name__
        ('linear', 'Sequential')
        >>> model
        <Model ... on digits...: 10 classes (0, 1, 2, 3, 4, 5, 6 and 3 others), images of 1x8x8; from ...>
    """

    members: tuple[Loaded, ...]
    paths: tuple[Path, ...]
    temperature: float = 1.0
    """Logits are divided by it."""

    def __repr__(self) -> str:
        bundle, files = self.bundle, listing([path.name for path in self.paths], 3)
        several = f", {len(self.members)} seeds" if len(self.members) > 1 else ""
        classes = f"{counted(len(self.classes), 'class', 'classes')} ({listing(self.classes)})"
        where = f"; from {files}" if files else ""
        return f"<Model {bundle.run.net} on {bundle.data_name}{several}: {classes}, images of {bundle.images}{where}>"

    @property
    def bundle(self) -> Bundle:
        """Everything that the first member needs besides its weights."""
        return self.members[0].bundle

    @property
    def module(self) -> nn.Module:
        """The network on the CPU, for evaluation: from `transform`ed images to logits."""
        return self.members[0].net

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the logits."""
        return self.bundle.classes

    @cached_property
    def _normalizers(self) -> tuple:
        return tuple(member.bundle.normalizer() for member in self.members)

    def transform(self, images: Sequence[Image]) -> Tensor:
        """Return images as the network's input, (N, C, H, W) float32.

        Raises:
            BakeoffError: a file cannot be read, or an array is not an image.

        Example:
            >>> model = bakeoff.load_model("best", store="small.db")
            >>> model.module(model.transform(["new.png"])).shape  # logits
            torch.Size([1, 10])
        """
        return self.inputs(np.stack([self.decode(image) for image in images]))[0]

    def inputs(self, pixels: np.ndarray) -> list[Tensor]:
        """Return decoded images (N, C, H, W) uint8 as the input of each member, (N, C, H', W') float32.

        Example:
            >>> model = bakeoff.load_model("best", store="small.db")
            >>> [images.shape for images in model.inputs(model.decode("new.png")[None])]
            [torch.Size([1, 1, 8, 8])]
        """
        source = ImageSource(torch.from_numpy(pixels), torch.zeros(len(pixels), dtype=torch.int64), torch.device("cpu"))
        return [
            torch.cat([batch for batch, _ in eval_batches(source, None, member.bundle.run.recipe, normalizer)])
            for member, normalizer in zip(self.members, self._normalizers, strict=True)
        ]

    def predict(self, images: Sequence[Image] | Image) -> list[Prediction]:
        """Return a prediction for each image, or for one.

        Raises:
            BakeoffError: a file cannot be read, or an array is not an image.

        Example:
            >>> (prediction,) = bakeoff.load_model("best", store="small.db").predict("new.png")
            >>> prediction.label in "0123456789", 0 < prediction.probability <= 1
            (True, True)
        """
        several = [images] if isinstance(images, str | Path | PIL.Image.Image) else list(images)
        if isinstance(images, np.ndarray) and images.ndim < 4:
            several = [images]
        if not several:
            return []
        files = [str(image) if isinstance(image, str | Path) else "" for image in several]
        pixels = np.stack([self.decode(image) for image in several])
        return [self.prediction(row, file) for row, file in zip(self.probabilities(pixels), files, strict=True)]

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities (N, K) float32 of decoded images (N, C, H, W) uint8.

        Raises:
            BakeoffError: they are not finite, as those of a training that diverged.

        Example:
            >>> model = bakeoff.load_model("best", store="small.db")
            >>> probabilities = model.probabilities(model.decode("new.png")[None])
            >>> model.prediction(probabilities[0]).label == model.predict("new.png")[0].label
            True
        """
        source = ImageSource(torch.from_numpy(pixels), torch.zeros(len(pixels), dtype=torch.int64), torch.device("cpu"))
        shares = []
        with torch.inference_mode():
            for member, normalizer in zip(self.members, self._normalizers, strict=True):
                batches = eval_batches(source, None, member.bundle.run.recipe, normalizer)
                logits = torch.cat([member.net(images).float() for images, _ in batches])
                shares.append((logits / self.temperature).softmax(1))
        found: np.ndarray = torch.stack(shares).mean(0).numpy() if len(shares) > 1 else shares[0].numpy()
        if not np.isfinite(found).all():
            raise BakeoffError(
                f"{self.bundle.run.net} gives no probabilities: its training diverged, or its file "
                f"{self.paths[0]} is damaged; use another model"
            )
        return found

    def prediction(self, probabilities: np.ndarray, file: str = "") -> Prediction:
        """Return the prediction for a row of probabilities."""
        best = int(probabilities.argmax())
        return Prediction(self.classes[best], float(probabilities[best]), tuple(map(float, probabilities)), file)

    def decode(self, image: Image) -> np.ndarray:
        """Return the pixels of an image, (C, H, W) uint8, decoded and resized as in training.

        Raises:
            BakeoffError: the file cannot be read, or the array is not an image.

        Example:
            >>> bakeoff.load_model("best", store="small.db").decode("new.png").shape
            (1, 8, 8)
        """
        if isinstance(image, str | Path):
            found = self._decode_file(Path(image))
            if isinstance(found, str):
                raise BakeoffError(f"cannot read {image}: {found}")
            return found
        picture = image if isinstance(image, PIL.Image.Image) else to_picture(image)
        return in_channels(decode_picture(picture, *self._decoding), self.bundle.images.channels)

    @property
    def _decoding(self) -> tuple[Size, Fit, Depth, Interpolation]:
        """How images are decoded."""
        bundle, wanted = self.bundle, self.bundle.run.recipe.image
        size = (bundle.images.height, bundle.images.width)
        return size, wanted.fit, bundle.depth or FULL, wanted.interpolation

    def _decode_file(self, file: Path) -> np.ndarray | str:
        """Return the pixels of a file, or the reason why it cannot be read."""
        found = decode_safely(file, *self._decoding)
        return found if isinstance(found, str) else in_channels(found, self.bundle.images.channels)

    def evaluate(
        self, data: str | Path | Dataset, *, split: "Split | None" = None, store: str | Path | None = None
    ) -> "Evaluation":
        """Measure the model on other labelled images, decoded as in training; classes are matched by name.

        Args:
            data: a data set by name, such as "folder:my-photos" or "mnist", a path, or a `Dataset`.
            split: "test", "train", "validation" or "all"; by default "test", or "all" where the data set has no test
                images of its own.
            store: the SQLite file with the results of the training; with it, the evaluation says what changed against
                the test split.

        Raises:
            BakeoffError: there is no such data set, split or store, or no class in common.

        Example:
            >>> model = bakeoff.load_model("best", store="small.db")
            >>> 0 < model.evaluate("digits", store="small.db").measures["accuracy"] < 1
            True
        """
        from bakeoff.execution.names import known_data
        from bakeoff.inference.evaluation import evaluate
        from bakeoff.store.store import Store

        name = known_data(data)
        if store is None:
            return evaluate(self, name, split=split)
        with Store(Path(store)) as opened:
            return evaluate(self, name, split=split, store=opened)

    def export(
        self, path: str | Path, form: "Format | None" = None, *, layout: "Layout" = "nhwc", int8: bool = False
    ) -> "Exported":
        """Write the model for other programs, completely or not at all, and compare its outputs with the original's.

        Args:
            path: path of the file.
            form: "onnx" and "torch-export" are graphs that take uint8 images of any number and size, resize and
                normalise them as in training, and return probabilities; "safetensors" is the weights with everything
                needed to build the network. By default the path's ending says: .onnx, .pt2 or .safetensors.
            layout: axes of the images: "nhwc", as image libraries decode them, or "nchw".
            int8: quantise the network of an ONNX file to 8 bits, calibrated on images of its training.

        Raises:
            BakeoffError: the format is unknown or its packages are missing, the network cannot be translated, its
                probabilities differ by more than 0.0001 from the original's, or the file cannot be written.

        Example:
            >>> exported = bakeoff.load_model("best", store="small.db").export("model.onnx")
            >>> exported.check.difference < 0.0001
            True
        """
        from bakeoff.inference.export import export

        return export(self, Path(path), form, layout=layout, int8=int8)

    def decode_files(self, files: Sequence[Path], at_once: int = 256) -> Iterator[tuple[list[Path], np.ndarray, list]]:
        """Yield batches of (readable files, their pixels (n, C, H, W) uint8, [(unreadable file, reason)]).

        Example:
            >>> from pathlib import Path
            >>> model = bakeoff.load_model("best", store="small.db")
            >>> [pixels.shape for _, pixels, _ in model.decode_files([Path("new.png")])]
            [(1, 1, 8, 8)]
        """
        shape = self.bundle.images
        for start in range(0, len(files), at_once):
            good, pixels, bad = [], [], []
            for file in files[start : start + at_once]:
                found = self._decode_file(file)
                if isinstance(found, str):
                    bad.append((file, found))
                else:
                    good.append(file)
                    pixels.append(found)
            none = np.empty((0, shape.channels, shape.height, shape.width), np.uint8)
            yield good, np.stack(pixels) if pixels else none, bad


def load_models(paths: Sequence[Path]) -> Model:
    """Load a model, or several seeds of one as an ensemble.

    Raises:
        BakeoffError: a file cannot be read or is not a model, or the members have different classes or images.
    """
    members = tuple(read_bundle(path) for path in paths)
    for member in members[1:]:
        own, first = member.bundle, members[0].bundle
        if (own.classes, own.images, own.run.recipe.image) != (first.classes, first.images, first.run.recipe.image):
            raise BakeoffError(f"{own.run.net} and {first.run.net} differ in classes or image size: no ensemble")
    return Model(members, tuple(paths))
