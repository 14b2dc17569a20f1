"""Do predicted symptoms find the ones held out of the graph? Against drawing symptoms by how frequent they are at all.

    python -m benchmarks.recovery kg-workspace/graph

A reasoner is trained with a tenth of the graph's clinical edges held out (and a tenth for stopping). For each
disease that lost a symptom, the chance is worked out that one predicted symptom, drawn as `kg sample` draws it, is a
lost one; beside it that chance when symptoms that the disease isn't known to have are drawn by the number of diseases
that have them.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from kgengine.graph import Graph
from kgengine.reasoner.forecast import predicted_edges
from kgengine.reasoner.store import train_blend
from kgengine.reasoner.training import TrainingConfig
from kgengine.schema import HAS_PHENOTYPE, SYMPTOM
from kgengine.split import split_edges


def main() -> None:
    """Print the two chances and the number of diseases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("graph", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    graph = Graph.open(given.graph)
    split = split_edges(graph, given.seed)
    blend, _ = train_blend(graph, split, None, TrainingConfig(seed=given.seed))
    found = predicted_edges(blend, graph, split.train)
    kind = graph.relation_index(HAS_PHENOTYPE)
    lost, has = defaultdict(set), defaultdict(set)
    for part, store in ((split.test, lost), (split.train, has)):
        for edge in part[np.asarray(graph.edge_relation)[part] == kind].tolist():
            store[int(graph.edge_head[edge])].add(int(graph.edge_tail[edge]))
    popularity = np.zeros(graph.num_nodes)
    for symptoms in has.values():
        popularity[list(symptoms)] += 1
    predicted, frequent = [], []
    for disease, missing in lost.items():
        rows = (found.relation == kind) & (found.head == disease)
        odds = found.score[rows]
        hit = odds[np.isin(found.tail[rows], list(missing))].sum()
        predicted.append(hit / odds.sum() if len(odds) else 0.0)
        weights = popularity.copy()
        weights[list(has[disease])] = 0.0
        weights[np.asarray(graph.node_type) != graph.type_index(SYMPTOM)] = 0.0
        frequent.append(weights[list(missing)].sum() / weights.sum())
    print(
        f"a drawn prediction is a lost symptom: {np.mean(predicted):.3f}; by frequency alone: {np.mean(frequent):.3f}"
    )
    print(f"{len(lost)} diseases that lost {np.mean([len(one) for one in lost.values()]):.1f} symptoms on average")


if __name__ == "__main__":
    main()
