"""Lets a model answer a part of a QA dataset, and writes what it said and how much of that is right.

`run.json` is written first and says what the replies depend on; `predictions.jsonl` grows by whole lines, so that a run
that was cut off goes on; `eval.json` is written last. No reply is repaired, and no item is left out because a model
can't read its language.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from generation.dataset import jsonl_writer, plain, read_jsonl, read_object, whole_lines
from generation.qa.dataset import JSONL, PARQUET
from generation.qa.measures import GROUPED, PREDICTIONS, RESULTS, summarise
from generation.qa.reading import Item, dataset_manifest, items_of
from generation.qa.replies import gold_answers, instruction, read_reply, score
from generation.qa.splits import PARTS, TEST
from generation.runtimes.contract import Completion, Message, Request, Runtime, Sampling
from kgengine import __version__
from kgengine.artifacts import MANIFEST, replaced_file, sha256_file
from kgengine.errors import KGError, UnknownNameError
from kgengine.seeding import item_rng, item_seed

STARTED = "run.json"
BARE_TOKENS, REASONED_TOKENS = 256, 1024
"""Most tokens of a reply without and with a chain of thought: our longest English replies have 98 and 875 in SmolLM2's
tokens (247 test items), the longest Russian ones without a chain of thought about 200 in a Russian tokenizer's."""
_KEPT = ("id", "form", "lang", "hops", "difficulty", "family", "gold", "options")


@dataclass(frozen=True)
class EvalConfig:
    """What to ask, and how.

    :ivar part: part of the dataset.
    :ivar limit: how many items, spread evenly over hop counts; all when None.
    :ivar seed: of the drawn items and of the bootstrap.
    :ivar langs: only items in these languages; () for all.
    :ivar instructed: True for a system turn that says what form the reply has.
    :ivar max_tokens: most tokens of a reply; by the dataset when None.
    :ivar resamples: of the bootstrap.
    """

    part: str = TEST
    limit: int | None = None
    seed: int = 0
    langs: tuple[str, ...] = ()
    instructed: bool = True
    max_tokens: int | None = None
    resamples: int = 1000


def evaluate(
    folder: Path,
    runtime: Runtime,
    out: Path,
    config: EvalConfig | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    force: bool = False,
) -> dict[str, Any]:
    """Let a model answer items greedily, and write `predictions.jsonl` and `eval.json` unless they are there already.

    :param folder: a dataset of `kg qa`.
    :param runtime: the model.
    :param out: the folder to write; what a run of just this left there is gone on with.
    :param config: what to ask.
    :param progress: told items answered and items in all.
    :param force: True to replace what the folder holds.
    :returns: the content of `eval.json`.
    :raises KGError: the dataset can't be used, or the folder holds something else.
    """
    config = config or EvalConfig()
    items = draw_items(read_items(folder, config.part), config)
    reasoned = bool(dataset_manifest(folder)["config"]["config"]["reasoned"])
    most = config.max_tokens or (REASONED_TOKENS if reasoned else BARE_TOKENS)
    sampling = Sampling(temperature=0.0, min_p=0.0, repeat_penalty=1.0, max_tokens=most)
    requests = [_request(item, config, reasoned, sampling) for item in items]
    made_from = _made_from(folder, items, config, sampling, runtime)
    found = read_object(out / RESULTS)
    if found and found.get("config") == made_from and (out / PREDICTIONS).is_file() and not force:
        return found
    keep = _keeps(out, made_from, force)
    with jsonl_writer(out / PREDICTIONS, overwrite=True, keep=keep) as writer:
        _start(out, made_from)
        done = {record["id"] for record in read_jsonl(out / PREDICTIONS)}
        progress(len(done), len(items))
        for record in _answered(items, requests, done, runtime):
            writer.write(record)
            progress(len(done) + writer.count, len(items))
    return _finish(out, [item["id"] for item in items], made_from)


def read_items(folder: Path, part: str = TEST) -> list[Item]:
    """Read a part of a dataset, in whichever format.

    :param folder: a dataset of `kg qa`.
    :param part: one of `PARTS`.
    :returns: `question` and what else an evaluation needs of each item, in the file's order.
    :raises KGError: there is no such dataset or part, or an item is damaged.
    """
    if part not in PARTS:
        raise UnknownNameError("part", part, hint="take one of " + ", ".join(PARTS))
    shape = str(dataset_manifest(folder)["format"])
    path = next((one for kind in (JSONL, PARQUET) if (one := folder / f"{part}.{kind}").is_file()), None)
    if path is None:
        there = sorted({one.stem for one in folder.glob("*.*") if one.stem in PARTS})
        raise KGError(f"{folder} has no {part} part; take {' or '.join(there) or 'another dataset'} (--part)")
    items = []
    for number, record in enumerate(items_of(path, shape), 1):
        try:
            items.append({"question": record["question"]} | {key: record[key] for key in _KEPT})
        except KeyError as error:
            raise KGError(f"{path}, item {number} is no item of a {shape} dataset; make it again with kg qa") from error
    return items


