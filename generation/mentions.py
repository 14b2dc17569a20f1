"""Finds what a text says: mentions of the graph's nodes, each with its status.

A mention is the longest run of words of one clause whose lemmas are a name of a node; determiners between
them don't count. A word that neither the language's dictionary nor the graph knows is taken for the graph's
word that it misspells, if there is one (see `generation.spelling`). The status comes from the words around
(see `generation.contexts`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from generation.contexts import Contexts
from generation.cues import find_idioms
from generation.lemmas import Word, forms, words
from generation.markers import DETERMINERS
from generation.spelling import Speller
from generation.statuses import NEGATED
from kgengine.graph import Graph
from kgengine.schema import DISEASE, DRUG, DRUG_CLASS, SYMPTOM


@dataclass(frozen=True)
class Mention:
    """One mention: the nodes that the wording may mean, its place, and its status (one of `STATUSES`)."""

    nodes: frozenset[int]
    start: int
    end: int
    text: str
    sentence: int
    status: str

    @property
    def negated(self) -> bool:
        """True when the text denies it."""
        return self.status == NEGATED


@dataclass
class _Trie:
    children: dict[str, "_Trie"] = field(default_factory=dict)
    nodes: set[int] = field(default_factory=set)


class Lexicon:
    """Every name of a graph's diseases, symptoms, drugs and drug classes in one language, ready to be found in text.

    :param graph: the graph.
    :param lang: "en" or "ru".
    """

    def __init__(self, graph: Graph, lang: str) -> None:
        self.lang = lang
        self._root = _Trie()
        self._vocabulary: dict[tuple[str, str], None] = {}
        self._drugs: set[int] = set()
        for node_type in (DISEASE, SYMPTOM, DRUG, DRUG_CLASS):
            if node_type not in graph.types:
                continue
            for node in graph.nodes_of_type(node_type).tolist():
                if node_type in (DRUG, DRUG_CLASS):
                    self._drugs.add(node)
                wording = graph.wording(node, lang)
                for name in {wording.name, wording.phrase, wording.accusative, *wording.synonyms}:
                    self._add(name, node)
        self._lemmas = {lemma for _, lemma in self._vocabulary}
        self._spelled: dict[str, tuple[str, ...]] = {}
        self._found: tuple[str, list[Mention]] = ("", [])

    @cached_property
    def _speller(self) -> Speller:
        """The words of all names in all their forms; made when the first unknown word turns up."""
        inflected = ((form, lemma) for lemma in self._lemmas for form in forms(lemma, self.lang))
        return Speller((*self._vocabulary, *inflected))

    def _add(self, name: str, node: int) -> None:
        place = self._root
        for word in self._content(words(name, self.lang)):
            self._vocabulary[word.form, word.lemma] = None
            place = place.children.setdefault(word.lemma, _Trie())
        if place is not self._root:
            place.nodes.add(node)

    def _content(self, found: Iterable[Word]) -> list[Word]:
        return [word for word in found if word.lemma not in DETERMINERS[self.lang]]

    def spelt(self, word: Word) -> bool:
        """Tell whether a word is right as written: a dictionary knows it, or a name in the graph has it."""
        return word.reading.known or word.lemma in self._lemmas

    def find(self, text: str) -> list[Mention]:
        """Find all mentions in a text, left to right, the longest at each place.

        :param text: a note; asked again at once, it is not searched again.
        :returns: the mentions; they don't overlap.
        """
        if self._found[0] != text:
            self._found = text, self._search(text)
        return list(self._found[1])

    def _search(self, text: str) -> list[Mention]:
        tokens = self._content(words(text, self.lang))
        keys = [self._keys(token) for token in tokens]
        idioms = find_idioms(tokens, self.lang)
        found: list[tuple[int, int, frozenset[int]]] = []
        position = 0
        while position < len(tokens):
            length, nodes = self._longest(tokens, keys, position)
            if nodes and not any(first <= position and position + length <= last for first, last in idioms):
                found.append((position, position + length, nodes))
            position += max(length, 1)
        contexts = Contexts(tokens, [(first, last) for first, last, _ in found], self.lang)
        mentions = []
        for first, last, nodes in found:
            start, end = tokens[first].start, tokens[last - 1].end
            status = contexts.status((first, last), nodes <= self._drugs)
            mentions.append(Mention(nodes, start, end, text[start:end], tokens[first].sentence, status))
        return mentions

    def _keys(self, word: Word) -> tuple[str, ...]:
        """Give the lemmas under which the graph's names may hold a word, corrected when nothing knows the word."""
        read = word.reading
        if read.known or word.lemma in self._lemmas:
            return (word.lemma, *read.others)
        if word.form not in self._spelled:
            own = tuple(other for other in read.others if other in self._lemmas)
            self._spelled[word.form] = own or self._corrected(word)
        return self._spelled[word.form]

    def _corrected(self, word: Word) -> tuple[str, ...]:
        return (self._speller.lemma((word.form, word.lemma, *word.reading.others)) or word.lemma,)

    def _longest(
        self, tokens: Sequence[Word], keys: Sequence[tuple[str, ...]], position: int
    ) -> tuple[int, frozenset[int]]:
        place, best, nodes = self._root, 0, frozenset[int]()
        for at in range(position, len(tokens)):
            key = next((key for key in keys[at] if key in place.children), None)
            if key is None or tokens[at].clause != tokens[position].clause:
                break
            place = place.children[key]
            if place.nodes:
                best, nodes = at - position + 1, frozenset(place.nodes)
        return best, nodes
