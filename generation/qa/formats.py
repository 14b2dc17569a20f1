"""Shapes items as training tools read them: alpaca, ShareGPT or OpenAI messages, the rest of each item beside."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from generation.qa.texts import Texts, listed
from kgengine.errors import UnknownNameError

_TEXTS = ("question", "answer", "reasoning")
_compute: Any = pyarrow.compute


def _alpaca(question: Texts, reply: Texts) -> dict[str, pyarrow.Array]:
    empty = pyarrow.repeat(pyarrow.scalar(""), len(question))
    return {"instruction": question, "input": empty, "output": reply}


def _sharegpt(question: Texts, reply: Texts) -> dict[str, pyarrow.Array]:
    return {"conversations": _turns(question, reply, ("from", "human", "gpt"), "value")}


def _openai(question: Texts, reply: Texts) -> dict[str, pyarrow.Array]:
    return {"messages": _turns(question, reply, ("role", "user", "assistant"), "content")}


def _turns(question: Texts, reply: Texts, who: tuple[str, str, str], what: str) -> pyarrow.ListArray:
    """Make a list of two turns for every item."""
    key, asks, replies = who
    count = len(question)
    speaker = pyarrow.array([asks, replies]).take(pyarrow.array(np.tile([0, 1], count)))
    order = np.arange(2 * count).reshape(2, count).T.ravel()
    said = pyarrow.concat_arrays([question, reply]).take(pyarrow.array(order))
    return listed(pyarrow.StructArray.from_arrays([speaker, said], names=[key, what]), np.full(count, 2))


_SHAPES: dict[str, Callable[[Texts, Texts], dict[str, pyarrow.Array]]] = {
    "alpaca": _alpaca,
    "sharegpt": _sharegpt,
    "openai": _openai,
}
FORMATS = tuple(_SHAPES)
_ROLES = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
_FACTORY: dict[str, dict[str, Any]] = {
    "alpaca": {
        "formatting": "alpaca",
        "columns": {"prompt": "instruction", "query": "input", "response": "output"},
    },
    "sharegpt": {"formatting": "sharegpt", "columns": {"messages": "conversations"}},
    "openai": {"formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": _ROLES},
}


def check_format(name: str) -> None:
    """Refuse a format that is not known.

    :raises UnknownNameError: there is none of this name.
    """
    if name not in _SHAPES:
        raise UnknownNameError("format", name, hint="take one of " + ", ".join(FORMATS))


def shaped(items: pyarrow.Table, name: str) -> pyarrow.Table:
    """Put the texts of items into the columns of a format, before the items' other columns.

    :param items: from `generation.qa.building`; the reply is the reasoning where there is one, else the answer.
    :param name: one of `FORMATS`.
    """
    reply = items["reasoning"] if "reasoning" in items.column_names else items["answer"]
    columns: dict[str, Any] = dict(_SHAPES[name](_whole(items["question"]), _whole(reply)))
    return pyarrow.table(columns | {key: items[key] for key in items.column_names if key not in _TEXTS})


def _whole(column: pyarrow.ChunkedArray) -> pyarrow.Array:
    return pyarrow.concat_arrays(column.chunks) if column.num_chunks else pyarrow.array([], column.type)


def factory_entry(file_name: str, name: str) -> dict[str, Any]:
    """Describe a file of a format for the `dataset_info.json` of LLaMA-Factory."""
    return {"file_name": file_name, **_FACTORY[name]}
