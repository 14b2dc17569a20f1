"""A runtime behind an OpenAI-compatible endpoint, asked over real HTTP: a server of this test answers it, refuses it,
keeps it waiting, or tells it its own key.
"""

import json
import logging
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from email.message import Message as HeaderMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from generation.notes import NoteConfig, NoteWriter
from generation.records import note_record
from generation.runtimes.contract import Completion, Message, Request, Sampling, complete
from generation.runtimes.endpoint import BEGIN, KEY, EndpointRuntime, with_opening
from generation.verification import INVENTED
from kgengine.bundles import Bundle, BundleSampler, Fact
from kgengine.errors import KGError
from kgengine.graph import Graph

pytest.importorskip("openai", reason="the extra 'endpoint' is not installed")

SECRET = "sk-proj-0123456789abcdefSECRET"
CHAT = (Message("system", "You write notes."), Message("user", "Symptoms: cough; fever"))
REQUEST = Request(CHAT, "The patient", 2**31 + 5, Sampling(0.7, 0.2, 1.1, 40))
Answer = tuple[int, Any]


def said(text: str, finish: str = "stop") -> Answer:
    """A chat completion as OpenAI words it."""
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return 200, {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "m",
        "choices": [choice],
        "usage": usage,
    }


def refused(status: int, message: str) -> Answer:
    """An error as OpenAI words it."""
    return status, {"error": {"message": message, "type": "t", "param": None, "code": None}}


class ChatServer(ThreadingHTTPServer):
    """Answers chats by `answer`, lists `models`, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer: Callable[[dict[str, Any]], Answer] = lambda body: said("The patient coughs.")
        self.models: Answer = (200, {"object": "list", "data": [{"id": "toy", "object": "model"}]})
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[HeaderMessage] = []
        self.paths: list[str] = []

    def handle_error(self, *_: object) -> None:
        """Print nothing of clients that went away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    """Speaks /v1/chat/completions and /v1/models."""

    server: ChatServer

    def do_GET(self) -> None:
        known = self.path.partition("?")[0] == "/v1/models"
        self.reply(*(self.server.models if known else refused(404, "no such page")))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths.append(self.path)
        self.server.headers.append(self.headers)
        self.server.bodies.append(body)
        known = self.path.partition("?")[0] == "/v1/chat/completions"
        self.reply(*(self.server.answer(body) if known else refused(404, "no such page")))

    def reply(self, status: int, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        self.send_response(status)
        self.send_header("Content-Type", "text/html" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.send_header("Retry-After-Ms", "1")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """A running server, and no key in the environment."""
    monkeypatch.delenv(KEY, raising=False)
    running = ChatServer()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def failure(runtime: EndpointRuntime, request: Request = REQUEST) -> str:
    """Submit a request that fails; give the message."""
    runtime.submit(0, request)
    with pytest.raises(KGError) as caught:
        runtime.collect()
    assert "\n" not in str(caught.value)
    return str(caught.value)


# -- asking ------------------------------------------------------------------------------------------------------------


def test_a_request_carries_chat_sampling_and_the_line_about_the_opening(server: ChatServer) -> None:
    completion = complete(EndpointRuntime(server.url, "toy"), REQUEST)
    assert completion == Completion("The patient coughs.", True, 11, 7)
    (body,) = server.bodies
    assert (body["model"], body["seed"], body["temperature"], body["max_tokens"]) == ("toy", 5, 0.7, 40)
    assert (body["min_p"], body["repeat_penalty"], body["repetition_penalty"]) == (0.2, 1.1, 1.1)
    last = f"Symptoms: cough; fever\n{BEGIN['en']}\nThe patient"
    assert body["messages"] == [
        {"role": "system", "content": "You write notes."},
        {"role": "user", "content": last},
    ]
    assert server.headers[0]["Authorization"] == "Bearer no-key"


def test_a_russian_opening_is_asked_for_in_russian_and_an_empty_one_not_at_all(server: ChatServer) -> None:
    runtime = EndpointRuntime(server.url, "toy")
    server.answer = lambda body: said("Жалобы на кашель.")
    assert complete(runtime, Request(CHAT, "Жалобы на", 1, Sampling())).text == "Жалобы на кашель."
    assert complete(runtime, Request(CHAT, "", 1, Sampling())).text == "Жалобы на кашель."
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert asked == [f"{CHAT[-1].content}\n{BEGIN['ru']}\nЖалобы на", CHAT[-1].content]


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        ("The patient has a", "length", Completion("The patient has a", False, 11, 7)),
        ("I can't help with that.", "stop", Completion("The patient", False, 11, 7)),
        ("", "content_filter", Completion("The patient", False, 11, 7)),
        (None, "stop", Completion("The patient", False, 11, 7)),
    ],
)
def test_a_cut_or_refused_answer_is_not_finished(server: ChatServer, text: Any, finish: str, expected: Any) -> None:
    server.answer = lambda body: said(text, finish)
    assert complete(EndpointRuntime(server.url, "toy"), REQUEST) == expected


