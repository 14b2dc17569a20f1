"""A runtime that gives prepared answers in order; for tests of the loop around a model."""

from collections.abc import Iterable
from typing import Any

from generation.runtimes.contract import Completion, Request


class ScriptedRuntime:
    """Answers request after request from a list; a token is a word here.

    :param answers: the texts; the last one is repeated for ever.
    :param languages: see the contract.
    """

    def __init__(self, answers: Iterable[str], languages: tuple[str, ...] = ("en", "ru")) -> None:
        self._answers = list(answers)
        self.languages = languages
        self.requests: list[Request] = []

    @property
    def description(self) -> dict[str, Any]:
        """See the contract."""
        return {"model": "scripted", "sha256": "", "languages": list(self.languages)}

    def complete(self, request: Request) -> Completion:
        """See the contract."""
        text = self._answers[min(len(self.requests), len(self._answers) - 1)]
        self.requests.append(request)
        tokens, most = text.split(), request.sampling.max_tokens
        if len(tokens) > most:
            return Completion(" ".join(tokens[:most]), False, 0, most)
        return Completion(text, True, 0, len(tokens))
