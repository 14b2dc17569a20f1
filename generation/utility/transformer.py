"""Fine-tunes a local transformers model as a classifier of codes. transformers is no dependency: whoever names a model
folder installs it. Nothing is fetched from a network.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from generation.utility.measures import Floats
from generation.utility.ngrams import check_codes
from kgengine.artifacts import sha256_file
from kgengine.errors import KGError

EPOCHS, BATCH, RATE, LENGTH = 10, 16, 3e-5, 256
"""Passes, texts a step, peak learning rate (linear decay) and tokens a text; usual for fine-tuning BERT."""


class TransformerClassifier:
    """A pretrained encoder with a new classification layer; runs on a GPU where torch sees one.

    :param folder: holds config.json, the weights and the tokenizer.
    :param seed: of the new layer, of dropout and of the order of texts.
    :raises KGError: transformers is not installed, or the folder holds no model.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        try:
            import transformers
        except ImportError as error:
            raise KGError(
                f"--classifier {folder} needs transformers, which isn't installed; run 'pip install transformers'"
            ) from error
        if not (folder / "config.json").is_file():
            raise KGError(f"{folder} holds no config.json; give the folder of a transformers model")
        self._library: Any = transformers
        self._folder, self._seed = folder, seed
        self._tokenizer: Any = self._load("AutoTokenizer")
        self._model: Any = None
        self.classes: list[str] = []

    @property
    def description(self) -> dict[str, Any]:
        """Give the settings, and the hash of each file of the model."""
        files = {path.name: sha256_file(path) for path in sorted(self._folder.iterdir()) if path.is_file()}
        training = {"epochs": EPOCHS, "batch": BATCH, "rate": RATE, "length": LENGTH}
        return {"name": self._folder.name, "files": files, "transformers": self._library.__version__, **training}

    def fit(self, texts: Sequence[str], codes: Sequence[str]) -> None:
        """Fine-tune on texts and their codes.

        :raises KGError: there are fewer than two codes, or the weights can't be loaded.
        """
        import torch

        check_codes(codes)
        self.classes = sorted(set(codes))
        place = {code: number for number, code in enumerate(self.classes)}
        torch.manual_seed(self._seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        options = {"num_labels": len(self.classes), "ignore_mismatched_sizes": True}  # the layer of its old task goes
        model = self._load("AutoModelForSequenceClassification", **options).to(device)
        steps = EPOCHS * -(-len(texts) // BATCH)
        optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        rng = np.random.default_rng(self._seed)
        model.train()
        for _ in range(EPOCHS):
            order = rng.permutation(len(texts)).tolist()
            for begin in range(0, len(order), BATCH):
                rows = order[begin : begin + BATCH]
                logits = model(**self._encode([texts[row] for row in rows], device)).logits
                wanted = torch.tensor([place[codes[row]] for row in rows], device=device)
                optimizer.zero_grad()
                loss: Any = torch.nn.functional.cross_entropy(logits, wanted)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
        self._model = model.eval()

    def scores(self, texts: Sequence[str]) -> Floats:
        """Give the logits of each code.

        :param texts: the texts.
        :returns: float32 [n, classes].
        """
        import torch

        device = next(self._model.parameters()).device
        found = [np.zeros((0, len(self.classes)), np.float32)]
        with torch.inference_mode():
            for begin in range(0, len(texts), BATCH):
                logits = self._model(**self._encode(list(texts[begin : begin + BATCH]), device)).logits
                found.append(logits.float().cpu().numpy())
        return np.concatenate(found)

    def _encode(self, texts: list[str], device: Any) -> Any:
        return self._tokenizer(texts, padding=True, truncation=True, max_length=LENGTH, return_tensors="pt").to(device)

    def _load(self, kind: str, **options: Any) -> Any:
        try:
            loader = getattr(self._library, kind)
            return loader.from_pretrained(str(self._folder), local_files_only=True, **options)
        except (OSError, ValueError, RuntimeError) as error:
            words = " ".join(str(error).split())
            raise KGError(
                f"{self._folder} can't be loaded as a transformers model ({words}); check its files"
            ) from error