def test_so_many_requests_as_the_width_overlap_and_no_more(server: ChatServer) -> None:
    barrier, lock, counts = threading.Barrier(4), threading.Lock(), [0, 0]

    def answer(body: dict[str, Any]) -> Answer:
        with lock:
            counts[0] += 1
            counts[1] = max(counts)
        barrier.wait(10)
        with lock:
            counts[0] -= 1
        return said(f"The patient is number {body['seed']}.")

    server.answer = answer
    runtime = EndpointRuntime(server.url, "toy", width=4)
    for key in range(8):
        runtime.submit(key, Request(CHAT, "The patient", key, Sampling()))
    done: dict[int, str] = {}
    while len(done) < 8:
        done.update((key, completion.text) for key, completion in runtime.collect())
    assert done == {key: f"The patient is number {key}." for key in range(8)}
    assert counts == [0, 4]
    assert runtime.collect() == []


def test_what_is_done_does_not_wait_for_what_is_not(server: ChatServer) -> None:
    held = threading.Event()

    def answer(body: dict[str, Any]) -> Answer:
        if body["seed"] == 0:
            held.wait(10)
        return said("The patient coughs.")

    server.answer = answer
    runtime = EndpointRuntime(server.url, "toy", width=2)
    for key in range(2):
        runtime.submit(key, Request(CHAT, "The patient", key, Sampling()))
    assert [key for key, _ in runtime.collect()] == [1]
    held.set()
    assert [key for key, _ in runtime.collect()] == [0]


@pytest.mark.parametrize("status", [400, 422])
def test_an_endpoint_that_refuses_unknown_fields_is_asked_without_them_from_then_on(
    server: ChatServer, status: int
) -> None:
    def answer(body: dict[str, Any]) -> Answer:
        known = "min_p" not in body and "repeat_penalty" not in body and "repetition_penalty" not in body
        return said("The patient coughs.") if known else refused(status, "Unrecognized argument: min_p")

    server.answer = answer
    runtime = EndpointRuntime(server.url, "toy")
    assert [complete(runtime, REQUEST).text for _ in range(3)] == ["The patient coughs."] * 3
    assert ["min_p" in body for body in server.bodies] == [True, False, False, False]
    assert all(body["max_tokens"] == 40 for body in server.bodies)


def test_a_request_refused_for_another_reason_says_it(server: ChatServer) -> None:
    server.answer = lambda body: refused(400, "the prompt\nis too long")
    found = failure(EndpointRuntime(server.url, "toy"))
    assert found == (
        f"{server.url} failed on a request for toy (HTTP 400) (the prompt is too long); see what the server supports"
    )
    assert len(server.bodies) == 2


def test_a_rate_limit_is_waited_for_by_the_client_and_then_told(server: ChatServer) -> None:
    server.answer = lambda body: said("The patient is well.") if len(server.bodies) == 3 else refused(429, "slowly")
    runtime = EndpointRuntime(server.url, "toy")
    assert complete(runtime, REQUEST).text == "The patient is well."
    server.answer = lambda body: refused(429, "slowly")
    assert "limits the rate of requests (HTTP 429) (slowly); lower the width" in failure(runtime)
    assert len(server.bodies) == 6


# -- failing -----------------------------------------------------------------------------------------------------------


