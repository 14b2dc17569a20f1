"""The plain words that the search for mentions and their contexts needs: determiners, verbs, scope ends, drug names.

All are lemmas (lower case, ё as е) but for the endings of drug names. English has too few endings to tell a verb
by, so the verbs that clinical statements have are listed; Russian ones are told by their form.
"""


def _words(text: str) -> frozenset[str]:
    """Split a list of words."""
    return frozenset(text.split())


def _stems(text: str) -> tuple[str, ...]:
    """Split a list of word endings."""
    return tuple(text.split())


DETERMINERS = {
    "en": _words("a an the his her their my your our its this that some any these those"),
    "ru": _words("мой его ее свой этот тот данный"),
}
"""Words that may stand inside a name or a cue without changing it."""

NUMBERS = {
    "en": _words("""
        three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen eighteen
        twenty
    """),
    "ru": _words("""
        три четыре пять шесть семь восемь девять десять двенадцать трех четырех пяти шести семи восьми
        десяти
    """),
}
"""Numbers in words."""

SUBJECTS = {
    "en": _words("he she they it i we there patient himself herself"),
    "ru": _words("он она они пациент пациентка больной больная сам самый"),
}
"""Words that make a clause a statement about the patient."""

REPORTING = {
    "en": _words("""
        report complain describe present have develop experience notice mention complaint
    """),
    "ru": _words("""
        жалоба жаловаться беспокоить отмечать появиться обратиться поступить предъявлять
    """),
}
"""Words that begin a statement of their own, unless a cue stands right before them ("does not have")."""

VERBS = {
    "en": REPORTING["en"]
    | _words("""
        be do take start begin give prescribe receive continue worsen persist remain feel come get become say
        state admit tell advise use suffer keep improve occur wake seek visit live work treat add need note show
        find reveal stay return go grow bring attend arrive see make switch change stop deny confirm endorse
        recur settle resolve affect spread lead help ease relieve control manage trouble bother last stand hold
        refuse decline discontinue die diagnose
    """),
    "ru": REPORTING["ru"],
}
"""Words that make a clause a statement; the Russian ones are few because form tells the rest."""

CONJUNCTIONS = {"en": _words("and then plus"), "ru": _words("и да")}
"""Words that may begin a new statement without a comma."""

ALTERNATIVES = {"en": _words("or nor"), "ru": _words("или ни либо")}
"""Words that go on with an enumeration, whatever verb follows."""

ONSET = {
    "en": _words("""
        start begin appear develop since onset notice worsen first diagnose commence ongoing
    """),
    "ru": _words("""
        начаться начинаться появиться появляться возникнуть с выявить диагностировать впервые установить
        дебют начало заболеть поставить диагноз развиться
    """),
}
"""Words that make a time in the past the beginning of what lasts."""

ADVICE = {
    "en": _words("""
        should advised told instructed can may use take return recommended asked warned urged ring call
    """),
    "ru": _words("""
        следует рекомендовано рекомендуется советовано можно принять принимать обратиться явка вызвать
        добавить
    """),
}
"""Words, as written, after which a condition governs what comes before it too ("take ibuprofen if fever returns")."""

INFORMING = {
    "en": _words("""
        report say state tell notice note bring describe add confirm mention worry concern complain deny ask
        advise instruct warn give think explain recall observe call ring phone recount claim insist witness urge
        request accompany educate fear
    """),
    "ru": _words("""
        сообщать сообщить отмечать отметить заметить замечать рассказать рассказывать говорить сказать
        жаловаться отрицать привести указывать считать вызвать описывать описать добавить предупредить
        проинструктировать рекомендовать обратиться подтвердить подтверждать утверждать привезти просить
        обеспокоить беспокоиться принести обучить разъяснить объяснить настоять заявлять
    """),
}
"""What a relative does who speaks for the patient or is spoken to: the finding is then the patient's."""

COMPANY = {
    "en": _words("by with to per bother disturb wake annoy"),
    "ru": _words("""
        с со слово сопровождение просьба рассказ наблюдение мнение присутствие настояние беспокоить мешать
        тревожить пугать
    """),
}
"""Words before a relative that make them a companion or an informant, unless "who" follows or contact is meant."""

WHO = {"en": _words("who whose have"), "ru": _words("который болеть больной у")}
"""Words after a relative that speak of the relative's own illness."""

PERCEPTION = {
    "en": _words("""
        be note find see report observe detect record elicit hear describe mention identify document
    """),
    "ru": _words("""
        отметить отмечать выявить выявлять обнаружить наблюдаться отмечаться выявляться
    """),
}
"""Verbs that close an enumeration and begin no statement of their own ("no fever and cough were noted")."""

