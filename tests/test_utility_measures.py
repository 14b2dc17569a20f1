"""Hits worked out by hand, bootstrap intervals against a plain loop, and the classifiers: the quick exact solution
against scikit-learn's own on the same n-grams, and estimators of a user's own.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from generation.utility.classifiers import make_classifier, ranking
from generation.utility.measures import hits, interval, intervals, paired_interval
from generation.utility.ngrams import NgramClassifier
from kgengine.errors import KGError

CLASSES = ["A", "B", "C"]
SCORES = np.array([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 2.0, 1.0], [0.0, 0.0, 0.0], [9.0, 1.0, 1.0]])
TEXTS = [
    "боль в животе",
    "боли в животе и рвота",
    "кашель и хрипы",
    "сухой кашель",
    "зуд кожи",
    "сыпь и зуд",
    "боль в животе",
]
CODES = ["K29", "K29", "J20", "J20", "L30", "L30", "K29"]
FACTORIES = """
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline

SEEDS = []

def words():
    return make_pipeline(CountVectorizer(), LogisticRegression(C=100))

def seeded(seed):
    SEEDS.append(seed)
    return make_pipeline(CountVectorizer(), SGDClassifier(random_state=seed))

def broken():
    return 1 / 0

def no_classifier():
    return CountVectorizer()

class Silent(DummyClassifier):
    def predict_proba(self, texts):
        return super().predict_proba(texts) * float("nan")

NUMBER = 3
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of the user's in the current folder, which is not on the path."""
    name = f"factories_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(FACTORIES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield name
    sys.modules.pop(name, None)


# -- measures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "k", "expected"),
    [
        ("ACABA", 1, [True, True, False, False, True]),
        ("ACABA", 2, [True, True, True, False, True]),
        ("ACABA", 3, [True, True, True, True, True]),
        ("BBBBB", 1, [False, False, False, False, False]),
        ("BBBBB", 2, [True, True, True, False, False]),  # the last: B and C share the second place
        ("XXXXX", 3, [False] * 5),
    ],
)
def test_a_hit_is_a_code_among_the_k_best_and_a_tie_counts_against_it(codes: str, k: int, expected: list[bool]) -> None:
    assert hits(SCORES, CLASSES, list(codes), k).tolist() == expected


def test_an_infinite_score_is_a_score() -> None:
    assert hits(np.array([[-np.inf, 0.0]]), ["A", "B"], ["B"], 1).tolist() == [True]


def test_the_interval_is_that_of_a_plain_loop() -> None:
    values = np.arange(37) % 3 == 0
    rng, means = np.random.default_rng(5), []
    for _ in range(400):
        drawn = [float(values[row]) for row in rng.integers(0, 37, 37)]
        means.append(sum(drawn) / 37)
    low, high = interval(values, 400, 5)
    assert (low, high) == pytest.approx((np.quantile(means, 0.025), np.quantile(means, 0.975)))
    assert low < values.mean() < high
    assert interval(values, 400, 5) == (low, high)


def test_the_interval_has_the_width_of_the_binomial() -> None:
    low, high = interval(np.arange(1000) < 300, 2000)
    error = (0.3 * 0.7 / 1000) ** 0.5
    assert (low, high) == pytest.approx((0.3 - 1.96 * error, 0.3 + 1.96 * error), abs=0.005)


def test_a_paired_interval_meets_the_same_draws_on_either_side() -> None:
    base = np.random.default_rng(0).random(200) < 0.5
    assert paired_interval(base, base) == (0, 0)
    assert paired_interval(np.ones(200), np.zeros(200)) == (1, 1)
    better = base.copy()
    better[np.flatnonzero(~base)[:20]] = True
    low, high = paired_interval(better, base)
    assert 0.05 < low < 0.1 < high < 0.15
    assert high - low < (interval(better)[1] - interval(better)[0]) / 1.4


def test_no_values_have_no_interval() -> None:
    assert np.isnan(interval(np.zeros(0))).all()
    assert intervals(np.zeros((0, 3)), 10, 0).shape == (3, 2)


# -- the default classifier --------------------------------------------------------------------------------------------


def plain_scores(texts: list[str], codes: list[str], times: list[int], asked: list[str]) -> list[list[float]]:
    """scikit-learn itself on the whole matrix of n-grams, each row repeated, code by code, solved to the end."""
    vectorizer = TfidfVectorizer(analyzer="char", ngram_range=(3, 8), sublinear_tf=True).fit(texts)
    repeated = [row for row, number in enumerate(times) for _ in range(number)]
    matrix, columns = vectorizer.transform([texts[row] for row in repeated]), []
    for code in sorted(set(codes)):
        model = LogisticRegression(C=10, class_weight="balanced", max_iter=10_000, tol=1e-8)
        model.fit(matrix, [codes[row] == code for row in repeated])
        columns.append(model.decision_function(vectorizer.transform(asked)).tolist())
    return np.array(columns).T.tolist()


