"""Renders the product's own pages and cards from their templates; prompts have an engine of their own."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

TEMPLATES = Path(__file__).parent / "templates"


def rendered(template: str, /, **values: Any) -> str:
    """Fill a template.

    :param template: its file; in one that ends in ".html.j2" values are shown as text, never as markup, and lines of
        the template's own logic leave no trace.
    :param values: what it names.
    :returns: the text.
    """
    page = template.endswith(".html.j2")
    loader = FileSystemLoader(TEMPLATES)
    environment = Environment(
        loader=loader, undefined=StrictUndefined, autoescape=page, trim_blocks=page, lstrip_blocks=page
    )
    return environment.get_template(template).render(**values)
