"""The whole way from the graph to notes, questions and answers asks no network for anything.

Every process, children too, has an audit hook at which each use of a name server or of a socket other than a local one
(AF_UNIX) is written down and refused; the hook sees what C code does through Python's sockets as well.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import small_kgx  # noqa: F401 - a fixture

KG = [sys.executable, "-c", "from cli.main import run; run()"]
HOOK = """
import os, socket, sys

ASKED = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo")
SENT = ("socket.connect", "socket.sendto", "socket.sendmsg")

def guard(event, arguments):
    if event in ASKED or (event in SENT and arguments[0].family != socket.AF_UNIX):
        with open(os.environ["NETWORK_LOG"], "a") as log:
            log.write(f"{event} {arguments[-1]!r} by {sys.argv}\\n")
        raise OSError("the network is blocked")

sys.addaudithook(guard)
with open(os.environ["NETWORK_LOG"] + ".guarded", "a") as log:
    log.write("1\\n")
"""


@pytest.fixture
def blocked(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python processes reach no network."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path / "hook"), "NETWORK_LOG": str(tmp_path / "network.log")}


@pytest.mark.parametrize(
    "attempt",
    [
        "import urllib.request; urllib.request.urlopen('http://localhost:9')",
        "import socket; socket.create_connection(('127.0.0.1', 9), timeout=1)",
        "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
        "import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', 'import socket as s; "
        's.gethostbyname("localhost")\']))',
    ],
)
def test_an_attempt_would_be_seen(blocked: dict[str, str], attempt: str) -> None:
    done = subprocess.run([sys.executable, "-c", attempt], env=blocked, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the network is blocked" in done.stderr
    assert Path(blocked["NETWORK_LOG"]).read_text().startswith("socket.")


def test_the_whole_way_asks_no_network(
    blocked: dict[str, str],
    small_kgx: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    commands: list[list[str]] = [
        ["build", str(small_kgx)],
        ["embed", "--epochs", "1", "--dim", "4"],
        ["train", "--epochs", "1"],
        ["generate", "-n", "1", "--tries", "1", "--threads", "1", "--width", "2", "--out", str(tmp_path / "notes")],
        ["qa", "-n", "3", "--hops", "1,2", "--split-by", "none", "--out", str(tmp_path / "qa")],
        ["query", "fever", "cough", "--path", "symptom/disease/drug", "--json"],
    ]
    for command in commands:
        full = [*KG, "-w", str(tmp_path / "w"), *command]
        done = subprocess.run(full, env=blocked, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert not Path(blocked["NETWORK_LOG"]).exists(), Path(blocked["NETWORK_LOG"]).read_text()
    assert Path(blocked["NETWORK_LOG"] + ".guarded").read_text().count("1") >= len(commands)
    (note,) = map(json.loads, (tmp_path / "notes" / "notes.jsonl").read_text(encoding="utf-8").splitlines())
    assert len(note["model_sha256"]) == 64
    assert len((tmp_path / "qa" / "train.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert json.loads(done.stdout)["answers"]
