"""The contract that every runtime keeps."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn.

    :ivar temperature: 0 for the likeliest token each time; lower is more literal.
    :ivar min_p: tokens below this share of the likeliest token's probability are dropped (Nguyen et al.
        2024, arXiv 2407.01082).
    :ivar repeat_penalty: at least 1; divides the logits of recent tokens.
    :ivar max_tokens: most tokens of an answer.
    """

    temperature: float = 0.5
    min_p: float = 0.1
    repeat_penalty: float = 1.05
    max_tokens: int = 160

    def to_json(self) -> dict[str, Any]:
        """Give the fields as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Message:
    """One turn of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Request:
    """One text to write.

    :ivar messages: the chat so far; it ends with the user's turn.
    :ivar opening: words that the answer begins with; the runtime continues them.
    :ivar seed: of the sampler.
    :ivar enough: told the text so far whenever a sentence has ended; True ends the text there. A runtime that
        sees a text only when it is whole may leave it unasked.
    """

    messages: tuple[Message, ...]
    opening: str
    seed: int
    sampling: Sampling
    enough: Callable[[str], bool] | None = None


@dataclass(frozen=True)
class Completion:
    """One written text, `opening` included; `finished` is False when the token limit cut it off."""

    text: str
    finished: bool
    prompt_tokens: int
    answer_tokens: int


class Runtime(Protocol):
    """Writes texts, `width` of them at once; further requests wait."""

    @property
    def description(self) -> dict[str, Any]:
        """What wrote the texts: `model` (name), `sha256`, `languages`, library versions."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that the model is known to write."""

    @property
    def width(self) -> int:
        """How many requests are worked on at once, at least 1."""

    def submit(self, key: int, request: Request) -> None:
        """Take a request; its text comes back with the same key."""

    def collect(self) -> list[tuple[int, Completion]]:
        """Work until at least one text is done and give what is done; [] when nothing was submitted."""


def complete(runtime: Runtime, request: Request) -> Completion:
    """Write one text alone.

    :param runtime: a runtime with nothing in work.
    :param request: the text to write.
    """
    runtime.submit(0, request)
    ((_, completion),) = runtime.collect()
    return completion
