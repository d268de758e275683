import multiprocessing
import shutil
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from torch import nn
from trained import DATA

import tiny
from bakeoff.data.batches import ImageSource, batches
from bakeoff.data.local_folders import cache_folder
from bakeoff.data.resplit import Resplit, resplit
from bakeoff.errors import BakeoffError
from bakeoff.nets.classifier import Classifier
from bakeoff.spec.recipe import Probe
from bakeoff.training import feature_files, features
from bakeoff.training.features import Frozen, features_key, open_features, pool_key
from bakeoff.training.partition import partition_data

RUN = tiny.run(epochs=1, probe=Probe(), batch_size=16)
PARTS = partition_data(RUN, DATA, "cpu")


def frozen(seed: int = 0, head: int = 0, factor: float = 1.0) -> Frozen:
    torch.manual_seed(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.ReLU())
    torch.manual_seed(head)
    net.append(nn.Linear(5, 3))
    with torch.no_grad():
        net[1].weight.mul_(factor)
    return Frozen(net, "net", Classifier("3", 5, ("3",)), PARTS.normalizer)


def expected(of: Frozen) -> torch.Tensor:
    with torch.no_grad():
        return of.net[:3](PARTS.normalizer(torch.from_numpy(DATA.train.images)))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def computed(monkeypatch) -> list[int]:
    """The number of images that were already there each time features are computed."""
    calls, real = [], feature_files.fill_file
    monkeypatch.setattr(feature_files, "fill_file", lambda *given: (calls.append(given[1].rows), real(*given))[1])
    return calls


def test_features_are_those_of_the_network_in_half_precision(computed):
    one = frozen()
    found = open_features(RUN, one, PARTS.train, lambda _: None)
    assert found.values.dtype == np.float16 and found.values.shape == (60, 5)
    torch.testing.assert_close(
        torch.from_numpy(found.values).float() / found.scale, expected(one), rtol=1e-3, atol=1e-5
    )
    assert not found.shared and found.seconds > 0


def test_features_are_computed_once(computed):
    """The classifier, which the seed draws, does not matter."""
    first = open_features(RUN, frozen(), PARTS.train, lambda _: None)
    again = open_features(tiny.run(seed=5, epochs=1, probe=Probe()), frozen(head=7), PARTS.train, lambda _: None)
    assert computed == [0] and again.shared
    assert again.values.tobytes() == first.values.tobytes() and again.seconds == first.seconds


def test_everything_that_features_depend_on_is_in_their_key():
    def key(net: Frozen, run=RUN, source: ImageSource = PARTS.train) -> str:
        return features_key(run, net, source)

    doubled = replace(PARTS.normalizer, scale=2 * PARTS.normalizer.scale)
    backwards = replace(PARTS.train, images=PARTS.train.images.flip(0), labels=PARTS.train.labels.flip(0))
    image = replace_image(RUN, scale=2)
    others = [
        key(frozen(seed=1)),
        key(replace(frozen(), normalizer=doubled)),
        key(frozen(), source=PARTS.test),
        key(frozen(), source=backwards),
        key(frozen(), run=image),
        key(frozen(), run=tiny.run("other", epochs=1, probe=Probe(), batch_size=16)),
    ]
    assert len({key(frozen()), *others}) == 7
    assert key(frozen(head=3)) == key(frozen())


def replace_image(run, **changes):
    image = msgspec.structs.replace(run.recipe.image, **changes)
    return msgspec.structs.replace(run, recipe=msgspec.structs.replace(run.recipe, image=image))


def test_an_interrupted_computation_continues_where_it_was(computed, monkeypatch):
    monkeypatch.setattr(feature_files, "NOTED_SECONDS", 0.0)
    whole = open_features(RUN, frozen(), PARTS.train, lambda _: None).values.tobytes()
    shutil.rmtree(cache_folder() / "features")

    def interrupt(done: int) -> None:
        if done == 48:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_features(RUN, frozen(), PARTS.train, interrupt)
    seen = []
    found = open_features(RUN, frozen(), PARTS.train, seen.append)
    assert computed == [0, 0, 32] and seen == [48, 60]  # the batch that was interrupted is not noted
    assert found.values.tobytes() == whole


def test_a_file_that_was_cut_is_computed_again(computed):
    whole = open_features(RUN, frozen(), PARTS.train, lambda _: None).values.tobytes()
    (file,) = (cache_folder() / "features").glob("*/values.f16")
    with file.open("r+b") as opened:
        opened.truncate(100)
    assert open_features(RUN, frozen(), PARTS.train, lambda _: None).values.tobytes() == whole
    assert computed == [0, 60]


