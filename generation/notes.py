"""Writes one verified note per bundle: word it, review it, mend the faulty sentence, try another seed, else reject.

A rejected item is a note too: it carries its last text and the reasons. Nothing is dropped, nothing that
fails the review is passed, and no file is touched here (see `generation.dataset`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from generation.examples import Example, ExampleShelf, OwnNote, stock_sentences
from generation.kinds import Kind, kind_of
from generation.overlap import Overlap
from generation.prompts import Facts, Wording, facts_of
from generation.repair import Mender
from generation.review import Review, Reviewer
from generation.runtimes.contract import Completion, Message, Request, Runtime, Sampling
from generation.styles import TERSE_USUAL, Style
from generation.verification import Verdict
from kgengine.bundles import Bundle
from kgengine.errors import KGError
from kgengine.graph import Graph
from kgengine.seeding import item_rng, item_seed

TEMPLATE = "template"
_STUCK = 200
"""A repair that fails within so many characters failed at the same place."""


@dataclass(frozen=True)
class NoteConfig:
    """How to write.

    :ivar lang: "en" or "ru".
    :ivar kind: complaints, anamnesis or visit.
    :ivar tries: texts begun for a bundle before it is rejected, at least 1.
    :ivar repairs: times that a text is mended before another is begun.
    :ivar name_diagnosis: True when the note shall name the diagnosis.
    :ivar sampling: of the model; the kind limits the tokens further.
    :ivar style: what is done to the wording.
    :ivar examples: example notes a prompt.
    :ivar embellished: True lets the text say what no fact supports and nothing can verify (course, circumstances).
    """

    lang: str = "en"
    kind: str = "anamnesis"
    tries: int = 4
    repairs: int = 4
    name_diagnosis: bool = False
    sampling: Sampling = field(default_factory=Sampling)
    style: Style = field(default_factory=Style)
    examples: int = 3
    embellished: bool = False


@dataclass(frozen=True)
class Note:
    """One written item.

    :ivar bundle: the facts.
    :ivar text: the accepted text, or the last one tried.
    :ivar verdict: of that text.
    :ivar overlap: of that text with the nearest example.
    :ivar prompt: the last turn of the chat that wrote it.
    :ivar examples: what the model was shown.
    :ivar seed: the seed that wrote it.
    :ivar tries: texts begun.
    :ivar texts: texts written, repairs included.
    :ivar failures: reasons of every text that was thrown away or mended, one tuple a text.
    """

    bundle: Bundle
    text: str
    verdict: Verdict
    overlap: Overlap
    prompt: str
    examples: tuple[Example, ...]
    seed: int
    tries: int
    failures: tuple[tuple[str, ...], ...]

    @property
    def texts(self) -> int:
        """Texts written."""
        return len(self.failures) + self.verdict.accepted


@dataclass
class _Item:
    """A bundle in work."""

    bundle: Bundle
    facts: Facts
    names: dict[str, str]
    examples: tuple[Example, ...]
    attempt: int = 0
    repairs: int = 0
    seed: int = 0
    prompt: str = ""
    opening: str = ""
    failures: list[tuple[str, ...]] = field(default_factory=list)


class NoteWriter:
    """Writes notes of one graph with one runtime, or without a model.

    :param graph: the graph.
    :param config: how to write.
    :param runtime: the model; None words notes from templates.
    :param own: example notes of the user's.
    :param templates: folder of templates of the user's own.
    :raises KGError: the language or kind is unknown, the model does not write the language, or a template is wrong.
    """

    def __init__(
        self,
        graph: Graph,
        config: NoteConfig,
        runtime: Runtime | None,
        own: list[OwnNote] | None = None,
        templates: Path | None = None,
    ) -> None:
        self.graph, self.config, self.runtime = graph, config, runtime
        self.kind: Kind = kind_of(config.kind)
        self._wording = Wording(config.kind, config.lang, templates)
        if config.style.terse:
            self._wording.check_terse()
        if config.tries < 1:
            raise KGError(f"{config.tries} tries asked for; give at least 1")
        if runtime is not None and config.lang not in runtime.languages:
            known, model = ", ".join(runtime.languages), runtime.description["model"]
            raise KGError(
                f"the model {model} writes {known}, not {config.lang}; give --model a model that does "
                f"(with --model-languages {config.lang}), or word the notes with --template-only"
            )
        self.shelf = ExampleShelf(graph, self.kind, config.lang, own, config.examples)
        shown = [(one.id, one.text) for one in self.shelf.shown]
        self._reviewer = Reviewer(
            graph,
            self.kind,
            config.lang,
            config.name_diagnosis,
            shown,
            [*stock_sentences(self.shelf.exemplars), *self._wording.stock()],
            config.embellished or runtime is None,
        )
        most = min(config.sampling.max_tokens, self.kind.max_tokens)
        self._sampling = replace(config.sampling, max_tokens=most)

    def write(self, bundles: Iterable[Bundle]) -> Iterator[Note]:
        """Write one note per bundle; with a runtime of width 1, and without one, in order, else as they are done."""
        if self.runtime is None:
            yield from (self._from_template(bundle) for bundle in bundles)
            return
        waiting, numbers, in_work = iter(bundles), count(), dict[int, _Item]()
        while True:
            while len(in_work) < self.runtime.width and (bundle := next(waiting, None)) is not None:
                number = next(numbers)
                in_work[number] = self._begin(bundle)
                self.runtime.submit(number, self._fresh(in_work[number]))
            if not in_work:
                return
            for number, completion in self.runtime.collect():
                found = self._judge(in_work[number], completion)
                if isinstance(found, Request):
                    self.runtime.submit(number, found)
                else:
                    del in_work[number]
                    yield found

    def requests(self, bundle: Bundle) -> tuple[Message, ...]:
        """Give the chat that asks for a bundle's note."""
        item = self._begin(bundle)
        return self._wording.messages(item.facts, item.examples)

    def _begin(self, bundle: Bundle) -> _Item:
        told = self.kind.told(bundle)
        style = self.config.style
        varied = item_rng(bundle.seed, "wording", 0) if style.varied or style.terse else None
        if varied is not None and style.terse and varied.random() < TERSE_USUAL:
            varied = None
        facts = facts_of(self.graph, told, self.config.lang, self.config.name_diagnosis, varied)
        nodes = [self.graph.id(fact.node) for fact in (*told.symptoms, *told.drugs)]
        names = dict(zip(nodes, (*facts.symptoms, *facts.drugs), strict=True))
        code = self.graph.id(bundle.disease).removeprefix("ICD10:")
        examples = self.shelf.choose(code, item_rng(bundle.seed, "examples", 0)) if self.runtime else []
        return _Item(bundle, facts, names, tuple(examples))

    def _fresh(self, item: _Item) -> Request:
        item.repairs = 0
        item.seed = item_seed(item.bundle.seed, "note", item.attempt)
        return self._request(item, item.facts, self._wording.block("opening", item.facts))

    def _request(self, item: _Item, facts: Facts, opening: str) -> Request:
        messages = self._wording.messages(facts, item.examples)
        told = self.kind.told(item.bundle)
        item.prompt, item.opening = messages[-1].content, opening
        seed = item_seed(item.seed, "repair", item.repairs) if item.repairs else item.seed

        def enough(text: str) -> bool:
            return self._reviewer.settled(text, told)

        return Request(messages, opening, seed, self._sampling, enough)

    def _judge(self, item: _Item, completion: Completion) -> Note | Request:
        """Give the note when the item is done, else the next request."""
        told = self.kind.told(item.bundle)
        text = self._reviewer.shortened(completion.text, told)
        review = self._reviewer.review(text, told, completion.finished or text != completion.text)
        if review.verdict.accepted:
            return self._note(item, text, review)
        item.failures.append(review.verdict.reasons)
        if item.repairs < self.config.repairs:
            again = item.repairs > 0 and len(text) - len(item.opening) < _STUCK
            mender = Mender(self._wording, self.kind, item.facts, item.names)
            repair = mender.plan(text, review.verdict, again, item_rng(item.seed, "stock", item.repairs))
            if repair is not None:
                item.repairs += 1
                return self._request(item, repair.facts, repair.opening)
        if item.attempt + 1 < self.config.tries:
            item.attempt += 1
            return self._fresh(item)
        return self._note(item, text, review)

    def _note(self, item: _Item, text: str, review: Review) -> Note:
        if review.verdict.accepted:
            text, review = self._styled(item.bundle, text, review)
        failures = tuple(item.failures)
        return Note(
            item.bundle, text, review.verdict, review.overlap, item.prompt, item.examples, item.seed,
            item.attempt + 1, failures,
        )  # fmt: skip

    def _from_template(self, bundle: Bundle) -> Note:
        item = self._begin(bundle)
        item.seed = item_seed(bundle.seed, "note", 0)
        text = self._wording.note(item.facts, item_rng(item.seed, TEMPLATE, 0), self.config.style.terse)
        review = self._reviewer.review(self._ended(text), self.kind.told(bundle))
        if not review.verdict.accepted:
            item.failures.append(review.verdict.reasons)
        return self._note(item, text, review)

    def _styled(self, bundle: Bundle, text: str, review: Review) -> tuple[str, Review]:
        """Change an accepted text's style; where it would no longer be accepted, less of it, at last none."""
        if not self.config.style.changes_text:
            return text, review
        for number in range(3):
            less = replace(self.config.style, typos=self.config.style.typos / 2**number)
            changed = less.apply(text, self.config.lang, item_rng(bundle.seed, "style", number))
            again = self._reviewer.review(self._ended(changed), self.kind.told(bundle), mistyped=True)
            if again.verdict.accepted:
                return changed, again
        return text, review

    def _ended(self, text: str) -> str:
        """Give a text as it is reviewed: a terse one may lack its full stop without being cut off."""
        return text if not self.config.style.terse or text.endswith(".") else text + "."

    @property
    def prompt_hash(self) -> str:
        """SHA-256 of the templates."""
        return self._wording.hash

    @property
    def provenance(self) -> dict[str, Any]:
        """What the notes depend on beside the bundles: graph, wording, examples, model, configuration."""
        return {
            "graph": self.graph.hash,
            "prompt_sha256": self.prompt_hash,
            "examples_sha256": self.shelf.hash if self.runtime else None,
            "runtime": None if self.runtime is None else self.runtime.description,
            "config": asdict(self.config),
        }
