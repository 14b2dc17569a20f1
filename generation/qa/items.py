"""Spells questions as items: question, answer, reasoning, gold, options and proofs, as columns of an Arrow table.

An item's fields are described in docs/qa.md. `answers` are all that the graph gives for the path, each with its
heaviest paths as proofs; `gold` is what a right reply says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from generation.qa.drawing import Ints
from generation.qa.families import CHOICE, COUNT, LIST, NEGATIVE, YES_NO, QAFamily, load_fact_words
from generation.qa.naming import NodeNames
from generation.qa.questions import Mask, Questions
from generation.qa.splits import PARTS, Levels
from generation.qa.texts import Texts, capitalised, fill, fill_each, joined, listed
from kgengine.graph import Graph

LETTERS = ("A", "B", "C", "D")
DIFFICULTIES = ("easy", "medium", "hard")
_FEW_FACTS, _MANY_FACTS = 4, 16
"""An item is easy when its complete answer rests on at most 4 edges of the graph, hard above 16 (docs/qa.md)."""
_compute: Any = pyarrow.compute


@dataclass(frozen=True)
class _Answers:
    """The answers of questions, m in all: `question` and `node` int64 [m], `count` int64 [n] a question."""

    question: Ints
    node: Ints
    count: Ints


class Speller:
    """Spells the questions of one language.

    :param graph: the graph.
    :param lang: "en" or "ru".
    :param names: the nodes' names in it.
    :param proofs: how many paths to keep for each answer, 0 for none.
    :param reasoned: True to spell the facts that lead to the reply, too.
    """

    def __init__(self, graph: Graph, lang: str, names: NodeNames, proofs: int, reasoned: bool) -> None:
        self._graph, self._lang, self._names, self._proofs = graph, lang, names, proofs
        self._reasoned = reasoned
        self._words = load_fact_words(lang)
        self._sentences = [self._words.sentence(relation) for relation in graph.relations]
        self._ids = pyarrow.array([graph.id(node) for node in range(graph.num_nodes)], pyarrow.string())
        self._between = self._words.answers["separator"]

    def table(self, family: QAFamily, asked: Questions, parts: Levels) -> pyarrow.Table:
        """Spell questions of one family.

        :param family: the family.
        :param asked: n questions of it.
        :param parts: int8 [n], index into `PARTS`.
        :returns: n rows.
        """
        count = len(asked)
        first = asked.first_paths
        question = asked.paths.question[first]
        answers = _Answers(question, asked.paths.nodes[first, -1], np.bincount(question, minlength=count))
        names = self._answer_names(answers)
        gold, answer = self._gold(family, asked, names)
        columns = {
            "lang": _same(self._lang, count),
            "family": _same(family.name, count),
            "form": _same(family.form, count),
            "hops": pyarrow.array(np.full(count, family.hops)),
            "metapath": _same(family.metapath, count),
            "difficulty": pyarrow.array(list(DIFFICULTIES)).take(pyarrow.array(_difficulty(asked))),
            "split": pyarrow.array(list(PARTS)).take(pyarrow.array(parts)),
            "question": self._question(family, asked),
            "answer": answer,
            "gold": gold,
            "anchors": listed(self._id(asked.anchors.ravel()), np.full(count, family.anchors)),
            "options": self._options(asked),
            "answers": self._with_proofs(asked, answers),
        }
        if self._reasoned:
            columns["reasoning"] = self._reasoning(family, asked, answers, names, gold)
        return pyarrow.table(columns)

    def _id(self, nodes: Ints) -> Texts:
        return self._ids.take(pyarrow.array(nodes))

    def _name(self, nodes: Ints) -> Texts:
        return self._names.text.take(pyarrow.array(nodes))

    def _answer_names(self, answers: _Answers) -> pyarrow.ListArray:
        """Give each question's answers by name, in alphabetical order, a name that several go by once."""
        same = self._names.same[answers.node]
        fresh = np.ones(len(same), np.bool_)
        fresh[1:] = (same[1:] != same[:-1]) | (answers.question[1:] != answers.question[:-1])
        counts = np.bincount(answers.question[fresh], minlength=len(answers.count))
        return listed(self._name(answers.node[fresh]), counts)

    def _question(self, family: QAFamily, asked: Questions) -> Texts:
        places = {str(number): self._name(asked.anchors[:, number]) for number in range(family.anchors)}
        if family.form == YES_NO:
            places["candidate"] = self._name(asked.options[:, 0])
        text = fill_each(list(family.wordings[self._lang]), asked.wording, places)
        if family.form in (CHOICE, NEGATIVE):
            shown = [self._option(asked.options[:, place], place) for place in range(len(LETTERS))]
            text = _compute.binary_join_element_wise(text, *shown, "\n")
        return text

    def _option(self, nodes: Ints, place: int) -> Texts:
        wording = self._words.answers["option"].replace("{letter}", LETTERS[place])
        return fill(wording, {"name": self._name(nodes)})

    def _gold(self, family: QAFamily, asked: Questions, names: pyarrow.ListArray) -> tuple[pyarrow.ListArray, Texts]:
        """Give what a right reply says, as a list and as a text."""
        one = np.ones(len(asked), np.int64)
        if family.form == LIST:
            return names, fill("{0}.", {"0": _compute.binary_join(names, self._between)})
        if family.form == COUNT:
            said = _compute.cast(_compute.list_value_length(names), pyarrow.string())
            return listed(said, one), fill("{0}.", {"0": said})
        if family.form == YES_NO:
            words = pyarrow.array([self._words.answers["no"], self._words.answers["yes"]])
            said = words.take(pyarrow.array(asked.right))
            return listed(_compute.utf8_lower(said), one), fill("{0}.", {"0": said})
        right = asked.options[np.arange(len(asked)), asked.right]
        return listed(self._name(right), one), fill("{0}.", {"0": self._right_option(asked)})

    def _right_option(self, asked: Questions) -> Texts:
        right = asked.options[np.arange(len(asked)), asked.right]
        letters = pyarrow.array(list(LETTERS)).take(pyarrow.array(asked.right))
        return fill(self._words.answers["option"], {"letter": letters, "name": self._name(right)})

    def _reasoning(
        self, family: QAFamily, asked: Questions, answers: _Answers, names: pyarrow.ListArray, gold: pyarrow.ListArray
    ) -> Texts:
        """Spell the facts that lead to the right reply, and the reply: a chain of thought."""
        told = np.ones(len(answers.node), np.bool_)
        if asked.options.shape[1]:
            shown = (asked.options[answers.question] == answers.node[:, None]) & (
                (np.arange(asked.options.shape[1]) == asked.right[answers.question, None]) | (family.form != CHOICE)
            )
            told = shown.any(axis=1)
        places = {
            "facts": self._facts(asked, told),
            "answers": _compute.binary_join(names, self._between),
        }
        words = self._words.answers
        if family.form == YES_NO:
            places["candidate"] = self._name(asked.options[:, 0])
            return capitalised(fill_each([words["denied"], words["affirmed"]], asked.right, places))
        if family.form in (CHOICE, NEGATIVE):
            places |= {"option": self._right_option(asked), "name": _compute.list_element(gold, 0)}
        if family.form == COUNT:
            places["count"] = _compute.list_element(gold, 0)
        return capitalised(fill(words[family.form], places))

    def _facts(self, asked: Questions, told: Mask) -> Texts:
        """Spell the edges that prove each told answer, each sentence once."""
        rows = np.flatnonzero(asked.proving & told[asked.answer_of_path])
        edges = np.concatenate([asked.paths.first_edges[rows], asked.paths.edges[rows]], axis=1)
        question = np.repeat(asked.paths.question[rows], edges.shape[1])
        flat = edges.ravel()
        head, relation, tail = (
            column[flat].astype(np.int64)
            for column in (self._graph.edge_head, self._graph.edge_relation, self._graph.edge_tail)
        )
        same, names = self._names.same, int(self._names.same.max(initial=0)) + 1
        said = ((question * len(self._sentences) + relation) * names + same[head]) * names + same[tail]
        kept = np.sort(np.unique(said, return_index=True)[1])
        question, ends = question[kept], {"head": self._name(head[kept]), "tail": self._name(tail[kept])}
        sentences = fill_each(self._sentences, relation[kept], ends)
        return joined(sentences, np.bincount(question, minlength=len(asked)), self._between)

    def _options(self, asked: Questions) -> pyarrow.ListArray:
        flat = asked.options.ravel()
        shown = _structs({"id": self._id(flat), "name": self._name(flat)})
        return listed(shown, np.full(len(asked), asked.options.shape[1]))

    def _with_proofs(self, asked: Questions, answers: _Answers) -> pyarrow.ListArray:
        """Give each question's answers: id, name, and the nodes and edges of its heaviest paths."""
        rows = np.flatnonzero((asked.path_rank < self._proofs) | (asked.proving & (self._proofs > 0)))
        answer = asked.answer_of_path[rows]
        nodes = np.concatenate([asked.anchors[asked.paths.question[rows]], asked.paths.nodes[rows]], axis=1)
        edges = np.concatenate([asked.paths.first_edges[rows], asked.paths.edges[rows]], axis=1)
        proofs = _structs(
            {
                "nodes": listed(self._id(nodes.ravel()), np.full(len(rows), nodes.shape[1])),
                "edges": listed(pyarrow.array(edges.ravel()), np.full(len(rows), edges.shape[1])),
            }
        )
        each = {
            "id": self._id(answers.node),
            "name": self._name(answers.node),
            "proofs": listed(proofs, np.bincount(answer, minlength=len(answers.node))),
        }
        return listed(_structs(each), answers.count)


def _same(text: str, count: int) -> pyarrow.Array:
    return pyarrow.repeat(pyarrow.scalar(text), count)


def _structs(fields: dict[str, Sequence[Any]]) -> pyarrow.StructArray:
    return pyarrow.StructArray.from_arrays(list(fields.values()), names=list(fields))


def _difficulty(asked: Questions) -> Ints:
    """Grade questions by the number of different edges on all their paths."""
    return np.searchsorted([_FEW_FACTS, _MANY_FACTS], asked.facts, side="left")
