"""The built-in data sets: description, source, and how their files are read."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from bakeoff.data.fetch import Remote
from bakeoff.spec.data import DataInfo, ImageShape

Labelled: TypeAlias = tuple[tuple[np.ndarray, ...], np.ndarray]
"""N images in pieces (n, C, H, W) uint8, and labels (N,) int64."""
Content: TypeAlias = tuple[tuple[str, ...], Labelled, Labelled]
"""Class names, training split, test split."""


@dataclass(frozen=True)
class Entry:
    """One built-in data set."""

    name: str
    description: str
    shape: ImageShape
    classes: int
    train_images: int
    test_images: int
    photographs: bool
    """Whether images keep their meaning when mirrored; digits and letters do not."""
    source: str
    licence: str
    citation: str
    files: tuple[Remote, ...]
    """Fetched before `read`, which gets their paths in this order."""
    read: Callable[..., Content]

    shares_folder_with: str = ""
    """The data set in whose folder its files are, if not in its own."""

    @property
    def folder(self) -> str:
        """Name of the folder with its files, within a data folder."""
        return self.shares_folder_with or self.name

    def info(self) -> DataInfo:
        """Return the facts known before it is fetched; class names and content hash are not among them."""
        unnamed = tuple(str(number) for number in range(self.classes))
        counts = (self.train_images, 0, self.test_images)
        return DataInfo(self.name, self.shape, unnamed, "", *counts, self.photographs)


DIGITS = tuple("0123456789")
FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
KUZUSHIJI = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


DIGITS_TO_TEST_ON = 1415
"""The first digit of the twelfth form."""


def _read_digits() -> Content:
    """Read scikit-learn's digits; the test split is from writers that are not in the training split.

    Every writer copied the same form of 130 digits. The labels are that sequence 14 times, with 23 digits missing, so
    the boundaries between forms are known; the last three forms are the test split. (The source mentions 13 people:
    one may have filled in two forms.) Values from 0 to 16 are scaled to 0 to 255.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]
    labels = bunch.target.astype(np.int64)
    train, test = slice(None, DIGITS_TO_TEST_ON), slice(DIGITS_TO_TEST_ON, None)
    return DIGITS, ((images[train],), labels[train]), ((images[test],), labels[test])


def _idx_reader(classes: tuple[str, ...]) -> Callable[..., Content]:
    def read(train_images: Path, train_labels: Path, test_images: Path, test_labels: Path) -> Content:
        from bakeoff.data.idx import read_idx_pair

        train, test = read_idx_pair(train_images, train_labels), read_idx_pair(test_images, test_labels)
        return classes, ((train[0],), train[1]), ((test[0],), test[1])

    return read


def _read_cifar10(archive: Path) -> Content:
    from bakeoff.data.cifar import CIFAR10, read_cifar

    classes, train, test = read_cifar(archive, CIFAR10)
    return classes, ((train[0],), train[1]), ((test[0],), test[1])


def _read_cifar100(archive: Path) -> Content:
    from bakeoff.data.cifar import CIFAR100, read_cifar

    classes, train, test = read_cifar(archive, CIFAR100)
    return classes, ((train[0],), train[1]), ((test[0],), test[1])


def _read_svhn(test: Path, *train: Path) -> Content:
    from bakeoff.data.svhn import read_svhn

    test_images, test_labels = read_svhn(test)
    images, labels = zip(*(read_svhn(path) for path in train), strict=True)
    return DIGITS, (images, np.concatenate(labels)), ((test_images,), test_labels)


def _idx_files(mirrors: tuple[str, ...], *checksums: str) -> tuple[Remote, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(Remote(f"{name}-ubyte.gz", md5, mirrors) for name, md5 in zip(names, checksums, strict=True))


TORONTO = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://cave.cs.toronto.edu/kriz/",
    "https://storage.googleapis.com/mirror.tensorflow.org/www.cs.toronto.edu/~kriz/",
)
STANFORD = ("http://ufldl.stanford.edu/housenumbers/", "https://ufldl.stanford.edu/housenumbers/")
SVHN_TRAIN = Remote("train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373", STANFORD)
SVHN_TEST = Remote("test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3", STANFORD)
SVHN_EXTRA = Remote("extra_32x32.mat", "a93ce644f1a588dc4d68dda5feec44a7", STANFORD)
SVHN_LICENCE = "non-commercial use only"
SVHN_CITATION = (
    "Netzer, Wang, Coates, Bissacco, Wu, Ng: Reading Digits in Natural Images with Unsupervised Feature Learning, "
    "NIPS Workshop on Deep Learning and Unsupervised Feature Learning, 2011"
)
CIFAR_CITATION = "Krizhevsky: Learning Multiple Layers of Features from Tiny Images, technical report, 2009"

