"""The English cues: after NegEx and ConText (Chapman et al. 2001, doi:10.1006/jbin.2001.1029; Harkema et al. 2009,
doi:10.1016/j.jbi.2009.05.002), with many of our own. How they are written is said in `generation.cues`.
"""

from generation.statuses import (
    AFFIRMED,
    AROUND,
    AVOIDED,
    BACKWARD,
    CANCEL,
    EITHER,
    FAMILY,
    FORWARD,
    GONE,
    HYPOTHETICAL,
    NEGATED,
    PAST,
    PSEUDO,
    Cues,
)

_DOUBLE = """
    not fail to, never fail to, than before, than previously, than last year, than years ago, than a year ago,
    stop him, stop from, stop them, as previously, as before, as in the past, as last year, man in teens,
    woman in teens, patient in teens, man in twenties, woman in twenties, patient in twenties, man in thirties,
    woman in thirties, patient in thirties, man in forties, woman in forties, patient in forties, man in fifties,
    woman in fifties, patient in fifties, boy in teens, girl in teens, mother of, father of, wife of, single mother,
    single father, parent of, grandmother of, grandfather of, twin pregnancy, not only, not just, not merely,
    no change in, no improvement in, no improvement of, no improvement, not improve, no improvement with, no relief,
    no relief of, no relief from, no better, no response, no response to, no decrease in, no reduction in,
    no resolution of, no let-up in, no let up in, no end to, no remission of, no effect on, no easing of, not sure,
    no doubt, no question, no denying, no stranger to, no shortage of, no lack of, no absence of, nothing but,
    no less, no worse, no wonder, not respond, not relieve, not help, not go away, not get better, not control,
    not ease, not relent, not let up, not abate, not lessen, not decrease, not subside, not settle, not clear,
    not disappear, not well controlled, not yet gone, not yet settled, not yet resolved, not fully resolved,
    not completely resolved, without relief, without improvement, without effect, without change, without respite,
    without let-up, not infrequent, not infrequently, not uncommon, not uncommonly, not unusual, not rare, not rarely,
    not seldom, never far, not spared, not escaped, not immune to, not unaware of, not unfamiliar with,
    not negligible, not trivial, pass without, go by without, goes without, hardly without, seldom without,
    rarely without, seldom free of, rarely free of, rarely free from, hardly free of, far from free of,
    far from absent, far from resolved, anything but absent, hardly absent, nobody denies, not bear, not radiate,
    not stop, not change, not vary, not related to, not let, not prevent, not entirely free of, not exactly free of,
    not exempt from, not always, not yet subsided, no matter, not surprising, no exaggeration, not insignificant,
    never stop, never leave, never go away, never really go away, fail to resolve, fail to improve, not know if,
    not tolerate lying, as soon as possible, as if, not due to, no reason for, no cause for, no explanation for,
    instead of it, not relieved by, not taken seriously, fail to settle, off and on, on and off, no longer mild,
    no longer tolerable, no longer able
"""
_CANCEL = """
    cannot say that, cannot claim, cannot be said, cannot say, not true that, untrue that, wrong to say,
    not the case that, incorrect that, not correct that, would not say, not say that, not claim, not think that,
    no longer deny, not possible to say, hard to say that, impossible to deny, impossible to say, no one could say,
    nobody could say, not mean that, no longer true that, hardly be said, not accurate to say, false that
"""
_EXCEPT = """
    other than, apart from, aside from, except for, except, save for, with the exception of, besides, ^just, ^only,
    ^merely, ^simply, barring, outside of, excepting
"""
_NEGATED_AHEAD = """
    nothing, nobody, none, no one, no, not, cannot, can't, without, never, neither, nor, negative for, absence of,
    free of, free from, lack of, =lacks, =lacking, =ruled out, =rules out, =excluded, =excludes, no history of,
    no prior history of, no evidence of, no previous history of, no past history of, no sign of, no signs of,
    no suggestion of, no complaint of, nil, not complain of, no record of, no known, no trace of, no hint of,
    not present with, no indication of, clear of, no suspicion of, no risk of, no risk factors for, no concern for,
    not suspicious for, no family history of, not consistent with, not suggestive of, not in keeping with,
    no features of, no symptoms of, nothing to suggest, unlikely to be, no finding of, =zero, spared, fail to show,
    fail to reveal, nothing to indicate, argue against, speak against, inconsistent with, no personal history of,
    rather than, as opposed to, devoid of, with no, makes unlikely
"""
_NEGATED_EITHER = """
    not be see, not be find, not be hear, not be feel, not be detect, not be elicit, not be confirm,
    not be demonstrate, deny, denial of, not report, not see, not find, not note, not detect, not observe, not hear,
    not palpable, not feel, not palpate, not elicit, not identify, not demonstrate, not confirm, not visible,
    not evident, not apparent, not mention, not describe, not admit, not notice, not experience, not appreciate,
    never occur, never develop, not develop, not occur, not diagnose, not support, not appear, not show, not reveal,
    not bothered by, not troubled by, not suffer from, not have, not a feature, not a problem, not an issue,
    not accompanied by, not associated with, not reproduce, not recorded, not endorse, not suggest, not indicate,
    not admit to, not noted
"""
_NEGATED_BEHIND = """
    be absent, absent, :no, :none, :nil, :negative, :denied, :not, :never, be deny, was =ruled out, were =ruled out,
    have been =ruled out, been =ruled out, =ruled out, is =ruled out, was excluded, were excluded, been excluded,
    excluded, not present, be not present, be negative, negative, is unlikely, is very unlikely, seems unlikely,
    unlikely, nowhere, was refuted, been refuted, have been denied, was discarded, be lacking, no longer suspected
"""
_AVOIDED_AHEAD = """
    allergy, =off, come off, take off, be take off, allergic to, intolerant of, intolerant to, hypersensitive to,
    hypersensitivity to, sensitivity to, sensitive to, allergy to, intolerance to, intolerance of, intolerant, refuse,
    refuse to take, =declined, decline, decline to take, =declines, instead of, in place of, in lieu of, avoid,
    not tolerate, unable to tolerate, could not tolerate, unable to take, not take, not prescribe, not start,
    not give, not on, reaction to, anaphylaxis to, replacing, contraindication to, anaphylactic reaction to,
    allergic reaction to, adverse reaction to, not restart, rash with, rash from, not want, turn down, say no to,
    opt against, against taking, reject, not agree to, not use, reluctant to take, angioedema from, angioedema with,
    reacts to, react to
"""
_AVOIDED_BEHIND = """
    be refuse, refuse, decline, be decline, not tolerate, poorly tolerated, badly tolerated, allergy, intolerance,
    hypersensitivity, not take, not prescribe, not start, not give, contraindicated, be contraindicated, be replace,
    replaced by, was replaced with, was replaced, switch to, change to, was changed to, was switched to,
    was swapped for, give way to, caused a rash, made him sick, made her sick, allergies, was rejected, not used,
    not restart, not resume, reaction, substituted by, was substituted by, was substituted with, exchanged for,
    swapped for, be avoided, was skipped
"""
_GONE_EITHER = """
    stop, stop taking, discontinue, cease, withdraw, no longer, no longer have, no longer take, no longer on,
    no longer use, take off, wean off, quit, halt, suspend, give up, cancel, abandon, phased out
"""
_GONE_AHEAD = """
    resolution of, recover from, get over, cured of, free since, tapered off, rid of, recovery from, disappearance of,
    cessation of, withdrawal of, discontinuation of, successfully treated
"""
_GONE_BEHIND = """
    resolve, have resolve, be stop, be discontinue, be withdraw, be =gone, have =gone, disappear, go away, clear,
    clear up, subside, settle, be over, have pass, be cure, no longer present, no longer bother, be hold, on hold,
    be cancel, in remission, heal, go into remission, abate, fade, vanish, come to an end, pass off, :resolved,
    :stopped, :gone, :discontinued, last week only, lift, =passed, be no more, be eradicated, be suspended, dissipate,
    wear off, self-limiting, self-limited, long gone, stopped working, be halted, has left her, be completed,
    be finished, fully recovered, run its course, tapered off, be removed, was surgically removed, be repaired,
    lasted only, lasted a day, remit, ran out
"""
_PAST_AHEAD = """
    ^past, outgrew, =outgrown, grow out of, =once suffered, =once suffered from, last attack of, =last had,
    last episode of, previously treated for, operated on for, past episode of, past bout of, past attack of, complete,
    finish, history of, past history of, medical history of, past medical history of, previous, prior, former,
    known history of, previous history of, pmh, hx of, used to have, used to take, used to suffer from, used to get,
    used to be, h/o, status post, childhood, past medical history, past medical history includes, medical history,
    medical history includes, history includes, history notable for, history significant for,
    medical history significant for, survived, survivor of, remote, overcame, =was treated for, =was once treated for,
    =once had, s/p, prior episode of, bygone, medical history notable for, past surgical history, used to,
    personal history of, previous bout of, prior history of, treated in the past for, was hospitalised for,
    was admitted for, was hospitalized for
"""
_PAST_EITHER = """
    lifetime ago, winters ago, summers ago, ages ago, in high school, in primary school, in college, at the time,
    during childhood, in first pregnancy, in last pregnancy, during the war, in a previous pregnancy,
    in previous pregnancy, before the operation, before surgery, as a newborn, during school years,
    the year before last, seasons ago, years prior, months prior, at one point, in the distant past,
    in the remote past, in twenties, in thirties, in forties, in fifties, in teens, when he was %, when she was %,
    at age %, at the age of %, when he was child, when she was child, when he was young, when she was young,
    when he was baby, when she was baby, previously, formerly, in the past, as a child, in childhood, as a teenager,
    as an infant, in infancy, in adolescence, last year, last winter, last summer, last spring, last autumn,
    last fall, years ago, year ago, in youth, as a boy, as a girl, as a baby, as a student, years earlier, years back,
    months ago, decade ago, decades ago, long ago, weeks ago, earlier this year, last month, in #, during #,
    at one time, years before, when young, in earlier life, in early life, early life, back in, before pregnancy,
    until #, last season, earlier in life, in the army, in the navy, historically, while pregnant, at university,
    during first pregnancy, during last pregnancy, as a young man, as a young woman, as an adolescent, as a toddler,
    as a schoolboy, as a schoolgirl, as a youth, as a young adult, in january, in february, in march, in april,
    in june, in july, in august, in september, in october, in november, in december, months earlier, weeks earlier,
    many years ago, the previous year, the year before, last christmas, over the winter, in kindergarten,
    early adulthood, as a young child, until last year, until recently, a while ago, some time ago, once before,
    earlier this month, earlier this winter, earlier this summer, postpartum, after delivery of first child, as a kid,
    the month before, back then, the winter before
"""
_RELATIVES = """
    =children, mother, father, mom, mum, dad, parent, brother, sister, sibling, son, daughter, aunt, uncle, cousin,
    grandmother, grandfather, grandparent, grandma, grandpa, husband, wife, spouse, partner, relative, colleague,
    coworker, co-worker, classmate, schoolmate, roommate, flatmate, housemate, neighbour, neighbor, friend, niece,
    nephew, grandson, granddaughter, grandchild, twin, fiance, fiancé, fiancée, household, stepfather, stepmother,
    teammate, family member, boyfriend, girlfriend, workmate, maternal, paternal, forebear, ancestor, kin, in-law,
    stepson, stepdaughter, half-brother, half-sister, father-in-law, mother-in-law, room-mate, great-aunt,
    great-uncle, great-grandmother, great-grandfather, school friend, household contact, close contact,
    other children, other child
"""
_FAMILY_AHEAD = """
    family history of, family history positive for, family history be positive for, family history includes,
    family history, family medical history, familial history of, strong family history of, paternal history of,
    maternal history of, parental history of, positive family history of, contact with, exposure to, exposed to,
    familial, family predisposition to, hereditary, fhx, fh of, family tree, exposure at
"""
_FAMILY_EITHER = """
    in the family, run in the family, run in family, run on the maternal side, run on the paternal side,
    on maternal side, on paternal side, on the mother's side, on father's side, among relatives,
    in first-degree relatives, in family members, on both sides of the family, several family members,
    many family members, in relatives, in his mother, in her father, going round the family, going around school,
    common in family, on side of the family
"""
_HYPOTHETICAL_AROUND = """
    should, lest, so as not to, =were to, if, in case of, in the event of, in case, unless, as needed for, whenever,
    should any, in the case of, provided that, until =you, would indicate
"""
_HYPOTHETICAL_AHEAD = """
    versus, vs, dread, frightened of, scared of, vulnerable to, to reduce, to minimise, for fear of,
    in order to avoid, avoid getting, lower the risk of, in case there is, believed to be, to catch early,
    warrants exclusion of, exclusion of, investigation for, investigation of possible, would raise concern for,
    be wary of, wary of, watchful for, be mindful of, to avert, to forestall, prevent, prevention of, preventing,
    prophylaxis of, prophylaxis against, prophylaxis for, risk of, risk for, at risk for, risk factors for,
    risk factor for, risk of developing, at risk of, =rule out, to =rule out, to exclude, =exclude, possible,
    possibly, suspect, suspicion of, suspicion for, suspicious for, suspicious of, probable, probably, watch for,
    watch out for, monitor for, look out for, look for, screen for, test for, check for, evaluate for, assess for,
    evaluation for, concern for, concern about, concerned about, worried about, worry about, fear of, afraid of, fear,
    could be, may be, might be, may have, might have, could have, may develop, might develop, may cause, can cause,
    could develop, may occur, likely, may get, return for, warn about, warn of, advise about, query, questionable,
    be alert for, be alert to, alert to, differential includes, differential diagnosis includes, differential,
    consider, potential, presumed, presumptive, danger of, chance of, vaccinated against, vaccination against,
    vaccine against, vaccinate against, immunised against, immunized against, protect against, predispose to,
    prone to, susceptible to, think of, side effects include, may lead to, side effect, investigate for,
    raises the question of, counsel about, side effects such as, side effects like, educate about, cannot exclude,
    cannot =rule out, not =exclude, work-up for, workup for, in the differential, can lead to, could lead to,
    anticipate, guard against, seek help for, call for, susceptibility to, to avoid, red flags for, signs to watch,
    provisional diagnosis of, working diagnosis of, in order to exclude, to look for, reduce the risk of, r/o,
    might suggest, would suggest, could suggest, may represent, could represent, might represent, may suggest,
    inform about, possibility of, probability of, likelihood of, not yet excluded, yet to exclude, screening for,
    vigilant for, vigilance for, question of, ?, for suspected, safety-net advice for, surveillance for, jab against,
    shot against, vaccine for, ward off, protection against, threat of, to detect, to confirm, to test for,
    cautioned about, caution about, increase the risk of, such as might, seems to be developing, precaution against,
    triggers of, come back for, come back with, return with, precautions for, signs of possible, thought to be,
    keep an eye out for, keep an eye on, report promptly any, warning signs of, warning signs, might indicate,
    may indicate, could indicate, unsure whether, whether, wonder about, risks of, risks include, hunt for,
    search for, to catch, at high risk of, high risk for, high risk of
"""
_HYPOTHETICAL_BEHIND = """
    be suspect, be possible, be likely, must be =ruled out, to be =ruled out, need to be =ruled out,
    should be =ruled out, cannot be =ruled out, cannot be excluded, must be excluded, to be excluded,
    should be excluded, be consider, not =ruled out, not be =ruled out, not excluded, not be excluded, prophylaxis,
    prevention, screening, screen, vaccine, vaccination, jab, should be considered, =occurs, =occur, a possibility,
    be a possibility, =develops, a concern, may occur, may develop, could develop, differential,
    be in the differential, might occur, risk, yet to be =ruled out, yet to be excluded, remain possible, be probable,
    be questionable, need to be excluded, be conceivable, need excluding, has to be =ruled out, has to be excluded,
    not be entirely =ruled out, must be considered, remains a possibility, was thought possible, to be considered,
    was raised as a possibility, is being considered, under question, is to be expected, are possible side effects,
    is being investigated, have to be excluded, might follow, could follow, may follow, may appear, could appear,
    might appear, cannot entirely be excluded, needs ruling out, be on the differential, be query, possible,
    risk assessment, under investigation, can occur
"""

