"""Asks an OpenAI-compatible chat endpoint (OpenAI, llama-server, vLLM) for texts, several at once.

The prompt, examples included, goes to that server. The key is read from the environment and goes nowhere but into the
request's header; what a server says is cleaned of it before it gets into a message. A chat endpoint can't be made to
begin with given words: it is asked to, and :func:`with_opening` decides what to do with the answer.
"""

import os
import re
import threading
import unicodedata
from dataclasses import replace
from difflib import SequenceMatcher
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from generation.runtimes.contract import Completion, Message, Request
from kgengine.errors import KGError

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletion

KEY = "OPENAI_API_KEY"
BEGIN = {
    "en": "Begin the note with exactly these words and go on from there:",
    "ru": "Начни запись ровно этими словами и продолжай с этого места:",
}
"""The line before the opening, in the language of the opening's letters."""
_NO_KEY = "no-key"
_CONNECT_SECONDS = 10.0
_QUOTED = 200
"""Most characters of a server's own words in a message."""
_QUOTES = "\"'«»„“”‘’"
_SKIPPED = _QUOTES + "*`"


class EndpointRuntime:
    """A model behind an OpenAI-compatible endpoint.

    :param url: base URL, such as http://localhost:8080/v1.
    :param model: the server's name of the model.
    :param languages: languages that the model writes; English and Russian when None.
    :param width: requests at once.
    :param timeout: seconds to wait for an answer; the client asks up to three times.
    :raises KGError: the client is not installed, or the URL, the key or a number can't be right.
    """

    def __init__(
        self, url: str, model: str, languages: tuple[str, ...] | None = None, width: int = 8, timeout: float = 120
    ) -> None:
        try:
            import openai
        except ImportError:
            raise KGError("an endpoint needs the openai client; install it: pip install 'kg[endpoint]'") from None
        if width < 1 or timeout <= 0:
            raise KGError(f"width {width} and timeout {timeout} asked for; give a width of at least 1 and some seconds")
        parts = _split(url)
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
        self.model, self.languages, self.width, self._timeout = model, languages or ("en", "ru"), width, timeout
        self._client = openai.OpenAI(
            api_key=_key() or _NO_KEY,
            base_url=parts._replace(query="", fragment="").geturl(),
            default_query=dict(parse_qsl(parts.query)),
            timeout=openai.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
        )
        self._password, self._version = parts.password or "", openai.__version__
        self._plain, self._open = False, 0
        self._jobs: SimpleQueue[tuple[int, Request] | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[int, Completion | KGError]] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._stopped = threading.Event()
        self._failure: str | None = None

    @property
    def description(self) -> dict[str, Any]:
        """See the contract; what weights the server runs, nobody can tell from here."""
        return {
            "model": self.model,
            "name": self.model,
            "sha256": None,
            "lora_sha256": None,
            "languages": list(self.languages),
            "mode": "endpoint",
            "endpoint": self.url,
            "openai": self._version,
        }

    def submit(self, key: int, request: Request) -> None:
        """See the contract.

        :raises KGError: the runtime is closed.
        """
        if self._stopped.is_set() and self._failure is None:
            raise KGError(f"the connection to {self.url} was closed; make a new runtime")
        self._open += 1
        self._jobs.put((key, request))
        if len(self._threads) < min(self.width, self._open):
            # Daemons: an interrupted program ends at once, whatever they wait for.
            self._threads.append(threading.Thread(target=self._work, daemon=True))
            self._threads[-1].start()

    def collect(self) -> list[tuple[int, Completion]]:
        """See the contract.

        :raises KGError: a request failed: what is done is given first, then the same is raised for ever.
        """
        done: list[tuple[int, Completion]] = []
        while self._open and not ((done or self._failure) and self._answers.empty()):
            key, found = self._answers.get()
            self._open -= 1
            if isinstance(found, Completion):
                done.append((key, found))
            else:
                self._failure = self._failure or str(found)
                self._stopped.set()
        if self._failure and not done:
            raise KGError(self._failure)
        return done

    def close(self) -> None:
        """Drop what waits; nobody waits for what is being asked."""
        self._stopped.set()
        self._open = 0
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            if not self._stopped.is_set():
                self._answers.put((job[0], self._attempt(job[1])))

    def _attempt(self, request: Request) -> Completion | KGError:
        """Give the text or what went wrong: an error that stayed in its thread would let `collect` wait for ever."""
        try:
            return _completion(self._ask(request), request.opening, self.url)
        except KGError as error:
            return error
        except Exception as error:
            return KGError(self._reason(error))

    def _ask(self, request: Request) -> "ChatCompletion":
        """Ask with the fields that OpenAI does not know, and without them for good where they are refused."""
        from openai import APIStatusError

        penalty = request.sampling.repeat_penalty
        # vLLM's name of the penalty is repetition_penalty; what a local server doesn't know, it ignores.
        extra = {"min_p": request.sampling.min_p, "repeat_penalty": penalty, "repetition_penalty": penalty}
        if not self._plain:
            try:
                return self._create(request, extra)
            except APIStatusError as error:
                if error.status_code not in (400, 422):
                    raise
        answer = self._create(request, None)
        self._plain = True
        return answer

    def _create(self, request: Request, extra: dict[str, Any] | None) -> "ChatCompletion":
        return self._client.chat.completions.create(
            model=self.model,
            messages=cast(Any, [vars(turn) for turn in _turns(request)]),
            temperature=request.sampling.temperature,
            max_tokens=request.sampling.max_tokens,
            seed=request.seed % 2**31,
            extra_body=extra,
        )

    def _reason(self, error: Exception) -> str:
        """Say in one line what went wrong and what to do."""
        import openai

        if isinstance(error, openai.APITimeoutError) and type(error.__cause__).__name__ != "ConnectTimeout":
            asked = f"within {self._timeout:g} s, asked {self._client.max_retries + 1} times"
            return f"{self.url} gave no answer {asked}; lower the width, or see whether the server is busy"
        if isinstance(error, openai.APIConnectionError):
            return f"can't connect to {self.url}{self._quoted(error.__cause__)}; is the server running there?"
        if not isinstance(error, openai.APIStatusError):
            return f"{self.url} can't be asked: {type(error).__name__}{self._quoted(error)}"
        body, status = error.body, error.status_code
        said = self._quoted(body.get("message") or body.get("detail") if isinstance(body, dict) else body)
        if status in (401, 403):
            what = "wants a key" if self._client.api_key == _NO_KEY else "does not take the key"
            return f"{self.url} {what}; set {KEY} to one that may use the model {self.model} (HTTP {status})"
        if status == 404:
            return self._not_found(said)
        if status == 429:
            return f"{self.url} limits the rate of requests (HTTP 429){said}; lower the width, or go on later"
        todo = "try again later, or look into the server's log" if status >= 500 else "see what the server supports"
        return f"{self.url} failed on a request for {self.model} (HTTP {status}){said}; {todo}"

    def _not_found(self, said: str) -> str:
        """Tell an unknown model from a wrong URL by what the server lists."""
        try:
            names = [str(one.id) for one in self._client.with_options(max_retries=0).models.list().data]
        except Exception:
            names = []
        if not names or self.model in names:
            return f"{self.url} finds nothing (HTTP 404){said}; give the base URL, mostly ending in /v1"
        names.sort(key=lambda name: (-SequenceMatcher(None, self.model, name).ratio(), name))
        return f"{self.url} has no model '{self.model}'; give one that it has{self._quoted(', '.join(names))}"

    def _quoted(self, what: object) -> str:
        """Put a server's or library's words in brackets, on one line, without the key and the password."""
        text = str(what or "")
        for secret in (self._client.api_key, self._password, unquote(self._password)):
            text = text.replace(secret, "***") if secret else text
        text = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        return f" ({text[:_QUOTED]}{'...' if len(text) > _QUOTED else ''})" if text else ""


