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


class Faulty(http.server.BaseHTTPRequestHandler):
    """Answers /KIND/file in the way that KIND says."""

    flipped = bytearray(CONTENT)
    flipped[1234] ^= 1
    bodies = {
        "/flipped/file": bytes(flipped),
        "/swapped/file": b"another file that is right in itself",
        "/html/file": b"<!DOCTYPE html><title>Log in</title>",
        "/cut/file": CONTENT[:5000],
        "/stalled/file": CONTENT[:5000],
        "/good/file": CONTENT,
    }

    def do_GET(self):
        if self.path == "/silent/file":
            over.wait(20)
            return
        if self.path not in self.bodies:
            self.send_error(404)
            return
        body = self.bodies[self.path]
        self.send_response(200)
        is_short = self.path in ("/cut/file", "/stalled/file")
        self.send_header("Content-Length", str(len(CONTENT) if is_short else len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
        if self.path == "/stalled/file":
            over.wait(20)

    def log_message(self, *arguments):
        pass


over = threading.Event()


@pytest.fixture
def faulty(monkeypatch):
    """The address of a server of `Faulty`, of which nobody waits long."""
    monkeypatch.setattr("bakeoff.data.fetch.TIMEOUT", 0.5)
    over.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        over.set()
        server.shutdown()


@pytest.mark.parametrize("kind", ["cut", "flipped", "swapped", "html", "silent", "stalled", "absent"])
def test_a_faulty_mirror_is_passed_over_and_leaves_nothing_behind(faulty, data, kind):
    path = fetch("things", Remote("file", MD5, (f"{faulty}{kind}/", f"{faulty}good/")))
    assert path.read_bytes() == CONTENT
    assert [other.name for other in path.parent.iterdir()] == ["file"]
    path.unlink()
    with pytest.raises(BakeoffError, match=f"could not download file .*{kind}/") as caught:
        fetch("things", Remote("file", MD5, (f"{faulty}{kind}/",)))
    assert len(str(caught.value).splitlines()) == 1
    assert list((data / "things").iterdir()) == []


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
    with pytest.raises(BakeoffError, match=f"expected md5 {MD5}, found .* delete it"):
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