CUES_EN = (
    Cues(AFFIRMED, PSEUDO, _DOUBLE),
    Cues(AFFIRMED, CANCEL, _CANCEL),
    Cues(AFFIRMED, FORWARD, _EXCEPT),
    Cues(NEGATED, FORWARD, _NEGATED_AHEAD),
    Cues(NEGATED, EITHER, _NEGATED_EITHER),
    Cues(NEGATED, BACKWARD, _NEGATED_BEHIND),
    Cues(AVOIDED, FORWARD, _AVOIDED_AHEAD),
    Cues(AVOIDED, FORWARD, "switched from, changed from, moved from, converted from, transitioned from", "to onto"),
    Cues(AVOIDED, FORWARD, "replaced, substituted, swapped, exchanged", "with by for"),
    Cues(AVOIDED, FORWARD, "from", "to onto"),
    Cues(AVOIDED, BACKWARD, _AVOIDED_BEHIND),
    Cues(GONE, EITHER, _GONE_EITHER),
    Cues(GONE, FORWARD, _GONE_AHEAD),
    Cues(GONE, BACKWARD, _GONE_BEHIND),
    Cues(PAST, FORWARD, _PAST_AHEAD),
    Cues(PAST, EITHER, _PAST_EITHER),
    Cues(FAMILY, FORWARD, _RELATIVES),
    Cues(FAMILY, FORWARD, _FAMILY_AHEAD),
    Cues(FAMILY, EITHER, _FAMILY_EITHER),
    Cues(HYPOTHETICAL, AROUND, _HYPOTHETICAL_AROUND),
    Cues(HYPOTHETICAL, FORWARD, _HYPOTHETICAL_AHEAD),
    Cues(HYPOTHETICAL, BACKWARD, _HYPOTHETICAL_BEHIND),
)
"""The English cues."""