def draw_items(items: Sequence[Item], config: EvalConfig) -> list[Item]:
    """Draw items, as many of each hop count as there are; those of a smaller limit are among those of a larger one.

    :raises KGError: there are none.
    """
    rows: dict[int, list[int]] = {}
    for row, item in enumerate(items):
        if not config.langs or item["lang"] in config.langs:
            rows.setdefault(item["hops"], []).append(row)
    if not rows or (config.limit is not None and config.limit < 1):
        wanted = f" in {', '.join(config.langs)}" if config.langs else ""
        raise KGError(f"no items to ask: the {config.part} part has none{wanted}, or the limit is below 1")
    mixed = [item_rng(config.seed, "qa eval", hops).permutation(rows[hops]).tolist() for hops in sorted(rows)]
    drawn = [row for turn in zip_longest(*mixed) for row in turn if row is not None]
    return [items[row] for row in sorted(drawn[: config.limit])]


def _made_from(
    folder: Path, items: Sequence[Item], config: EvalConfig, sampling: Sampling, runtime: Runtime
) -> dict[str, Any]:
    """Give all that the predictions depend on, as JSON gives it back."""
    made_from = {
        "dataset_sha256": sha256_file(folder / MANIFEST),
        "items_sha256": _hash(items),
        "items": len(items),
        **{key: value for key, value in asdict(config).items() if key != "max_tokens"},
        "sampling": {"method": "greedy", **sampling.to_json()},
        "runtime": runtime.description,
        "version": __version__,
    }
    given: dict[str, Any] = plain(made_from)
    return given


def _hash(items: Iterable[Item]) -> str:
    """Hash what an evaluation depends on of items, whatever their files' format."""
    texts = ([item["id"], item["question"], item["form"], item["gold"]] for item in items)
    lines = (json.dumps(text, ensure_ascii=False) + "\n" for text in texts)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _request(item: Item, config: EvalConfig, reasoned: bool, sampling: Sampling) -> Request:
    """Make the chat that asks an item's question."""
    messages: tuple[Message, ...] = (Message("user", item["question"]),)
    if config.instructed:
        messages = (Message("system", instruction(item, reasoned)), *messages)
    return Request(messages, "", item_seed(config.seed, f"qa eval {item['id']}", 0), sampling)


def _answered(items: list[Item], requests: list[Request], done: set[str], runtime: Runtime) -> Iterator[Item]:
    """Ask all that is not done; give each item's prediction as soon as it is there."""
    waiting = iter([place for place, item in enumerate(items) if item["id"] not in done])
    in_work = 0
    while True:
        while in_work < runtime.width and (place := next(waiting, None)) is not None:
            runtime.submit(place, requests[place])
            in_work += 1
        if not in_work:
            return
        for place, completion in runtime.collect():
            in_work -= 1
            yield _prediction(items[place], completion)


def _prediction(item: Item, completion: Completion) -> Item:
    said, gold = read_reply(completion.text, item), gold_answers(item)
    about = {key: item[key] for key in ("id", "family", *GROUPED)}
    reply = {"reply": completion.text, "finished": completion.finished, "read": sorted(said), "gold": sorted(gold)}
    return about | reply | asdict(score(said, gold))


def _keeps(out: Path, made_from: dict[str, Any], force: bool) -> bool:
    """Tell whether to go on with the predictions that a folder holds.

    :raises KGError: it holds something else.
    """
    if out.exists() and not out.is_dir():
        raise KGError(f"{out} is a file; --out takes a folder, which is made")
    found = [name for name in (STARTED, PREDICTIONS, RESULTS) if (out / name).exists()]
    if not found or force:
        return False
    there = (read_object(out / STARTED) or {}).get("config")
    if not isinstance(there, dict):
        raise KGError(f"{out} holds {', '.join(found)} of something else; give another --out, or --force to replace it")
    unlike = sorted(key for key in {*there, *made_from} if there.get(key) != made_from.get(key))
    if unlike:
        raise KGError(
            f"{out} holds an evaluation of something else ({', '.join(unlike)}); give another --out, or --force to "
            "replace it"
        )
    return (out / PREDICTIONS).is_file() and whole_lines(out / PREDICTIONS) > 0


def _start(out: Path, made_from: dict[str, Any]) -> None:
    """Take the results away, and say what the predictions depend on."""
    for path in (
        out / RESULTS,
        *(one for name in (STARTED, PREDICTIONS, RESULTS) for one in out.glob(f".{name}.*.tmp")),
    ):
        path.unlink(missing_ok=True)
    _write(out / STARTED, {"config": made_from})


def _finish(out: Path, ids: list[str], made_from: dict[str, Any]) -> dict[str, Any]:
    """Put the predictions into the items' order, which only a runtime of one text at once keeps, and sum them up."""
    place = {one: number for number, one in enumerate(ids)}
    found = list(read_jsonl(out / PREDICTIONS))
    records = sorted(found, key=lambda record: place[record["id"]])
    if records != found:
        with replaced_file(out / PREDICTIONS) as temporary, jsonl_writer(temporary, overwrite=True) as writer:
            for record in records:
                writer.write(record)
    results = {**summarise(records, made_from), "config": made_from}
    _write(out / RESULTS, results)
    return results


def _write(path: Path, value: dict[str, Any]) -> None:
    with replaced_file(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
