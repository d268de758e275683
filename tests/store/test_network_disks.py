import warnings
from pathlib import Path

import pytest

from bakeoff.errors import BakeoffWarning
from bakeoff.store import network_disks
from bakeoff.store.network_disks import network_file_system
from bakeoff.store.store import Store


@pytest.fixture
def mount(tmp_path, monkeypatch):
    """Pretend that file systems are mounted, each given as (type, folder)."""

    def pretend(*mounted: tuple[str, Path]) -> None:
        table = tmp_path / "mounts"
        escaped = [f"server:/x {str(where).replace(' ', chr(92) + '040')} {kind} rw 0 0" for kind, where in mounted]
        table.write_text("\n".join(["/dev/sda1 / ext4 rw 0 0", "proc /proc proc rw 0 0", *escaped]) + "\n")
        monkeypatch.setattr(network_disks, "MOUNTS", table)
        monkeypatch.setattr(network_disks, "WARNED", set())

    return pretend


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "lustre", "gpfs"])
def test_network_file_systems_are_known(tmp_path, mount, kind):
    share = tmp_path / "my share"
    (share / "deep").mkdir(parents=True)
    mount((kind, share))
    assert network_file_system(share / "deep" / "a.db") == kind
    assert network_file_system(share) == kind
    assert network_file_system(tmp_path / "my share beside" / "a.db") is None


def test_the_innermost_mount_counts_and_of_two_the_last(tmp_path, mount):
    mount(
        ("nfs", tmp_path), ("tmpfs", tmp_path / "scratch"), ("ext4", tmp_path / "twice"), ("cifs", tmp_path / "twice")
    )
    assert network_file_system(tmp_path / "a.db") == "nfs"
    assert network_file_system(tmp_path / "scratch" / "a.db") is None
    assert network_file_system(tmp_path / "twice" / "a.db") == "cifs"


def test_links_are_followed(tmp_path, mount):
    share, link = tmp_path / "share", tmp_path / "link"
    share.mkdir()
    link.symlink_to(share)
    mount(("nfs4", share))
    assert network_file_system(link / "a.db") == "nfs4"


def test_a_store_that_is_written_there_warns_once(tmp_path, mount):
    mount(("nfs4", tmp_path))
    with pytest.warns(BakeoffWarning, match=r"network file system \(nfs4\).*bakeoff merge"):
        Store(tmp_path / "a.db", create=True).close()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Store(tmp_path / "a.db", create=True).close()
        Store(tmp_path / "a.db").close()


def test_systems_without_such_a_table_are_taken_as_local(tmp_path, monkeypatch):
    monkeypatch.setattr(network_disks, "MOUNTS", tmp_path / "absent")
    assert network_file_system(tmp_path) is None
