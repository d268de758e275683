"""Responses to hostile requests: an error that says what is wrong, and nothing reaches the disk."""

import io
import os
import socket
import struct
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import numpy as np
import PIL.Image
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bakeoff.data.depth import FULL
from bakeoff.serving.limits import Limits
from bakeoff.serving.uploads import Refused, decode_upload

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.link", "os.symlink", "shutil.copyfile", "tempfile.mkstemp"}
watched: list[list[str]] = []


def audit(event: str, arguments: tuple) -> None:
    """Note files that are opened for writing; hooks cannot be taken off again."""
    if watched and event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
        watched[-1].append(str(arguments[0]))
    elif watched and event in CHANGES:
        watched[-1].append(f"{event} {arguments}")


sys.addaudithook(audit)


@contextmanager
def nothing_written() -> Iterator[None]:
    written: list[str] = []
    watched.append(written)
    try:
        yield
    finally:
        watched.remove(written)
    assert written == []


def saved(kind: str, size: tuple[int, int] = (8, 8), **options: object) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
    PIL.Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, *extra: bytes) -> bytes:
    """A PNG whose pixels would be all black, were they not far too many; a few kilobytes."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(10**6), 9))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + pixels + chunk(b"IEND", b"")


def many_scans(times: int) -> bytes:
    """A progressive JPEG whose last scan is there again and again."""
    whole = saved("JPEG", (64, 64), progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * times + whole[-2:]


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("../../escape.jpg", saved("JPEG"))
    return file.getvalue()


HOSTILE = {
    "a decompression bomb": (png(100_000, 100_000), {413}),
    "a wide bomb": (png(2**31 - 1, 1), {413, 415, 422}),
    "a text bomb": (png(8, 8, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 * 2**20), 9))), {415, 422}),
    "a JPEG of many scans": (many_scans(500), {413}),
    "a truncated image": (saved("PNG", (64, 64))[:-200], {415, 422}),
    "a zip file": (zipped(), {415}),
    "a page": (b"<!doctype html><script>alert(1)</script>", {415}),
    "a drawing with a script": (b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', {415}),
    "a page that begins as a GIF": (b"GIF89a/*" + b"<script>alert(1)</script>" * 9, {413, 415, 422}),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\n", {415}),
    "a program": (b"\x7fELF" + bytes(200), {415}),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'id'\ntR.", {415}),
    "nothing": (b"", {400}),
}


def test_the_watch_sees_what_is_written(tmp_path):
    with pytest.raises(AssertionError), nothing_written():
        (tmp_path / "a.jpg").write_bytes(b"")


@pytest.mark.parametrize("path", ["/predict", "/explain"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_images_are_refused(path, name, client):
    content, statuses = HOSTILE[name]
    start = time.monotonic()
    with nothing_written():
        status, answer = client.ask(path, content)
    assert status in statuses and answer["error"]
    assert b"alert" not in repr(answer).encode() and time.monotonic() - start < 10


def test_the_rest_of_an_image_that_is_something_else_too_is_ignored(client, served):
    """A JPEG with an archive behind it is a JPEG: it is classified, and the archive is never looked at."""
    plain = saved("JPEG")
    with nothing_written():
        status, answer = client.ask("/predict", plain + zipped())
    assert status == 200 and answer == client.ask("/predict", plain)[1]


def test_forms_and_their_file_names_are_refused(client):
    name = b"../../../../tmp/bakeoff-escaped.jpg"
    form = (
        b'--X\r\nContent-Disposition: form-data; name="f"; filename="'
        + name
        + b'"\r\n\r\n'
        + saved("JPEG")
        + b"\r\n--X--"
    )
    with nothing_written():
        status, answer = client.ask("/predict", form, Content_Type="multipart/form-data; boundary=X")
    assert status == 415 and "--data-binary" in answer["error"]


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/page.js/../../app.py", "//etc", "/page/"]
)
def test_paths_lead_nowhere(path, client):
    with nothing_written():
        status, answer = client.ask(path)
    assert status == 404 and b"root:" not in repr(answer).encode()


def test_too_many_bytes_are_refused_before_they_are_read(serve):
    limits = Limits(image_bytes=10_000)
    with serve(limits) as client, nothing_written():
        assert client.ask("/predict", bytes(10_001))[0] == 413
        head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
        assert b" 413 " in client.raw(head + b"Content-Length: 99999999999\r\n\r\n")
        chunks = b"1000\r\n" + bytes(4096) + b"\r\n"
        assert b" 413 " in client.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks * 3)
        assert client.ask("/predict", saved("JPEG"))[0] == 200


def test_all_images_together_are_bounded(serve):
    limits = Limits(image_bytes=1000, held_bytes=3000)
    head = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 1000\r\n\r\n"
    with serve(limits) as client:
        waiting = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3)]
        for one in waiting:
            one.sendall(head)
        time.sleep(0.3)
        assert client.ask("/predict", bytes(1000))[0] == 429
        for one in waiting:
            one.close()
        time.sleep(0.3)
        assert client.ask("/predict", bytes(1000))[0] == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:8000"}, 421),
        ({"Host": "["}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "image/png", "Content_Encoding": "gzip"}, 415),
    ],
)
def test_requests_of_other_sites_are_refused(headers, status, client):
    assert client.ask("/predict", saved("JPEG"), **headers)[0] == status


def test_nonsense_is_a_bad_request(client):
    for content in (b"\x16\x03\x01 nonsense\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"GET /" + b"a" * 40_000):
        assert b" 400 " in client.raw(content)
    assert b" 405 " in client.raw(b"DELETE /predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")


def test_answers_forbid_everything_that_the_page_does_not_need(client):
    answer = client.raw(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").partition(b"\r\n\r\n")[0]
    assert b"content-security-policy: default-src 'none'" in answer.lower() and b"nosniff" in answer
    assert b"access-control" not in answer.lower()


def test_slow_clients_are_cut_off_and_others_served(serve):
    """Some send no head, some no body, some read no answer; there are more than the server accepts."""
    limits = Limits(connections=100, head_seconds=1, body_seconds=1, work_seconds=5, idle_seconds=1)
    body = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 900\r\n\r\n12"
    beginnings = [b"", b"POST /predict HTT", b"GET / HTTP/1.1\r\nHost: local", body]
    with serve(limits) as client, nothing_written():
        assert b" 408 " in client.raw(beginnings[1]) and b" 408 " in client.raw(body)
        slow = []
        for number in range(300):
            slow.append(socket.create_connection(("127.0.0.1", client.port), timeout=10))
            with suppress(OSError):  # those beyond the limit are closed at once
                slow[-1].sendall(beginnings[number % 4])
        answers = []
        for one in slow:
            with suppress(OSError):
                answers.append(one.recv(100))
            one.close()
        assert len(answers) > 250 and all(b" 408 " in one or b" 429 " in one or not one for one in answers)
        assert sum(b" 429 " in one for one in answers) >= 150
        time.sleep(0.2)
        assert client.ask("/predict", saved("JPEG"))[0] == 200


def test_drips_do_not_buy_time(serve):
    with serve(Limits(head_seconds=0.5)) as client:
        connection = socket.create_connection(("127.0.0.1", client.port), timeout=10)
        start, found = time.monotonic(), b""
        connection.settimeout(0.05)
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        while time.monotonic() - start < 5 and not found:
            try:
                found = connection.recv(100)
            except TimeoutError:
                connection.sendall(b"a")
        assert b" 408 " in found and time.monotonic() - start < 3


def test_a_connection_serves_several_requests(client):
    one = b"GET /model HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /model HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert client.raw(one * 3 + last).count(b"HTTP/1.1 200 ") == 4


VALID = [saved("JPEG"), saved("PNG"), saved("GIF"), saved("BMP"), saved("TIFF"), saved("WEBP")]


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_damaged_images_are_pixels_or_refused(data):
    content = bytearray(data.draw(st.sampled_from(VALID)))
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        pixels = decode_upload(bytes(content), (8, 8), "stretch", FULL, Limits(pixels=10**6))
    except Refused as error:
        assert 400 <= error.status < 500 and str(error)
    else:
        assert pixels.shape == (3, 8, 8) and pixels.dtype == np.uint8
