"""A runtime that gives prepared answers in order; for tests of the loop around a model."""

from collections.abc import Iterable
from typing import Any

from generation.runtimes.contract import Completion, Request


class ScriptedRuntime:
    """Answers request after request from a list, the latest request first when `width` is above 1; a token is a word.

    :param answers: the texts; the last one is repeated for ever.
    :param languages: see the contract.
    :param width: see the contract.
    """

    def __init__(self, answers: Iterable[str], languages: tuple[str, ...] = ("en", "ru"), width: int = 1) -> None:
        self._answers = list(answers)
        self._done: list[tuple[int, Completion]] = []
        self.languages, self.width = languages, width
        self.requests: list[Request] = []

    @property
    def description(self) -> dict[str, Any]:
        """See the contract."""
        return {"model": "scripted", "sha256": "", "languages": list(self.languages)}

    def submit(self, key: int, request: Request) -> None:
        """See the contract."""
        text = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        tokens, most = text.split(), request.sampling.max_tokens
        short = len(tokens) <= most
        self._done.append(
            (key, Completion(text if short else " ".join(tokens[:most]), short, 0, min(len(tokens), most)))
        )

    def collect(self) -> list[tuple[int, Completion]]:
        """See the contract."""
        return [self._done.pop()] if self._done else []
