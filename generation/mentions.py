"""Finds what a text says: mentions of the graph's nodes, each affirmed or negated.

A mention is the longest run of words of one clause whose lemmas are a name of a node; determiners between
them don't count. Negation follows the idea of NegEx (Chapman et al. 2001, doi:10.1006/jbin.2001.1029): a trigger
negates what follows (or precedes) it in its sentence, up to a word that ends its scope. Words inside a
mention never trigger ("нет аппетита" is a symptom). A Russian trigger that may do either ("отрицает") does not
look back when it begins a clause that names a finding of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from generation.cues import AFTER, BEFORE, DETERMINERS, NOT_NEGATION, REPORTING, SCOPE_END
from generation.lemmas import Word, words
from kgengine.graph import Graph
from kgengine.schema import DISEASE, DRUG, DRUG_CLASS, SYMPTOM

_BACKWARD_REACH = 4
"""How many words before a trailing trigger its scope begins at most."""


@dataclass(frozen=True)
class Mention:
    """One mention: the nodes that the wording may mean, its place, and whether it is negated."""

    nodes: frozenset[int]
    start: int
    end: int
    text: str
    sentence: int
    negated: bool


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
        for node_type in (DISEASE, SYMPTOM, DRUG, DRUG_CLASS):
            if node_type not in graph.types:
                continue
            for node in graph.nodes_of_type(node_type).tolist():
                wording = graph.wording(node, lang)
                for name in {wording.name, wording.phrase, wording.accusative, *wording.synonyms}:
                    self._add(name, node)

    def _add(self, name: str, node: int) -> None:
        place = self._root
        for word in self._content(words(name, self.lang)):
            place = place.children.setdefault(word.lemma, _Trie())
        if place is not self._root:
            place.nodes.add(node)

    def _content(self, found: Iterable[Word]) -> list[Word]:
        return [word for word in found if word.lemma not in DETERMINERS[self.lang]]

    def find(self, text: str) -> list[Mention]:
        """Find all mentions in a text, left to right, the longest at each place.

        :param text: a note.
        :returns: the mentions; they don't overlap.
        """
        tokens = self._content(words(text, self.lang))
        spans: list[tuple[int, int, frozenset[int]]] = []
        position = 0
        while position < len(tokens):
            length, nodes = self._longest(tokens, position)
            if nodes:
                spans.append((position, position + length, nodes))
            position += max(length, 1)
        negated = self._negated_tokens(tokens, spans)
        mentions = []
        for first, last, nodes in spans:
            start, end = tokens[first].start, tokens[last - 1].end
            denied = not negated.isdisjoint(range(first, last))
            mentions.append(Mention(nodes, start, end, text[start:end], tokens[first].sentence, denied))
        return mentions

    def _longest(self, tokens: Sequence[Word], position: int) -> tuple[int, frozenset[int]]:
        place, best, nodes = self._root, 0, frozenset[int]()
        for length, word in enumerate(tokens[position:], 1):
            if word.clause != tokens[position].clause or word.lemma not in place.children:
                break
            place = place.children[word.lemma]
            if place.nodes:
                best, nodes = length, frozenset(place.nodes)
        return best, nodes

    def _negated_tokens(self, tokens: Sequence[Word], spans: Sequence[tuple[int, int, frozenset[int]]]) -> set[int]:
        """Give the positions of all tokens that lie in the scope of a negation."""
        inside = {position for first, last, _ in spans for position in range(first, last)}
        lemmas = [None if position in inside else word.lemma for position, word in enumerate(tokens)]
        for position in range(len(tokens)):
            length = self._match(NOT_NEGATION[self.lang], [word.lemma for word in tokens], position)
            lemmas[position : position + length] = [None] * length
        negated: set[int] = set()
        spent: set[int] = set()
        for position, token in enumerate(tokens):
            follows = position > 0 and tokens[position - 1].clause == token.clause
            ahead = any(tokens[other].clause == token.clause for other in inside if other > position)
            trailing = self._match(AFTER[self.lang], lemmas, position)
            if trailing and (follows or not ahead):
                negated |= self._backward(tokens, lemmas, position)
            if trailing and follows and position - 1 in inside:
                spent |= set(range(position, position + trailing))
            leading = self._match(BEFORE[self.lang], lemmas, position)
            if leading:
                start = position + leading
                while position not in spent and self._reports(tokens, lemmas, start):
                    start += 1
                negated |= self._forward(tokens, lemmas, position, start)
        return negated

    def _reports(self, tokens: Sequence[Word], lemmas: Sequence[str | None], position: int) -> bool:
        """Tell whether a reporting word stands at a position, in the clause of the word before it."""
        if position >= len(tokens) or lemmas[position] not in REPORTING[self.lang]:
            return False
        return tokens[position].clause == tokens[position - 1].clause

    @staticmethod
    def _match(triggers: Sequence[tuple[str, ...]], lemmas: Sequence[str | None], position: int) -> int:
        """Give the length of the longest trigger at a position, 0 for none."""
        fits = [len(t) for t in triggers if tuple(lemmas[position : position + len(t)]) == t]
        return max(fits, default=0)

    def _forward(self, tokens: Sequence[Word], lemmas: Sequence[str | None], origin: int, start: int) -> set[int]:
        scope = set()
        for position in range(start, len(tokens)):
            if tokens[position].sentence != tokens[origin].sentence or lemmas[position] in SCOPE_END[self.lang]:
                break
            scope.add(position)
        return scope

    def _backward(self, tokens: Sequence[Word], lemmas: Sequence[str | None], origin: int) -> set[int]:
        scope = set()
        for position in range(origin - 1, max(-1, origin - 1 - _BACKWARD_REACH), -1):
            if tokens[position].sentence != tokens[origin].sentence or lemmas[position] in SCOPE_END[self.lang]:
                break
            scope.add(position)
        return scope
