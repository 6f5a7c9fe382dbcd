"""Downloads from mirrors on this machine that fail in every way."""

import contextlib
import gzip
import io
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from xpnet.data import download
from xpnet.errors import DataError

NAMES = ("images", "labels")
SIZES = dict.fromkeys(NAMES, 1000)
GOOD = {name: gzip.compress(name.encode()) for name in NAMES}


class Mirror(BaseHTTPRequestHandler):
    """Serves /good/; /wrong/ sends other content, /cut/ half of it, anything else is not found.

    /endless/ goes on without an end, /long/ announces too much, /dripping/ sends a byte now and then.
    """

    def do_GET(self):
        """Answer as the first part of the path says."""
        _, kind, name = self.path.split("/")
        self.server.asked.append(kind)
        body = GOOD[name.removesuffix(".gz")]
        if kind in ("endless", "long", "dripping"):
            return self.misbehave(kind)
        self.send_response(200 if kind in ("good", "wrong", "cut") else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write({"wrong": body[::-1], "cut": body[:9]}.get(kind, body))

    def misbehave(self, kind):
        """Send more than anybody wants, or far too slowly."""
        self.send_response(200)
        if kind == "long":
            self.send_header("Content-Length", str(10**12))
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(bytes(1 if kind == "dripping" else download.CHUNK))
                time.sleep(0.05 if kind == "dripping" else 0)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.fixture
def mirrors(monkeypatch):
    """Set the mirrors, by kind, in the order they are asked; gives the list of requests."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

        def set_mirrors(*kinds):
            urls = tuple(f"http://127.0.0.1:{server.server_port}/{kind}/" for kind in kinds)
            monkeypatch.setattr(download, "MIRRORS", urls)
            return server.asked

        yield set_mirrors
        server.shutdown()


def check(path, name):
    """Refuse any content but the name."""
    if path.read_bytes() != GOOD[name]:
        raise DataError("other content")


def test_files_appear_in_a_new_folder(tmp_path, mirrors, capfd):
    """All files are there under their final names, nothing else is, and nothing is said where nobody watches."""
    mirrors("good")
    download.fetch_files(SIZES, tmp_path / "cache" / "mnist", check)
    found = {path.name: path.read_bytes() for path in (tmp_path / "cache" / "mnist").iterdir()}
    assert found == {f"{name}.gz": content for name, content in GOOD.items()}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("broken", ["missing", "wrong", "cut"])
def test_the_next_mirror_serves_where_one_fails(tmp_path, mirrors, broken):
    """A mirror without the file, with other content or with half of it is not asked again."""
    asked = mirrors(broken, "good")
    download.fetch_files(SIZES, tmp_path, check)
    assert asked == [broken, "good", "good"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images.gz", "labels.gz"]


def test_where_every_mirror_fails_nothing_is_left(tmp_path, mirrors):
    """The message has a reason for each mirror, a refused connection among them."""
    mirrors("missing", "wrong", "cut")
    download.MIRRORS += ("http://127.0.0.1:1/",)
    reason = "127.0.0.1: HTTP 404; 127.0.0.1: sent something other than MNIST; .*; 127.0.0.1: ConnectionError"
    with pytest.raises(DataError, match=reason):
        download.fetch_files(SIZES, tmp_path, check)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_keeps_whole_files_only(tmp_path, mirrors):
    """Ctrl-C leaves the files that were finished and no part of one."""

    def interrupted(path, name):
        if name == "labels":
            raise KeyboardInterrupt

    mirrors("good")
    with pytest.raises(KeyboardInterrupt):
        download.fetch_files(SIZES, tmp_path, interrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["images.gz"]


def test_a_terminal_sees_a_progress_bar(tmp_path, mirrors, monkeypatch):
    """The bar carries the file's name."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stderr", terminal)
    mirrors("good")
    download.fetch_files(SIZES, tmp_path, check)
    assert "images.gz" in terminal.getvalue()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("endless", "sent more than the file's 1,000 bytes"),
        ("long", "sent more than the file's 1,000 bytes"),
        ("dripping", "took longer than 0.5 s"),
    ],
)
def test_a_mirror_has_neither_all_the_disk_nor_all_the_time(tmp_path, mirrors, monkeypatch, kind, reason):
    """More bytes than the file has, announced or not, and a transfer without an end are given up, and nothing stays."""
    monkeypatch.setattr(download, "LIMIT", 0.5)
    mirrors(kind)
    began = time.monotonic()
    with pytest.raises(DataError, match=f"127.0.0.1: {reason}"):
        download.fetch_files(SIZES, tmp_path, check)
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == []
    mirrors(kind, "good")
    monkeypatch.setattr(download, "LIMIT", 5.0 if kind != "dripping" else 0.5)
    download.fetch_files(SIZES, tmp_path, check)
    assert len(list(tmp_path.iterdir())) == 2