_ENTRIES = (
    Entry(
        name="digits",
        description="handwritten digits of 13 people, with other writers in the test split; part of scikit-learn",
        shape=ImageShape(1, 8, 8),
        classes=10,
        train_images=1415,
        test_images=382,
        photographs=False,
        source="https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        licence="CC BY 4.0",
        citation="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998",
        files=(),
        read=_read_digits,
    ),
    Entry(
        name="mnist",
        description="handwritten digits of census workers and students",
        shape=ImageShape(1, 28, 28),
        classes=10,
        train_images=60_000,
        test_images=10_000,
        photographs=False,
        source="http://yann.lecun.com/exdb/mnist/",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio, Haffner: Gradient-Based Learning Applied to Document Recognition, 1998",
        files=_idx_files(
            (
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
                "http://yann.lecun.com/exdb/mnist/",
            ),
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
        read=_idx_reader(DIGITS),
    ),
    Entry(
        name="fashion-mnist",
        description="clothes, shoes and bags from a shop's catalogue",
        shape=ImageShape(1, 28, 28),
        classes=10,
        train_images=60_000,
        test_images=10_000,
        photographs=True,
        source="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT",
        citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
        files=_idx_files(
            (
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            ),
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
        read=_idx_reader(FASHION),
    ),
    Entry(
        name="kmnist",
        description="cursive hiragana from old Japanese books",
        shape=ImageShape(1, 28, 28),
        classes=10,
        train_images=60_000,
        test_images=10_000,
        photographs=False,
        source="http://codh.rois.ac.jp/kmnist/",
        licence="CC BY-SA 4.0",
        citation="Clanuwat and others: Deep Learning for Classical Japanese Literature, arXiv:1812.01718, 2018",
        files=_idx_files(
            (
                "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            ),
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        ),
        read=_idx_reader(KUZUSHIJI),
    ),
    Entry(
        name="cifar10",
        description="small photographs of animals and vehicles",
        shape=ImageShape(3, 32, 32),
        classes=10,
        train_images=50_000,
        test_images=10_000,
        photographs=True,
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated by the authors",
        citation=CIFAR_CITATION,
        files=(Remote("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530", TORONTO),),
        read=_read_cifar10,
    ),
    Entry(
        name="cifar100",
        description="small photographs of a hundred kinds of things (the fine labels)",
        shape=ImageShape(3, 32, 32),
        classes=100,
        train_images=50_000,
        test_images=10_000,
        photographs=True,
        source="https://www.cs.toronto.edu/~kriz/cifar.html",
        licence="none stated by the authors",
        citation=CIFAR_CITATION,
        files=(Remote("cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8", TORONTO),),
        read=_read_cifar100,
    ),
    Entry(
        name="svhn",
        description="digits cut out of photographs of house numbers",
        shape=ImageShape(3, 32, 32),
        classes=10,
        train_images=73_257,
        test_images=26_032,
        photographs=False,
        source="http://ufldl.stanford.edu/housenumbers/",
        licence=SVHN_LICENCE,
        citation=SVHN_CITATION,
        files=(SVHN_TEST, SVHN_TRAIN),
        read=_read_svhn,
    ),
    Entry(
        name="svhn-extra",
        description="svhn with the 531,131 easier extra images added to the training split",
        shape=ImageShape(3, 32, 32),
        classes=10,
        train_images=604_388,
        test_images=26_032,
        photographs=False,
        source="http://ufldl.stanford.edu/housenumbers/",
        licence=SVHN_LICENCE,
        citation=SVHN_CITATION,
        files=(SVHN_TEST, SVHN_TRAIN, SVHN_EXTRA),
        read=_read_svhn,
        shares_folder_with="svhn",
    ),
)
DATASETS: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
