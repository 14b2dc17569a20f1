"""The one family of errors that a user may meet.

Every message says which value was wrong, what was expected, and the next step. Only the CLI turns
an error into an exit code; libraries raise and never print.
"""

from collections.abc import Sequence
from pathlib import Path


class KGError(Exception):
    """Anything that a user can cause and mend; the message is one line."""


class SourceError(KGError):
    """A source file that can't be read as what it claims to be.

    :param path: the file.
    :param problem: what is wrong and what was expected.
    :param line: 1-based line number, where one line is to blame.
    :param column: name of the column, where one column is to blame.
    """

    def __init__(self, path: Path, problem: str, line: int | None = None, column: str | None = None) -> None:
        place = str(path)
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column '{column}'"
        super().__init__(f"{place}: {problem}")
        self.path, self.line, self.column = path, line, column


class UnknownNameError(KGError):
    """A name that matches nothing, with the nearest names that exist.

    :param kind: what was looked for ("entity", "node type", "language", ...).
    :param value: the text as the user gave it.
    :param suggestions: nearest known names, best first.
    :param hint: the next step when there is no near name.
    """

    def __init__(self, kind: str, value: str, suggestions: Sequence[str] = (), hint: str = "") -> None:
        message = f"unknown {kind} '{value}'"
        if suggestions:
            message += "; did you mean " + ", ".join(suggestions) + "?"
        elif hint:
            message += f"; {hint}"
        super().__init__(message)
        self.suggestions = tuple(suggestions)


class ArtifactError(KGError):
    """A built artifact (graph, embedding, reasoner, model) is missing, damaged or made from something else."""


class Interrupted(KGError):
    """The user stopped a long run; the message says what is kept."""
