"""The options by which a command says what writes its texts: a GGUF model, an endpoint, or templates alone."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generation.lemmas import check_language

if TYPE_CHECKING:
    from generation.runtimes.contract import Runtime

STRICT, FAST = "strict", "fast"


def runtime_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of what writes notes: those of a model, `--temperature` and `--template-only`."""
    temperature = click.option("--temperature", type=click.FloatRange(0.01, 2.0), default=0.5, show_default=True)
    templates = click.option("--template-only", is_flag=True, help="Word the notes from templates, without a model.")
    return templates(model_options(temperature(function)))


def model_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a model that :func:`make_runtime` takes."""
    path = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("--gpu-layers", type=int, default=0, show_default=True, help="Layers on the GPU; -1 for all."),
        click.option("--threads", type=click.IntRange(1), help="CPU threads.  [default: all cores]"),
        click.option("--width", type=click.IntRange(2, 256), help="Texts at once in fast mode.  [default: 16]"),
        click.option(
            "--mode",
            type=click.Choice([STRICT, FAST]),
            default=FAST,
            show_default=True,
            help="strict: one text at a time, the same bytes again on this machine.",
        ),
        click.option("--lora", type=path, help="LoRA adapter for the model (GGUF)."),
        click.option("--endpoint", metavar="URL", help="Ask an OpenAI-compatible server; --model names its model."),
        click.option("--model-languages", metavar="LANG,...", help="Languages that the model writes, if not known."),
        click.option("--model", help="GGUF file.  [default: SmolLM2-135M-Instruct]"),
    ):
        function = option(function)
    return function


def parted_options(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the options of :func:`model_options` from any others."""
    names = ("gpu_layers", "threads", "width", "mode", "lora", "endpoint", "model_languages")
    own = {name: options[name] for name in names}
    return own, {name: value for name, value in options.items() if name not in names}


def make_runtime(model: str | None, template_only: bool, own: dict[str, Any]) -> "Runtime | None":
    """Make the runtime that the options ask for, which may take a while: a model is loaded.

    :param model: path of a GGUF file, or the endpoint's name of a model.
    :param template_only: True for none.
    :param own: the options of :func:`model_options`.
    """
    if template_only and (model or own["endpoint"]):
        raise click.UsageError("--template-only words notes without a model; drop --model and --endpoint")
    if template_only:
        return None
    listed = own["model_languages"]
    languages = tuple(check_language(part.strip()) for part in listed.split(",")) if listed else None
    if own["endpoint"]:
        return _endpoint(model, languages, own)
    return _local(Path(model) if model else None, languages, own)


def _endpoint(model: str | None, languages: tuple[str, ...] | None, own: dict[str, Any]) -> "Runtime":
    if not model:
        raise click.UsageError("--endpoint needs --model, the server's name of a model")
    if own["lora"]:
        raise click.UsageError("--lora goes with a GGUF file; give it to the server instead")
    from generation.runtimes.endpoint import EndpointRuntime

    return EndpointRuntime(own["endpoint"], model, languages, width=own["width"] or 8)


def _local(path: Path | None, languages: tuple[str, ...] | None, own: dict[str, Any]) -> "Runtime":
    from generation.models import default_model
    from generation.runtimes.batched import WIDTH, LlamaRuntime

    width = 1 if own["mode"] == STRICT else own["width"] or WIDTH
    runtime = LlamaRuntime(
        path or default_model(),
        width=width,
        threads=own["threads"],
        gpu_layers=own["gpu_layers"],
        languages=languages,
        lora=own["lora"],
    )
    need, free = runtime.memory_bytes, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    click.echo(f"{runtime.path.name}: {width} texts at once, about {need / 1e9:.1f} GB of memory", err=True)
    if need > free and not own["gpu_layers"]:
        click.echo(f"warning: only {free / 1e9:.1f} GB are free; lower --width if it gets slow", err=True)
    return runtime
