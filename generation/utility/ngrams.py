"""The default classifier of ICD-10 codes: TF-IDF of character 3- to 8-grams, and a logistic regression for each code.

docs/utility.md says how its settings were chosen: by cross-validation inside the train set, never on the test set.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.utility.measures import Floats
from kgengine.errors import KGError

NAME = "tfidf"
LENGTHS, STRENGTH = (3, 8), 10.0
"""Lengths of n-grams, and scikit-learn's C: 1 / strength of the L2 penalty."""
LANDMARKS = 10_000
"""Most distinct rows that span the space of the solution (float32: two matrices of up to 400 MB)."""
TOLERANCE, STEPS = 1e-5, 300
"""The solver stops when a step lowers the loss by less than this share, or after so many steps."""
_RIDGE = 1e-4
"""Added to the diagonal of the Gram matrix, whose rows have length 1: without it texts of like n-grams are singular."""
Matrix = NDArray[np.float32]


class NgramClassifier:
    """One balanced logistic regression (L2) a code against the rest, all solved at once, quickly and exactly.

    The minimum of the penalized loss lies in the span of the training rows. So the rows, points of a space of some
    700,000 n-grams, are replaced by the rows of a Cholesky factor of their Gram matrix: a space of as many dimensions
    as rows, with the same inner products, hence the same model, in dense blocks. Balanced: notes of the code and notes
    of the rest weigh the same in sum. Repeats of a row become its weight; vocabulary and IDF are of distinct texts.

    :param seed: draws the rows that span the space, where there are more than `landmarks` (then it is Nyström's
        approximation); otherwise nothing is random.
    :param strength: scikit-learn's C.
    :param landmarks: most distinct rows that span the space.
    :param tolerance: smallest share by which a step must lower the loss.
    """

    def __init__(
        self,
        seed: int = 0,
        strength: float = STRENGTH,
        landmarks: int = LANDMARKS,
        tolerance: float = TOLERANCE,
    ) -> None:
        self._seed, self._strength, self._landmarks, self._tolerance = seed, strength, landmarks, tolerance
        self._vectorizer: Any = None
        self._rows: Any = None
        self._weights: Floats = np.zeros((0, 0))
        self._intercept: Floats = np.zeros(0)
        self.classes: list[str] = []

    @property
    def description(self) -> dict[str, Any]:
        """Give the settings and the version of scikit-learn."""
        import sklearn

        settings = {"ngrams": list(LENGTHS), "C": self._strength, "landmarks": self._landmarks}
        return {"name": NAME, **settings, "tolerance": self._tolerance, "scikit-learn": str(sklearn.__version__)}

    def fit(self, texts: Sequence[str], codes: Sequence[str]) -> None:
        """Learn from texts and their codes.

        :param texts: the texts; each may be repeated.
        :param codes: the code of each.
        :raises KGError: there are fewer than two codes, or no text is as long as an n-gram.
        """
        from scipy.linalg import cholesky, solve_triangular
        from sklearn.feature_extraction.text import TfidfVectorizer

        check_codes(codes)
        rows = Counter(zip(texts, codes, strict=True))
        vectorizer = TfidfVectorizer(analyzer="char", ngram_range=LENGTHS, sublinear_tf=True, dtype=np.float32)
        try:
            matrix = vectorizer.fit_transform([text for text, _ in rows])
        except ValueError as error:
            raise KGError(f"no training text has {LENGTHS[0]} characters; there is nothing to learn from") from error
        spanning = matrix
        if len(rows) > self._landmarks:
            chosen = np.random.default_rng(self._seed).permutation(len(rows))[: self._landmarks]
            spanning = matrix[np.sort(chosen)]
        gram = (spanning @ spanning.T).toarray()
        gram[np.diag_indices_from(gram)] += _RIDGE
        factor = cholesky(gram, lower=True, overwrite_a=True, check_finite=False)
        points = factor
        if spanning is not matrix:
            inner = (spanning @ matrix.T).toarray()
            points = solve_triangular(factor, inner, lower=True, overwrite_b=True, check_finite=False).T
        self.classes = sorted(set(codes))
        own = np.array([[code == one for one in self.classes] for _, code in rows])
        times = np.array(list(rows.values()), np.float32)
        weights, self._intercept = one_vs_rest(points, own, times, self._strength, self._tolerance)
        self._weights = solve_triangular(factor, weights, lower=True, trans="T", check_finite=False)
        self._vectorizer, self._rows = vectorizer, spanning

    def scores(self, texts: Sequence[str]) -> Floats:
        """Give the log-odds of each code against the rest.

        :param texts: the texts.
        :returns: float32 [n, classes].
        """
        inner = (self._vectorizer.transform(texts) @ self._rows.T).toarray()
        scores: Floats = inner @ self._weights + self._intercept
        return scores


def one_vs_rest(
    points: Matrix, own: NDArray[np.bool_], times: Matrix, strength: float, tolerance: float
) -> tuple[Matrix, Matrix]:
    """Solve a balanced logistic regression for each class against the rest, by L-BFGS on all of them together.

    :param points: float32 [n, d].
    :param own: bool [n, classes], whether a row is of a class; each class has some rows and lacks some.
    :param times: float32 [n], the weight of each row.
    :param strength: scikit-learn's C.
    :param tolerance: see `TOLERANCE`.
    :returns: coefficients float32 [d, classes], intercepts float32 [classes] (not penalized).
    """
    from scipy.optimize import minimize

    size, shape = points.shape[1], (points.shape[1] + 1, own.shape[1])
    signs = np.where(own, 1, -1).astype(np.float32)
    inside = times @ own
    half = 0.5 * strength * times.sum()
    weights = (np.where(own, half / inside, half / (times.sum() - inside)) * times[:, None]).astype(np.float32)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        found = flat.astype(np.float32).reshape(shape)
        margins = (points @ found[:size] + found[size]) * signs
        small = np.exp(-np.abs(margins))
        value = (weights * (np.log1p(small) - np.minimum(margins, 0))).sum(dtype=np.float64)
        value += 0.5 * np.square(found[:size], dtype=np.float64).sum()
        slope = -weights * signs * np.where(margins > 0, small, 1) / (1 + small)
        gradient = np.vstack([points.T @ slope + found[:size], slope.sum(axis=0)])
        return value, gradient.astype(np.float64).ravel()

    options = {"maxiter": STEPS, "maxfun": 2 * STEPS, "ftol": tolerance, "gtol": 0.0}
    start = np.zeros(shape[0] * shape[1])
    solved = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x.astype(np.float32).reshape(shape)
    return solved[:size], solved[size]


def check_codes(codes: Sequence[str]) -> None:
    """Refuse to train on fewer than two codes.

    :raises KGError: that is so.
    """
    if len(set(codes)) < 2:
        raise KGError(f"the training notes have {len(set(codes))} code(s); a classifier needs at least two")
