"""The words around a mention that matter: determiners to skip, cues of negation, and how drug names end.

A cue of several words is written with spaces. English cues follow NegEx (Chapman et al. 2001,
doi:10.1006/jbin.2001.1029); the Russian ones are ours.
"""


def _lines(text: str) -> tuple[tuple[str, ...], ...]:
    """Split a comma-separated list of cues into tuples of words."""
    return tuple(tuple(cue.split()) for cue in text.replace("\n", " ").split(",") if cue.strip())


def _words(text: str) -> frozenset[str]:
    """Split a list of words."""
    return frozenset(text.split())


def _stems(text: str) -> tuple[str, ...]:
    """Split a list of word endings."""
    return tuple(text.split())


DETERMINERS = {
    "en": _words("a an the his her their my your our its this that some any he she"),
    "ru": _words("мой его ее свой этот тот данный"),
}
"""Words that may stand inside a name without changing it."""

BEFORE = {
    "en": _lines("""
        no, no long, not, cannot, deny, denial, without, never, neither, nor, negative for, absence of, free of,
        lack of, rule out, allergic to, allergy to, intolerant of, refuse, decline, stop take
    """),
    "ru": _lines("""
        не, нет, без, отрицать, отсутствие, отсутствовать, ни, исключить, исключать, аллергия на, отказаться от,
        непереносимость
    """),
}
"""Cues that negate what follows them."""

AFTER = {
    "en": _lines("""
        be absent, be deny, be rule out, be not present, not present, be negative, have resolve, be stop,
        be discontinue, be withdraw, be refuse
    """),
    "ru": _lines("""
        нет, отсутствовать, отрицать, не быть, не беспокоить, не отмечать, не отмечаться, не выявить, не выявлять,
        исключить, отменить, пройти
    """),
}
"""Cues that negate what stands shortly before them."""

NOT_NEGATION = {
    "en": _lines("""
        not only, no change in, no improvement in, no improvement of, no improvement, not sure, without relief,
        no relief, not improve, not relieve, not go away, not respond, not resolve, no better, not help
    """),
    "ru": _lines("""
        не только, не проходить, не уменьшаться, не купироваться, не снижаться, без улучшение, без эффект,
        без динамика, нет эффект, нет улучшение
    """),
}
"""Runs of words that contain a cue but negate no finding."""

REPORTING = {
    "en": _words("report complain describe present have develop experience notice mention"),
    "ru": _words("жалоба жаловаться беспокоить отмечать появиться"),
}
"""Words that begin a statement of their own, unless a negation stands right before them ("does not have")."""

SCOPE_END = {
    "en": _words("but however although though except yet while whereas because since") | REPORTING["en"],
    "ru": _words("но однако зато хотя кроме") | REPORTING["ru"],
}
"""Words that end the scope of a negation."""

DRUG_STEMS = {
    "en": _stems("""
        azepam azole caine cillin coxib cycline dipine fenac floxacin gliflozin gliptin lukast
        mab mycin olol oxetine parin prazole pril profen sartan setron statin tidine triptan
    """),
    "ru": _stems("""
        азепам азол каин циллин коксиб циклин дипин фенак флоксацин глифлозин глиптин лукаст
        маб мицин олол оксетин парин празол прил профен сартан сетрон статин тидин триптан
    """),
}
"""Endings of drug names: a choice of the stems of international non-proprietary names (WHO, The use of stems in
the selection of INN, 2018). A word that ends so and is no known drug is one that a model made up or misspelt."""

NO_DRUGS = frozenset({"april"})
"""Words that end like a drug and are none."""