@pytest.mark.parametrize("codes", [CODES, ["K29" if code == "K29" else "other" for code in CODES]])
def test_the_quick_solution_is_the_exact_one_and_a_repeated_row_is_a_weight(codes: list[str]) -> None:
    classifier = NgramClassifier(tolerance=1e-12)
    classifier.fit(TEXTS, codes)
    asked = ["боль и рвота", "хрипы", "совсем другое", "", "сыпь"]
    expected = plain_scores(TEXTS[:6], codes[:6], [2, 1, 1, 1, 1, 1], asked)
    np.testing.assert_allclose(classifier.scores(asked), expected, atol=0.01)
    assert classifier.classes == sorted(set(codes))
    usual = NgramClassifier()
    usual.fit(TEXTS, codes)
    np.testing.assert_allclose(usual.scores(asked), expected, atol=0.1)
    assert np.abs(expected).max() > 1


def test_more_rows_than_landmarks_are_solved_in_the_space_of_some_of_them() -> None:
    texts = [f"{TEXTS[number % 6]} {number}" for number in range(60)]
    codes = [CODES[number % 6] for number in range(60)]
    exact, near, other = (NgramClassifier(seed, landmarks=most) for seed, most in ((0, 60), (0, 40), (1, 40)))
    for one in (exact, near, other):
        one.fit(texts, codes)
    asked = ["боль и рвота", "хрипы", "сыпь"]
    assert ranking(near, asked, 1) == ranking(exact, asked, 1) == [["K29"], ["J20"], ["L30"]]
    np.testing.assert_allclose(near.scores(asked), exact.scores(asked), atol=1)
    assert not np.array_equal(near.scores(asked), exact.scores(asked))
    assert not np.array_equal(near.scores(asked), other.scores(asked))


def test_the_ranking_names_the_likeliest_codes_first() -> None:
    classifier = make_classifier("tfidf", 0)
    classifier.fit(TEXTS, CODES)
    found = ranking(classifier, ["боль в животе", "кашель"], 2)
    assert [row[0] for row in found] == ["K29", "J20"]
    assert [len(set(row)) for row in found] == [2, 2]


def test_texts_without_an_ngram_or_one_code_only_can_t_be_learnt_from() -> None:
    with pytest.raises(KGError, match=r"have 1 code\(s\); a classifier needs at least two"):
        make_classifier().fit(["боль", "зуд"], ["A", "A"])
    with pytest.raises(KGError, match="no training text has 3 characters"):
        make_classifier().fit(["б", "з"], ["A", "B"])


# -- classifiers of a user's own ---------------------------------------------------------------------------------------


def test_a_user_s_pipeline_is_trained_and_asked(factories: str) -> None:
    classifier = make_classifier(f"{factories}:words", 0)
    classifier.fit(TEXTS, CODES)
    assert ranking(classifier, ["боль", "кашель", "зуд"], 1) == [["K29"], ["J20"], ["L30"]]
    assert classifier.scores(["зуд"]).sum() == pytest.approx(0, abs=1e-6)  # a decision function, not probabilities
    two = make_classifier(f"{factories}:words", 0)
    two.fit(TEXTS[:4], CODES[:4])
    assert ranking(two, ["боль", "кашель"], 2) == [["K29", "J20"], ["J20", "K29"]]


def test_a_factory_with_a_seed_is_given_it_and_its_estimator_is_described(factories: str) -> None:
    classifier = make_classifier(f"{factories}:seeded", 7)
    assert sys.modules[factories].SEEDS == [7]
    assert classifier.description == make_classifier(f"{factories}:seeded", 7).description
    assert classifier.description != make_classifier(f"{factories}:seeded", 8).description


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense", "unknown classifier 'nonsense'; give 'tfidf', module:factory, or the folder of a transformers"),
        ("no_such_module:x", "--classifier no_such_module:x can't be loaded: ModuleNotFoundError"),
        ("{}:missing", "can't be loaded: AttributeError"),
        (":", "can't be loaded: ValueError"),
        ("{}:NUMBER", "is no function; give 'tfidf'"),
        ("{}:broken", "failed: ZeroDivisionError: division by zero; mend the factory"),
        ("{}:no_classifier", "makes a CountVectorizer; it must make an estimator with fit and predict_proba or"),
    ],
)
def test_what_is_no_classifier_is_one_clear_line(factories: str, name: str, message: str) -> None:
    with pytest.raises(KGError) as error:
        make_classifier(name.format(factories), 0)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_estimator_that_fails_or_gives_no_numbers_is_told(factories: str) -> None:
    silent = make_classifier(f"{factories}:Silent", 0)
    silent.fit(TEXTS, CODES)
    with pytest.raises(KGError, match="gives no score for each text and code; mend the estimator"):
        silent.scores(["зуд"])
    with pytest.raises(KGError, match="failed to fit on texts: ValueError: empty vocabulary"):
        make_classifier(f"{factories}:words", 0).fit(["a", "b"], ["A", "B"])


def test_a_model_folder_without_transformers_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(KGError) as error:
        make_classifier(str(tmp_path), 0)
    assert str(error.value) == (
        f"--classifier {tmp_path} needs transformers, which isn't installed; run 'pip install transformers'"
    )
