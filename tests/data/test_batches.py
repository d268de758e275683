import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bakeoff.data import batches
from bakeoff.data.batches import ImageSource, eval_batches, train_batches
from bakeoff.data.dataset import Images
from bakeoff.data.normalize import fit_normalizer
from bakeoff.machine.hardware import reset_peak_memory
from bakeoff.nets import NETS, build
from bakeoff.spec.data import ImageShape
from bakeoff.spec.recipe import SGD, Augment, Image, Recipe
from bakeoff.spec.run import steps_in_epoch

RANDOM_CHANGES = Augment(
    shift=0.1, crop=1, flip=True, rotation=10, shear=5, zoom=(0.9, 1.1), brightness=0.2, contrast=0.2, saturation=0.2,
    cutout=2,
)  # fmt: skip


def recipe(**changes):
    fixed = {"name": "test", "epochs": 1, "validation": "none", "select": "last", "optimizer": SGD(lr=0.1)}
    return Recipe(**(fixed | {"batch_size": 8, "normalize": "raw"} | changes))


def numbered(n, shape=(1, 3, 4)):
    """Images whose every pixel is their own index, which is their label too."""
    labels = np.arange(n, dtype=np.int64)
    images = np.broadcast_to(labels.astype(np.uint8).reshape(-1, 1, 1, 1), (n, *shape)).copy()
    return Images(images, labels)


def random_split(n=50, shape=(3, 8, 8)):
    random = np.random.default_rng(0)
    return Images(random.integers(0, 256, (n, *shape), dtype=np.uint8), random.integers(0, 10, n))


def epoch_of(split, how, seed=0, epoch=1, indices=None, device="cpu"):
    source = ImageSource.on(split, device)
    indices = torch.arange(len(split)) if indices is None else indices
    normalizer = fit_normalizer(split.images, indices, how.image, how.normalize).to(device)
    return list(train_batches(source, indices, how, normalizer, seed, epoch))