def test_a_key_that_is_wanted_or_wrong_is_told_apart(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer = lambda body: refused(401, "Incorrect API key provided: sk-pro***RET")
    without = failure(EndpointRuntime(server.url, "toy"))
    assert without == f"{server.url} wants a key; set {KEY} to one that may use the model toy (HTTP 401)"
    monkeypatch.setenv(KEY, SECRET)
    server.answer = lambda body: refused(403, "not for you")
    assert failure(EndpointRuntime(server.url, "toy")).startswith(
        f"{server.url} does not take the key; set {KEY} to one"
    )


def test_an_unknown_model_and_a_wrong_url_are_told_apart(server: ChatServer) -> None:
    server.answer = lambda body: refused(404, "The model does not exist")
    server.models = (200, {"object": "list", "data": [{"id": one} for one in ("whisper", "toy-large", "toy-mini")]})
    found = failure(EndpointRuntime(server.url, "toy-lage"))
    assert found == f"{server.url} has no model 'toy-lage'; give one that it has (toy-large, toy-mini, whisper)"
    wrong = server.url.removesuffix("/v1")
    expected = f"{wrong} finds nothing (HTTP 404) (no such page); give the base URL, mostly ending in /v1"
    assert failure(EndpointRuntime(wrong, "toy")) == expected


@pytest.mark.parametrize("answer", [(200, "<html>Welcome</html>"), (200, {}), (200, {"choices": []}), (200, [1])])
def test_an_answer_that_is_no_chat_is_no_crash(server: ChatServer, answer: Answer) -> None:
    server.answer = lambda body: answer
    assert "answers, but not as a chat endpoint" in failure(EndpointRuntime(server.url, "toy"))


def test_a_server_that_is_not_there_and_one_that_is_silent(server: ChatServer) -> None:
    silent = threading.Event()
    server.answer = lambda body: (silent.wait(20), said("late"))[1]
    runtime = EndpointRuntime(server.url, "toy", timeout=0.2)
    assert failure(runtime) == (
        f"{server.url} gave no answer within 0.2 s, asked 3 times; lower the width, or see whether the server is busy"
    )
    silent.set()
    free = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    free.server_close()
    found = failure(EndpointRuntime(f"http://127.0.0.1:{free.server_port}/v1", "toy"))
    assert found.startswith(f"can't connect to http://127.0.0.1:{free.server_port}/v1 (")
    assert found.endswith("; is the server running there?")


def test_after_a_failure_what_was_done_is_given_and_nothing_more_is_asked(server: ChatServer) -> None:
    server.answer = lambda body: refused(404, "gone") if body["seed"] == 1 else said("The patient coughs.")
    runtime = EndpointRuntime(server.url, "toy", width=1)
    for key in range(5):
        runtime.submit(key, Request(CHAT, "The patient", key, Sampling()))
    given: list[int] = []

    def collect_all() -> None:
        while True:
            given.extend(key for key, _ in runtime.collect())

    with pytest.raises(KGError, match="finds nothing"):
        collect_all()
    assert given[0] == 0
    assert 1 not in given
    runtime.submit(5, Request(CHAT, "The patient", 5, Sampling()))
    with pytest.raises(KGError, match="finds nothing"):
        collect_all()
    time.sleep(0.1)
    assert 5 not in [body["seed"] for body in server.bodies]


def test_closing_does_not_wait_and_drops_what_waits(server: ChatServer) -> None:
    begun, held = threading.Event(), threading.Event()

    def answer(body: dict[str, Any]) -> Answer:
        begun.set()
        held.wait(10)
        return said("The patient coughs.")

    server.answer = answer
    runtime = EndpointRuntime(server.url, "toy", width=1)
    for key in range(3):
        runtime.submit(key, REQUEST)
    assert begun.wait(10)
    start = time.monotonic()
    runtime.close()
    assert time.monotonic() - start < 1
    assert runtime.collect() == []
    with pytest.raises(KGError, match="was closed; make a new runtime"):
        runtime.submit(3, REQUEST)
    held.set()
    (worker,) = runtime._threads
    worker.join(10)
    assert not worker.is_alive()
    assert len(server.bodies) == 1


def test_an_interrupt_does_not_wait_for_the_server(server: ChatServer) -> None:
    begun, held = threading.Event(), threading.Event()
    server.answer = lambda body: (begun.set(), held.wait(30), said("late"))[-1]
    code = (
        "from generation.runtimes.contract import *\n"
        "from generation.runtimes.endpoint import EndpointRuntime\n"
        f"complete(EndpointRuntime({server.url!r}, 'toy'), Request((Message('user', 'x'),), 'y', 1, Sampling()))\n"
    )
    root = Path(__file__).parent.parent
    with subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE, text=True) as child:
        assert begun.wait(30)
        child.send_signal(signal.SIGINT)
        start = time.monotonic()
        _, errors = child.communicate(timeout=20)
        assert time.monotonic() - start < 10
    held.set()
    assert errors.strip().endswith("KeyboardInterrupt")