def with_opening(opening: str, answer: str) -> str | None:
    """Make an answer begin with the words that it was asked to begin with.

    The first rule that applies decides. Compared are letters, digits and punctuation; case, blanks, quotes, the kind of
    dash, and the marks * and ` of Markdown don't count. Quotes around the whole answer are taken off.

    1. A line of the answer begins with the opening: what precedes it is dropped, the opening's own spelling is taken.
    2. The answer begins with the end of the opening, from some word on: it is joined there.
    3. The answer goes on: within a sentence with a small letter or punctuation, after one with neither, after a colon
       or a line break with anything. It is joined, unless its first two words are the opening's: it then began anew.

    :param opening: the words.
    :param answer: what the model said.
    :returns: the text, stripped; None when the answer is something else, which joined would be no sentence.
    """
    answer = answer.strip()
    if answer[:1] and answer[0] in _QUOTES:
        answer = answer.strip(_QUOTES).strip()
    if not _compared(opening):
        return answer
    rest = _rest(opening, answer)
    return None if rest is None else (opening + (rest.lstrip() if opening[-1].isspace() else rest)).strip()


def _rest(opening: str, answer: str) -> str | None:
    for line in re.finditer(r"^", answer, re.MULTILINE):
        if (rest := _behind(opening, answer[line.start() :])) is not None:
            return rest
    for word in re.finditer(r"\b\w", opening):
        if (rest := _behind(opening[word.start() :], answer)) is not None and not rest[:1].isalnum():
            return rest
    first, last = answer[:1], opening.rstrip(" " + _QUOTES)[-1:]
    begun, beginning = (re.findall(r"[\w-]+", text.casefold())[:2] for text in (opening, answer))
    inside = first.islower() or (first in ",;:.!?)–—-")
    if not first or begun == beginning or (last not in (":", "\n") and inside == (last in (".", "!", "?"))):
        return None
    return answer if first in ",;:.!?)" else " " + answer