@given(st.integers(1, 100), st.integers(1, 40), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_an_epoch_shows_each_image_once_with_its_label(n, batch_size, seed):
    seen = epoch_of(numbered(n), recipe(batch_size=batch_size), seed)
    labels = torch.cat([labels for _, labels in seen])
    assert labels.dtype == torch.int64
    assert labels.sort().values.tolist() == list(range(n))
    for images, truth in seen:
        assert torch.equal(images, truth.float().view(-1, 1, 1, 1).expand_as(images))
    sizes = [len(labels) for _, labels in seen]
    assert len(sizes) == steps_in_epoch(n, batch_size)
    if n % batch_size == 1 and n > batch_size > 1:  # it joins the one before it
        assert sizes == [*[batch_size] * (n // batch_size - 1), batch_size + 1]
    else:
        assert sizes == [batch_size] * (n // batch_size) + [n % batch_size] * (n % batch_size > 0)


@pytest.mark.parametrize("name", NETS)
def test_the_last_batch_is_never_a_single_image(name):
    """Where maps are one pixel across, batch normalisation finds no variance in it, whatever the network."""
    shape = ImageShape(3, *[max(32, NETS[name].smallest)] * 2)
    ((first, _),) = epoch_of(random_split(5), recipe(batch_size=4))
    with torch.device("meta"):
        net = build(name, shape, 10).train()
        net(torch.empty(len(first), 3, shape.height, shape.width))


def test_only_the_indices_are_shown():
    indices = torch.tensor([3, 9, 4])
    ((images, labels),) = epoch_of(numbered(20), recipe(), indices=indices)
    assert sorted(labels.tolist()) == [3, 4, 9]
    assert images[:, 0, 0, 0].tolist() == labels.tolist()


def test_the_order_differs_by_epoch_and_seed_and_is_reproducible():
    def order(seed, epoch):
        return torch.cat([labels for _, labels in epoch_of(numbered(64), recipe(), seed, epoch)]).tolist()

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (1, 2)}) == 4


@pytest.mark.parametrize("image", [Image(), Image(size=(12, 9), fit="crop"), Image(scale=2)])
def test_an_epoch_is_a_function_of_seed_and_epoch_alone(image):
    how = recipe(augment=RANDOM_CHANGES, normalize="channel", image=image)
    first = epoch_of(random_split(), how, 5, 7)
    torch.rand(3)  # the global random state is neither read nor written
    state = torch.get_rng_state()
    again = epoch_of(random_split(), how, 5, 7)
    assert torch.equal(state, torch.get_rng_state())
    for (images, labels), (same_images, same_labels) in zip(first, again, strict=True):
        assert torch.equal(images, same_images) and torch.equal(labels, same_labels)
        assert images.is_contiguous(memory_format=torch.channels_last) and images.dtype == torch.float32


def test_augmentation_does_not_depend_on_the_batch_size():
    small, large = (recipe(augment=RANDOM_CHANGES, normalize="unit", batch_size=size) for size in (7, 50))
    images = [torch.cat([images for images, _ in epoch_of(random_split(), how)]) for how in (small, large)]
    torch.testing.assert_close(*images)


def test_evaluation_goes_in_order_and_changes_nothing():
    how = recipe(augment=RANDOM_CHANGES, normalize="channel", batch_size=16)
    split = random_split()
    normalizer = fit_normalizer(split.images, np.arange(50), how.image, how.normalize)
    source = ImageSource.on(split, "cpu")
    every = list(eval_batches(source, None, how, normalizer))
    assert [len(labels) for _, labels in every] == [16, 16, 16, 2]
    assert torch.equal(torch.cat([labels for _, labels in every]), torch.from_numpy(split.labels))
    images = torch.cat([images for images, _ in every])
    assert torch.equal(images, normalizer(torch.from_numpy(split.images)))
    assert every[0][0].is_contiguous(memory_format=torch.channels_last)
    chosen = torch.tensor([40, 2, 2, 17])
    ((some, labels),) = eval_batches(source, chosen, how, normalizer)
    assert torch.equal(some, images[chosen])
    assert torch.equal(labels, torch.from_numpy(split.labels)[chosen])


def test_cutout_comes_after_normalisation():
    split = Images(np.full((16, 1, 6, 6), 200, np.uint8), np.zeros(16, np.int64))
    for images, _ in epoch_of(split, recipe(augment=Augment(cutout=2))):
        assert sorted(images.unique().tolist()) == [0, 200]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_mapped_file_is_not_copied_into_memory(tmp_path):
    def own_memory():
        reset_peak_memory("cpu")  # what earlier tests freed and the allocator kept does not count
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

    n, shape = 5_000, (3, 64, 64)
    np.lib.format.open_memmap(tmp_path / "images.npy", "w+", np.uint8, (n, *shape)).flush()
    mapped = Images(np.load(tmp_path / "images.npy", mmap_mode="c"), np.zeros(n, np.int64))
    how = recipe(batch_size=32, augment=Augment(crop=4, flip=True), normalize="channel")
    epoch_of(random_split(600, shape), how)  # the allocator takes what batches of this size need
    before = own_memory()
    normalizer = fit_normalizer(mapped.images, np.arange(n), how.image, how.normalize)
    source = ImageSource.on(mapped, "cpu")
    shown = train_batches(source, torch.arange(n), how, normalizer, 0, 1)
    assert sum(len(labels) for _, labels in shown) == n
    assert own_memory() - before < mapped.images.nbytes / 2


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("share", [0.25, 0.0], ids=["on the GPU", "sent in batches"])
def test_a_gpu_gets_the_batches_the_cpu_gets(monkeypatch, share):
    monkeypatch.setattr(batches, "RESIDENT_SHARE", share)
    split = random_split()
    assert ImageSource.on(split, "cuda").images.is_cuda == (share > 0)
    for augment in (RANDOM_CHANGES, Augment(shift=0.2, flip=True, crop=2), Augment()):
        how = recipe(augment=augment, normalize="pixel", image=Image(size=(12, 12)))
        for (images, labels), (on_gpu, gpu_labels) in zip(
            epoch_of(split, how), epoch_of(split, how, device="cuda"), strict=True
        ):
            assert on_gpu.is_cuda and on_gpu.is_contiguous(memory_format=torch.channels_last)
            torch.testing.assert_close(images, on_gpu.cpu(), atol=0.02, rtol=0)
            assert torch.equal(labels, gpu_labels.cpu())