NEGATORS = {"en": _words("not no never cannot can't hardly"), "ru": _words("не нет никогда")}
"""Words that undo a denial right after them."""

CONCORD = {"en": _words("no nor or any"), "ru": _words("ни никакой не нет")}
"""Words that repeat a denial and don't undo it."""

AUXILIARIES = {
    "en": _words("""
        be have do yet fully entirely completely really exactly quite totally also both still already
        actually now then later soon since all ever long
    """),
    "ru": _words("""
        быть полностью совсем также тоже еще уже вовсе совершенно бывать остаться оставаться обойтись пока
        мочь
    """),
}
"""Words that may stand between two parts of a predicate."""

PRESENCE = _words("""
        быть бывать беспокоить отмечать отметить отмечаться выслушиваться выслушать выявить выявлять выявляться
        обнаружить обнаруживать обнаруживаться наблюдать наблюдаться определяться определять пальпироваться
        прощупываться замечать заметить испытывать ощущать ощущаться чувствовать чувствоваться страдать болеть
        возникать возникнуть появляться появиться подтвердиться подтверждаться подтвердить регистрироваться
        зафиксировать фиксироваться визуализироваться видеть видно слышно найти находить иметь иметься
        предъявлять знать описывать жаловаться тревожить мучить присутствовать сопровождаться развиться
        развиваться повторяться встречаться случаться случиться проявляться проявлять указывать диагностировать
        установить назначать назначить принимать получать применять использовать пить переносить показать
        рекомендовать понадобиться потребоваться стать хотеть начать вводить существовать увидеть услышать
        сообщать упоминать подозреваться усматриваться прослушиваться видать зарегистрировать констатировать
        характерный рекомендоваться назначаться использоваться применяться приниматься давать дать возобновлять
        возобновить купить начинать продолжать продолжить выписать выписывать брать взять нуждаться ввести
        вводиться включать согласиться соглашаться добавлять подойти употреблять планировать диагностироваться
        описываться упоминаться указываться прослеживаться вспомнить помнить припомнить требоваться встретить
        встречать сохраняться
    """)
"""Russian verbs that, denied, deny a finding before them ("кашель не беспокоит"; but "кашель не даёт спать")."""

PREPOSITIONS = _words("""
        у на в во при за по к с со о об от до для из без под перед через между после над про
    """)
"""Russian words after which a noun is no subject."""

SWITCHING = _words("switch change move convert transition transfer")
"""English verbs after which "from" names the drug that was left."""

CIRCUMSTANCE = {"en": _words("because after during despite"), "ru": _words("из-за при после вследствие")}
"""Words before a finding that make it no subject of the predicate after it ("из-за кашля не спит")."""

APPEARANCE = {"en": _words("develop appear begin"), "ru": _words("развиться появиться возникнуть начаться")}
"""Verbs that end the scope of a denial before them ("after stopping the drug, a rash appeared")."""

WITHOUT = {"en": _words("without"), "ru": _words("без")}
"""The denial that a frequency may go with ("not a day without")."""

TIMES = {
    "en": _words("day night week morning evening month hour meal single one"),
    "ru": _words("день ночь неделя утро вечер месяц один единый час"),
}
"""Words that may stand between two denials that make a frequency ("not a day without")."""

ABSENCE = {"en": _words("absence lack"), "ru": _words("отсутствие отрицать")}
"""Nouns that deny a finding, and affirm it when they are denied."""

ATTENDANT = {"en": _words("with"), "ru": _words("с")}
"""Words that lead from a suspicion to what goes with it in fact ("possible pneumonia with a cough")."""

PURPOSE = {"en": _words("for to"), "ru": _words("для")}
"""Words that lead from what is done to what it shall prevent."""

OPENING = {"en": REPORTING["en"] - {"have"}, "ru": _words("жаловаться жалоба обратиться поступить предъявлять")}
"""Verbs that lead back to the present complaint."""

PAST_FORMS = _words("took got gave came went felt had was were underwent")
"""Past forms that don't end in -ed."""

GOVERNMENT = {
    "нет": "gent",
    "без": "gent",
    "отсутствие": "gent",
    "риск": "gent",
    "профилактика": "gent",
    "вместо": "gent",
}
"""The case that a Russian cue's first word governs; a finding of another case after a comma is not in its scope."""

SCOPE_END = {
    "en": _words("""
        but however although though except yet while whereas because since despite due only just
    """),
    "ru": _words("но однако зато хотя кроме тогда а из-за вследствие лишь только"),
}
"""Words that end any scope."""

PRESENT = {
    "en": _words("now currently today presently present recently admit"),
    "ru": _words("сейчас теперь сегодня настоящий нынешний"),
}
"""Words that end the scope of the past."""

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
