import hashlib
import http.server
import threading

import pytest

from bakeoff.data.fetch import Remote, fetch
from bakeoff.errors import BakeoffError

CONTENT = b"the original bytes" * 10_000
MD5 = hashlib.md5(CONTENT).hexdigest()
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def mirror(tmp_path):
    """The address of a server on this machine with /good/file and /bad/file."""
    for name, content in {"good": CONTENT, "bad": b"<html>moved</html>"}.items():
        (tmp_path / "www" / name).mkdir(parents=True)
        (tmp_path / "www" / name / "file").write_bytes(content)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path / "www"))

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("BAKEOFF_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "data"


def test_the_next_mirror_is_asked_when_one_is_silent_gone_or_wrong(mirror, data):
    seen = []
    remote = Remote("file", MD5, (NOWHERE, f"{mirror}absent/", f"{mirror}bad/", f"{mirror}good/"))
    path = fetch("things", remote, lambda *report: seen.append(report))
    assert path == data / "things" / "file"
    assert path.read_bytes() == CONTENT
    assert seen[-1] == ("things/file", len(CONTENT), len(CONTENT))
    assert fetch("things", Remote("file", MD5, ())) == path, "a file that is there needs no mirror"
    assert [other.name for other in path.parent.iterdir()] == ["file"]


def test_without_any_mirror_the_message_says_where_to_put_the_file(mirror, data):
    with pytest.raises(BakeoffError) as caught:
        fetch("things", Remote("file", MD5, (NOWHERE, f"{mirror}bad/")))
    message = str(caught.value)
    assert "could not download file" in message
    assert "ConnectionError" in message
    assert "wrong checksum" in message
    assert f"put the file with md5 {MD5} into {data / 'things'}" in message


def test_a_file_with_another_checksum_is_named_and_left_alone(data):
    (data / "things").mkdir(parents=True)
    (data / "things" / "file").write_bytes(CONTENT[:-1])
    with pytest.raises(BakeoffError, match=f"expected md5 {MD5}, found .* delete it to have it downloaded again"):
        fetch("things", Remote("file", MD5, ()))
    assert (data / "things" / "file").read_bytes() == CONTENT[:-1]


@pytest.mark.parametrize("kind", ["file", "read-only"])
def test_downloads_go_elsewhere_when_the_data_folder_takes_none(mirror, data, tmp_path, monkeypatch, kind):
    if kind == "file":
        data.write_text("a file where the folder should be")
    else:
        data.mkdir(mode=0o555)
    monkeypatch.setenv("BAKEOFF_CACHE", str(tmp_path / "cache"))
    path = fetch("things", Remote("file", MD5, (f"{mirror}good/",)))
    assert path == tmp_path / "cache" / "data" / "things" / "file"
    assert data.is_file() or not list(data.iterdir())
