"""Terse complaints: typed in a hurry, and still all the facts and no others."""

import re

import numpy as np
import pytest
from test_cli import Run

from generation.notes import NoteConfig, NoteWriter
from generation.styles import Style
from kgengine.bundles import BundleConfig, BundleSampler
from kgengine.errors import KGError
from kgengine.graph import Graph


def _sampler(core: Graph, fewest: int) -> BundleSampler:
    scores = np.full(core.num_edges, 0.5, np.float32)
    return BundleSampler(core, scores, BundleConfig(min_symptoms=fewest, max_symptoms=4))


@pytest.mark.parametrize("lang", ["en", "ru"])
@pytest.mark.parametrize("typos", [0.0, 0.05])
def test_every_terse_note_is_accepted_and_says_all_symptoms(core: Graph, lang: str, typos: float) -> None:
    config = NoteConfig(lang=lang, kind="complaints", style=Style(terse=True, typos=typos))
    bundles = list(_sampler(core, 1).draw(3, 150))
    notes = list(NoteWriter(core, config, None).write(bundles))
    assert all(note.verdict.accepted for note in notes)
    texts = [note.text for note in notes]
    assert len(set(texts)) > 140
    assert sum(text.endswith(".") for text in texts) in range(20, 90)
    assert sum(text[0].isupper() for text in texts) in range(40, 110)
    for between in (", ", "; ", ". "):
        assert sum(between in text for text in texts) > 10
    assert not any(re.search(r"\b(19|2\d|[3-9]\d)\b", text) for text in texts)  # neither age nor sex is told


def test_russian_terse_notes_begin_as_such_notes_do(core: Graph) -> None:
    config = NoteConfig(lang="ru", kind="complaints", style=Style(terse=True))
    bundles = _sampler(core, 2).draw(5, 300)
    begins = {note.text.split(" ")[0].casefold() for note in NoteWriter(core, config, None).write(bundles)}
    assert {"на", "жалобы", "жалуется", "-", "жалобы:"} <= begins


def test_a_model_that_left_the_kind_without_a_terse_block_is_told(core: Graph) -> None:
    with pytest.raises(KGError, match=r"template visit.en.j2 has no block terse; drop --terse"):
        NoteWriter(core, NoteConfig(kind="visit", style=Style(terse=True)), None)


def test_the_command_takes_terse_with_templates_alone(kg: Run) -> None:
    code, _, err = kg("generate", "--terse")
    assert code == 2
    assert "--terse words notes without a model; add --template-only" in err


def test_the_seed_decides(core: Graph) -> None:
    config = NoteConfig(lang="ru", kind="complaints", style=Style(terse=True))
    sampler = _sampler(core, 3)
    once, again, other = (
        [n.text for n in NoteWriter(core, config, None).write(sampler.draw(s, 20))] for s in (1, 1, 2)
    )
    assert once == again
    assert np.mean([one == two for one, two in zip(once, other, strict=True)]) < 0.2