# -- what it is, and what it never tells -------------------------------------------------------------------------------


def test_a_description_is_plain_data_without_user_and_query(server: ChatServer) -> None:
    import openai

    url = server.url.replace("//", "//me:hidden@") + "/?token=hidden"
    runtime = EndpointRuntime(url, "toy", ("ru",), width=3)
    assert runtime.description == {
        "model": "toy",
        "name": "toy",
        "sha256": None,
        "lora_sha256": None,
        "languages": ["ru"],
        "mode": "endpoint",
        "endpoint": server.url,
        "openai": openai.__version__,
    }
    assert (runtime.languages, runtime.width) == (("ru",), 3)
    assert EndpointRuntime(server.url, "toy").languages == ("en", "ru")
    assert complete(runtime, REQUEST).finished
    assert server.paths == ["/v1/chat/completions?token=hidden"]
    server.answer = lambda body: refused(500, "hidden away")
    assert "hidden" not in failure(runtime)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 418, 429, 500])
def test_the_key_is_sent_and_never_told(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv(KEY, f" {SECRET}\n")
    server.answer = lambda body: (status, f"<p>{SECRET}") if status == 200 else refused(status, f"wrong: {SECRET}")
    server.models = (200, {"data": [{"id": SECRET}]})
    runtime = EndpointRuntime(server.url, "toy")
    runtime.submit(0, REQUEST)
    with pytest.raises(KGError) as caught:
        runtime.collect()
    assert server.headers[0]["Authorization"] == f"Bearer {SECRET}"
    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    told = [str(error), repr(error), *traceback.format_exception(error), repr(runtime), str(runtime.description)]
    assert caplog.text
    assert [one for one in (*told, caplog.text, repr(vars(runtime))) if SECRET in one] == []


@pytest.mark.parametrize("key", ["sk-abc\ndef", "sk-абв", "sk abc"])
def test_a_broken_key_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv(KEY, key)
    with pytest.raises(KGError) as caught:
        EndpointRuntime("http://127.0.0.1:9/v1", "toy")
    assert str(caught.value) == f"the environment variable {KEY} holds characters that no key has; set it anew"


@pytest.mark.parametrize(
    "url", ["localhost:8080/v1", "ftp://host/v1", "http:///v1", "http://me:hidden@host:port/v1", ""]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(KGError, match="is no URL of an endpoint; give one such as http://localhost:8080/v1") as caught:
        EndpointRuntime(url, "toy")
    assert "hidden" not in str(caught.value)


def test_no_width_and_no_client_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KGError, match="width 0 and timeout 120 asked for"):
        EndpointRuntime("http://127.0.0.1:9/v1", "toy", width=0)
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(KGError, match=r"install it: pip install 'kg\[endpoint\]'"):
        EndpointRuntime("http://127.0.0.1:9/v1", "toy")


# -- the opening -------------------------------------------------------------------------------------------------------

COUGH = "A 52-year-old woman presents with cough"
TWO = COUGH + ". She also reports fever"


@pytest.mark.parametrize(
    ("opening", "answer", "expected"),
    [
        # begins with it
        (COUGH, COUGH + " and fever.\n", COUGH + " and fever."),
        (COUGH, COUGH, COUGH),
        (COUGH, "a 52‑year‑old  WOMAN presents\nwith cough, fever.", COUGH + ", fever."),
        (COUGH, f'"{COUGH} and fever."', COUGH + " and fever."),
        (COUGH, f"“{COUGH}” and fever.", COUGH + " and fever."),
        (COUGH, f"**{COUGH}** and fever.", COUGH + " and fever."),
        (COUGH, f"Here is the note:\n\n{COUGH} and fever.", COUGH + " and fever."),
        ("Complaints: cough.\n", "Complaints: cough.\n\nHistory: none.", "Complaints: cough.\nHistory: none."),
        ("Жалобы на кашель", "жалобы на «кашель», насморк.", "Жалобы на кашель, насморк."),
        # begins with its end
        (TWO, "She also reports fever and chills.", TWO + " and chills."),
        (COUGH, "Cough and fever.", COUGH + " and fever."),
        (COUGH, "coughing fits and fever.", COUGH + " coughing fits and fever."),
        # goes on
        (COUGH, "and fever.", COUGH + " and fever."),
        (COUGH, ", fever.", COUGH + ", fever."),
        (COUGH, ". She has fever.", COUGH + ". She has fever."),
        (TWO + ".", "She was prescribed amoxicillin.", TWO + ". She was prescribed amoxicillin."),
        ("Cough.\n", "History: none.", "Cough.\nHistory: none."),
        ("Осмотр:", "состояние удовлетворительное.", "Осмотр: состояние удовлетворительное."),
        ("", ' "Cough." ', "Cough."),
        # something else
        (COUGH, "The patient is a woman with cough.", None),
        (COUGH, "I'm sorry, but I can't help with that.", None),
        (TWO + ".", "A 52-year-old lady has cough and fever.", None),
        (TWO + ".", "and chills.", None),
        (COUGH, "", None),
        (COUGH, '""', None),
    ],
)
def test_an_answer_is_made_to_begin_with_its_opening_or_thrown_away(
    opening: str, answer: str, expected: str | None
) -> None:
    assert with_opening(opening, answer) == expected


# -- notes -------------------------------------------------------------------------------------------------------------


def noted(body: dict[str, Any]) -> Answer:
    """Word a note from the request alone, beginning as asked, as an obedient model would."""
    asked, _, opening = body["messages"][-1]["content"].partition(f"\n{BEGIN['en']}\n")
    facts = dict(line.split(": ", 1) for line in asked.splitlines())
    symptoms = [one for one in facts["Symptoms"].split("; ") if one not in opening]
    drugs = [one for one in facts.get("Treatment", "").split("; ") if one and one not in opening]
    text = opening + "".join(f", {one}" for one in symptoms)
    return said(text + "." + (f" Started on {' and '.join(drugs)}." if drugs else ""))


def test_notes_are_written_through_the_endpoint_and_verified(
    core: Graph, server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    server.answer = noted
    bundles = list(BundleSampler(core, np.full(core.num_edges, 0.5, np.float32)).draw(seed=3, count=12))
    writer = NoteWriter(core, NoteConfig(), EndpointRuntime(server.url, "toy", width=4))
    notes = list(writer.write(bundles))
    assert sorted(note.bundle.index for note in notes) == list(range(12))
    assert [note.text for note in notes if not note.verdict.accepted] == []
    records = json.dumps([note_record(writer, note, True) for note in notes]) + json.dumps(writer.provenance)
    assert SECRET not in records
    assert f'"endpoint": "{server.url}"' in records


def test_a_faulty_note_is_mended_from_where_it_was_right(core: Graph, server: ChatServer) -> None:
    symptoms = tuple(Fact(core.resolve(one), (0,), 0.5) for one in ("HP:0012735", "HP:0001945"))
    drug = Fact(core.resolve("ATC:R05CB01"), (0,), 0.5)
    patient = Bundle(7, 99, core.resolve("ICD10:J20"), 52, "female", symptoms, (drug,))
    answers = ["and fever. There is vertigo. Started on acetylcysteine.", "Started on acetylcysteine."]
    server.answer = lambda body: said(answers[len(server.bodies) - 1])
    (note,) = NoteWriter(core, NoteConfig(), EndpointRuntime(server.url, "toy")).write([patient])
    assert note.verdict.accepted
    assert note.text == f"{COUGH} and fever. Started on acetylcysteine."
    (reasons,) = note.failures
    assert INVENTED in reasons
    first, second = (body["messages"][-1]["content"] for body in server.bodies)
    assert first.endswith(f"\n{BEGIN['en']}\n{COUGH}")
    assert second.endswith(f"Do not write: vertigo\n{BEGIN['en']}\n{COUGH} and fever.")
