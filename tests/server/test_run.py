"""The server run: its address, its end, and the command that starts it."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from affetto import cli_serve
from affetto.errors import CatalogueBusyError, CatalogueFormatError, UsageError
from affetto.library import lock
from affetto.library.repair import rebuild
from affetto.server import run
from affetto.server.run import address_of, listening_socket, new_token, serve
from affetto.server.settings import Settings

AFFETTO = [sys.executable, "-m", "affetto", "serve"]


@pytest.mark.parametrize(
    ("host", "token", "address"),
    [
        ("127.0.0.1", None, "http://localhost:8321/"),
        ("::1", None, "http://localhost:8321/"),
        ("0.0.0.0", "secret", "http://localhost:8321/?token=secret"),
        ("192.168.0.7", "secret", "http://192.168.0.7:8321/?token=secret"),
        ("fe80::1", "secret", "http://[fe80::1]:8321/?token=secret"),
    ],
)
def test_the_address_to_open(host, token, address):
    assert address_of(host, 8321, token) == address


def test_a_port_that_is_taken_is_told():
    with closing(listening_socket("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"cannot listen at 127.0.0.1:{port}.*--port 0"):
            listening_socket("127.0.0.1", port)


def test_what_is_no_address_is_told():
    with pytest.raises(UsageError, match="no address of this machine"):
        listening_socket("nowhere.invalid", 0)
    with pytest.raises(UsageError, match=r"cannot listen at 203\.0\.113\.9"):
        listening_socket("203.0.113.9", 0)


def test_tokens_cannot_be_guessed():
    assert len({new_token() for _ in range(100)}) == 100
    Settings(host="0.0.0.0", token=new_token())


@pytest.mark.parametrize(
    "settings", [{"upload_mb": 0}, {"readers": 0}, {"body_timeout_s": 0}, {"token": "a b" * 10}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError, match="expected"):
        Settings(**settings)


def test_what_is_no_library_is_told_before_anything_is_served(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("this is no database, but long enough to be looked at " * 50)
    with pytest.raises(CatalogueFormatError, match="is no database"):
        serve(path, settings=Settings(), port=0, announce=pytest.fail)


# --- The command ----------------------------------------------------------------------------


def started(*arguments):
    """Run the command; give it and the address it prints."""
    process = subprocess.Popen(
        [*AFFETTO, *arguments, "--port", "0"], stderr=subprocess.PIPE, text=True
    )
    line = process.stderr.readline()
    return process, line.removeprefix("affetto listens at ").strip()


def ended(process):
    with process.stderr:
        process.send_signal(signal.SIGINT)
        return process.wait(15), process.stderr.read()


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_the_command_serves_says_where_and_ends(library, rows):
    process, address = started("--db", str(library))
    try:
        assert address.startswith("http://localhost:")
        told = httpx.get(f"{address}api/health", trust_env=False).json()
        assert told["tracks"] == len(rows)
    finally:
        code, words = ended(process)
    assert code in {0, 130} and "Traceback" not in words


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("affetto.server.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    with pytest.raises(UsageError, match=r'needs fastapi, .* pip install "affetto\[web\]"'):
        cli_serve.serve()


def test_help_does_not_load_the_server():
    code = (
        "import sys, json; from typer.testing import CliRunner; from affetto.cli import app;"
        "CliRunner().invoke(app, ['serve', '--help']);"
        "print(json.dumps([m for m in sys.modules if m in ('fastapi', 'uvicorn', 'polars')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_library_that_is_served_is_not_rebuilt(serve, library):
    with serve(), pytest.raises(CatalogueBusyError, match="stop affetto serve first"):
        rebuild(library)
    assert rebuild(library).tracks == 60


def test_a_library_that_is_being_rebuilt_is_not_served(library):
    with lock.replacing(library), pytest.raises(CatalogueBusyError, match="being rebuilt"):
        run.serve(library, settings=Settings(), port=0, announce=pytest.fail)