def _behind(words: str, text: str) -> str | None:
    """Give what follows the words with which a text begins; None when it begins otherwise."""
    wanted, found = _compared(words), _compared(text)
    if not wanted or [char for _, char in found[: len(wanted)]] != [char for _, char in wanted]:
        return None
    return text[found[len(wanted) - 1][0] + 1 :].lstrip(_SKIPPED)


def _compared(text: str) -> list[tuple[int, str]]:
    """Give the characters that count, folded, with their places."""
    counted = [(place, char) for place, char in enumerate(text) if not char.isspace() and char not in _SKIPPED]
    return [(place, "-" if unicodedata.category(char) == "Pd" else char.casefold()) for place, char in counted]


def _turns(request: Request) -> tuple[Message, ...]:
    if not request.opening.strip():
        return request.messages
    line = BEGIN["ru" if re.search("[а-яё]", request.opening.lower()) else "en"]
    last = request.messages[-1]
    return (*request.messages[:-1], replace(last, content=f"{last.content}\n{line}\n{request.opening.strip()}"))


def _completion(answer: Any, opening: str, url: str) -> Completion:
    try:
        choice, usage = answer.choices[0], answer.usage
        text = with_opening(opening, choice.message.content or "")
        spent = (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
    except (AttributeError, IndexError, TypeError):
        raise KGError(f"{url} answers, but not as a chat endpoint; give the base URL, mostly ending in /v1") from None
    finished = text is not None and choice.finish_reason == "stop"
    return Completion(opening.strip() if text is None else text, finished, *spent)


def _key() -> str:
    key = os.environ.get(KEY, "").strip()
    if not re.fullmatch(r"[!-~]*", key):
        raise KGError(f"the environment variable {KEY} holds characters that no key has; set it anew")
    return key


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        shown = url.rpartition("@")[2].partition("?")[0]
        raise KGError(f"'{shown}' is no URL of an endpoint; give one such as http://localhost:8080/v1")
    return parts._replace(path=parts.path.rstrip("/"))
