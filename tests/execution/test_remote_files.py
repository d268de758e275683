"""Checkpoints and images in a place shared by several machines: a folder, and an S3 server that the test starts."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest

import tiny
from bakeoff import data
from bakeoff.data.shipping import receive
from bakeoff.errors import BakeoffError
from bakeoff.execution.cluster import Cluster
from bakeoff.execution.parcels import pack_cargo, pack_parcel
from bakeoff.execution.relay import NodeReport, forget_checkpoint, relay
from bakeoff.execution.remote_files import RemoteFolder, share_file
from bakeoff.execution.worker import Placement, Step, train_run
from bakeoff.spec.records import Epoch, Failure, Outcome
from bakeoff.spec.run import Run

pytest.importorskip("fsspec", reason="fsspec is not installed: pip install 'bakeoff[ray]'")


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The URL of a bucket on a server of its own."""
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install 'bakeoff[s3]'")
    server_of = pytest.importorskip("moto.server", reason="moto is not installed: pip install 'moto[server]'")
    server = server_of.ThreadedMotoServer(port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        settings = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        for name, value in {**settings, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            patch.setenv(name, value)
        import s3fs

        s3fs.S3FileSystem().mkdir("bakeoff")
        yield "s3://bakeoff/study"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path) -> RemoteFolder:
    return RemoteFolder(str(tmp_path / "shared") if request.param == "folder" else request.getfixturevalue("s3"))


@pytest.fixture(scope="module")
def run() -> Run:
    recipe = msgspec.structs.replace(tiny.RECIPE, images_per_class=20, validation=50, epochs=5)
    return Run("lenet-afif", "digits", data.info("digits").content_hash, recipe, 0)


def test_keeps_files(place, tmp_path):
    place.check()
    (tmp_path / "a").write_bytes(b"first")
    assert not place.has("kept.pt") and place.size("kept.pt") is None
    place.send(tmp_path / "a", "kept.pt")
    (tmp_path / "a").write_bytes(b"second")
    place.send(tmp_path / "a", "kept.pt")
    assert (place.has("kept.pt"), place.size("kept.pt")) == (True, 6)
    place.fetch("kept.pt", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"".join(place.chunks("kept.pt")) == b"second"
    place.delete("kept.pt")
    place.delete("kept.pt")
    assert not place.has("kept.pt")


def test_a_lost_run_continues_from_the_last_epoch_that_was_kept(place, run, tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "node"))
    cluster = Cluster("ray", checkpoints=place.url)
    keep = partial(share_file, place)
    cargo = pack_cargo(run, keep)
    job, beside = partial(train_run, draft="draft"), tmp_path / "a.db.files"

    def reports(begun: bool) -> Iterator[NodeReport]:
        return relay(pack_parcel(run, Placement(1, 1, cluster=cluster), job, beside, keep, begun), cargo)

    lost = reports(begun=False)
    list(itertools.takewhile(lambda report: not is_epoch(report, 3), lost))
    lost.close()
    assert place.has(f"{run.id}.pt")
    resumed = [report.message.content for report in reports(begun=True) if report.message]
    anew = [report.message.content for report in reports(begun=False) if report.message]
    assert [one.epoch for one in resumed if isinstance(one, Epoch)] == [1, 2, 3, 4, 5]
    assert isinstance(resumed[-1], Outcome)
    assert resumed[-1].probabilities.tobytes() == anew[-1].probabilities.tobytes()
    assert not isinstance(resumed[0], Step), "its first epochs are those of the lost worker"
    assert isinstance(anew[0], Step)
    forget_checkpoint(place.url, run)
    assert not place.has(f"{run.id}.pt")


def is_epoch(report: NodeReport, number: int) -> bool:
    return report.message is not None and getattr(report.message.content, "epoch", 0) == number


def test_damaged_images_are_not_kept(run, tmp_path, monkeypatch):
    place = RemoteFolder(str(tmp_path / "shared"))
    cargo = pack_cargo(run, partial(share_file, place))
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "node"))
    (packed,) = Path(place.url, "packs").iterdir()
    content = bytearray((packed / "train-images.npy").read_bytes())
    content[5000] ^= 1
    (packed / "train-images.npy").write_bytes(content)
    with pytest.raises(BakeoffError, match="damaged"):
        receive(cargo.shipment, lambda name: cargo.files[name].chunks())
    assert not [path for path in (tmp_path / "node" / "packs").iterdir() if path.is_dir()]


def test_says_that_a_place_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(BakeoffError, match="--checkpoints"):
        RemoteFolder(str(tmp_path / "file" / "folder")).check()
    with pytest.raises(BakeoffError, match="--checkpoints"):
        RemoteFolder("nonsense://a/b").check()


def test_another_version_of_bakeoff_trains_nothing(run, tmp_path):
    place = RemoteFolder(str(tmp_path / "shared"))
    keep = partial(share_file, place)
    parcel = pack_parcel(run, Placement(1, 1, cluster=Cluster("ray")), train_run, tmp_path, keep)
    *_, last = relay(replace(parcel, bakeoff="0.0.1"), pack_cargo(run, keep))
    assert isinstance(last.message.content, Failure) and "0.0.1" in last.message.content.message
