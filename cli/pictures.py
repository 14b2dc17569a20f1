"""The files that `kg query` writes for looking at an answer: a page and GraphML."""

from pathlib import Path

from kgengine.answers import Answers


def write_pictures(
    answers: Answers, title: str, between: str, html: Path | None, graphml: Path | None, lang: str
) -> None:
    """Write what is asked for of the subgraph of the answers' proofs.

    :param answers: the answers of a query.
    :param title: heads the page.
    :param between: what joins the names of the anchors: " and " or " or ".
    :param html: where to write the page, None for none; `graphml` likewise.
    :param lang: language of the names.
    :raises KGError: a file can't be written.
    """
    if html is None and graphml is None:
        return
    from kgengine.artifacts import replaced_file

    picture = answers.to_networkx(lang)
    if html is not None:
        from kgengine.pages import answer_page

        anchors = between.join(answers.graph.name(node, lang) for node in answers.anchors)
        with replaced_file(html) as temporary:
            temporary.write_text(
                answer_page(picture, answers.records(lang), title, f"from {anchors}"), encoding="utf-8"
            )
    if graphml is not None:
        import networkx

        with replaced_file(graphml) as temporary:
            networkx.write_graphml(picture, temporary)
