"""CURIE identifiers: their general form, and the exact form of the vocabularies that we know.

A `node_id` is `PREFIX:local`, e.g. `ICD10:J18`, `HP:0002090`, `ATC:J01CA04`. Nothing here asks whether
an id exists in its vocabulary; the tests do that for the facts that we ship.
"""

import re

_CURIE = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]*:\S+")
_LOCAL_FORMS = {
    "ICD10": re.compile(r"[A-Z]\d\d(\.\d{1,2})?"),
    "HP": re.compile(r"\d{7}"),
    "ATC": re.compile(r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?"),
    "DOID": re.compile(r"\d+"),
    "DRUGBANK": re.compile(r"DB\d{5}"),
    "MONDO": re.compile(r"\d{7}"),
    "MESH": re.compile(r"[A-Z]\d{6,9}"),
    "UMLS": re.compile(r"C\d{7}"),
}


def id_problem(node_id: str) -> str | None:
    """Say what is wrong with an identifier.

    :param node_id: the candidate CURIE.
    :returns: None when the form is right, else a clause for an error message.
    """
    if not _CURIE.fullmatch(node_id):
        return f"'{node_id}' is not an identifier; expected PREFIX:local, such as ICD10:J18"
    prefix, local = node_id.split(":", 1)
    form = _LOCAL_FORMS.get(prefix)
    if form is not None and not form.fullmatch(local):
        return f"'{node_id}' does not have the form of a {prefix} code"
    return None