def race(results) -> None:
    found = open_features(RUN, frozen(), PARTS.train, lambda _: None)
    results.put((found.shared, found.values.tobytes()))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_of_two_processes_one_computes_and_the_other_waits():
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    processes = [context.Process(target=race, args=(results,)) for _ in range(2)]
    for process in processes:
        process.start()
    found = sorted(results.get(timeout=60) for _ in processes)
    for process in processes:
        process.join()
    assert [shared for shared, _ in found] == [False, True]
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("factor", [1e-7, 1e7])
def test_tiny_and_huge_features_keep_their_digits(factor):
    one = frozen(factor=factor)
    found = open_features(RUN, one, PARTS.train, lambda _: None)
    values = torch.from_numpy(found.values).float() / found.scale
    torch.testing.assert_close(values, expected(one), rtol=2e-3, atol=1e-5 * float(expected(one).max()))


def test_features_that_are_no_numbers_are_refused():
    with pytest.raises(BakeoffError, match="the features of net are not finite"):
        open_features(RUN, frozen(factor=np.nan), PARTS.train, lambda _: None)


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "file"))
    with pytest.raises(BakeoffError, match=r"cannot write features to .*BAKEOFF_CACHE"):
        open_features(RUN, frozen(), PARTS.train, lambda _: None)


def folds_of(number: int) -> list:
    return [resplit(DATA, Resplit(fold=fold, folds=number)) for fold in range(1, number + 1)]


@pytest.fixture
def passed(monkeypatch) -> list[int]:
    """The size of each batch that passes through the network."""
    sizes, real = [], features.watch_features

    @contextmanager
    def watch(net, path):
        hook = net.register_forward_hook(lambda _, inputs, output: sizes.append(len(output)))
        with real(net, path) as seen:
            yield seen
        hook.remove()

    monkeypatch.setattr(features, "watch_features", watch)
    return sizes


def opened(data, exact: bool):
    run = msgspec.structs.replace(RUN, data_hash=data.info.content_hash)
    source = ImageSource.on(data.test if exact else data.train, "cpu")
    alone = replace(source, split=None)
    return run, source, alone


@pytest.mark.parametrize("count", [2, 3, 5])
def test_folds_share_the_features_of_all_images(count, passed):
    """All 85 images pass through the network in six batches of 16; last batches of another size pass again."""
    rest = []
    for data in folds_of(count):
        for exact in (False, True):
            run, source, _ = opened(data, exact)
            found = open_features(run, frozen(), source, lambda _: None, exact=exact)
            *_, last = batches(len(source), 16)
            rest.append(last.stop - last.start)
            assert found.values.shape == (len(source), 5)
    assert [size for size in passed if size == 16] == [16] * 6
    assert [size for size in passed if size != 16] == [size for size in rest if size != 16]


@pytest.mark.parametrize("exact", [False, True])
def test_folds_have_the_bits_that_they_have_alone(exact, monkeypatch, tmp_path):
    """Whatever the batch, the network of this test gives other last bits in batches that are not full."""
    for data in folds_of(3):
        run, source, alone = opened(data, exact)
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "shared"))
        together = open_features(run, uneven(), source, lambda _: None, exact=exact)
        monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / f"alone {data.info.name}"))
        found = open_features(run, uneven(), alone, lambda _: None, exact=exact)
        assert together.values.tobytes() == found.values.tobytes() and together.scale == found.scale


def uneven() -> Frozen:
    one = frozen()
    one.net[0].register_forward_hook(lambda _, inputs, output: output * (1 + 2e-3 * (len(output) != 16)))
    return one


def test_the_seconds_of_a_fold_are_its_share(monkeypatch):
    monkeypatch.setattr(feature_files.time, "perf_counter", iter(range(10**6)).__next__)
    found = []
    for data in folds_of(2):
        run, source, _ = opened(data, False)
        found.append(open_features(run, frozen(), source, lambda _: None))
    assert [one.shared for one in found] == [False, True]
    assert found[0].seconds == pytest.approx(found[1].seconds, abs=1)


def test_progress_over_a_pool_is_in_images_of_the_fold():
    run, source, _ = opened(folds_of(4)[0], False)
    seen = []
    open_features(run, frozen(), source, seen.append)
    assert seen[-1] == len(source) == max(seen) and seen[0] == 63 * 16 // 85


def test_pools_of_other_images_have_other_keys():
    first, second = folds_of(2)
    other = replace(DATA, info=msgspec.structs.replace(DATA.info, content_hash="other"))
    third = resplit(other, Resplit(fold=1, folds=2))
    keys = [pool_key(RUN, frozen(), data.train, torch.device("cpu")) for data in (first, second, third)]
    assert keys[0] == keys[1] != keys[2]
