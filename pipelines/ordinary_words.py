"""Tell a name that is an ordinary word from the word: `Target raises outlook` from `Target price raised`. Pure.

Of some words a capital letter is enough, for no sentence begins with them: `Apple`, `Oracle`. Of the others it tells
them apart within a sentence. Where it does not (at the beginning of a sentence, in a headline in title case, in a text
in capitals) a name must show itself by what follows: a possessive, a verb that news have of companies, `shares`, `Inc`,
or another name in a list. Beside another word with a capital it is part of a longer name: `Schengen Visa`.
"""

from __future__ import annotations

import re

_CAPITAL_TELLS = """
adobe alphabet apple boots canon carnival caterpillar chewy coach dove fastly ford fox indigo intel lucid magnolia meta
micron monster olympus oracle orange persimmon phoenix sharp slack snap snowflake sprint subway titan trident uber
whirlpool wolf zoom
"""
_CAPITAL_IS_DOUBTFUL = """
a able academy access ace act action advance age agile aid aim air alert all alliance allied ally alpha also
ambassador ample an anchor and angel anthem any apache arch are area arm armour army arrow art as ascent aspire
asset at atlas aurora avenue away baby back bad bag balance ball bank banner bar base bat bath be beam bear bed bell
belt best bet beta better bid big bill bio bird bit block bloom blue body bold bone book boot border boss both box
boy brand bridge bright brown build bull bumble burger bus busy but button buy by cable call came camp can cap
capital car card cardinal care carrier cars case cash cat cave cell central century chart chase check chef chip
choice church circle city clay clean clear cloud club coal coast coat code coherent cold compass conduit
consolidated constellation continental cook copper core corner cost cow cracker crane crescent crest crop cross
crown cruise cry cube cup cut dad dark dash data date dawn day days dead deal dear deep delta desk dial diamond did
die diet digital dime direct discover discovery do does dog dollar dominion done door dover down draw dream drive
drop drug dry dual due dust duty each eagle ear earl earn east easy eat edge edit egg elastic element else emblem
emerald end energy enhance ensign enterprise entertainment envision equal equity era essential estate even ever
evergreen every evil evolve exact excel exchange exit expand express extra eye face fact fail fair falcon fall
family fan far farm fast fat fear fed feed feel feet fell felt few file film find fine fire firm first fish fit five
fix flat flex flow fly focus foot for force form fort fortune forward fossil foundation four free freedom
freight fresh frontier fuel full fun fund future gain game gap gas gate gateway gave general get gift girl give glad
global globe go goal god gold good got grab grand granite graphic gray green grew grid group grow growth guess guide
guild gun guy had hair half hand harbor hard harm has hat hate have he head health hear heart heat held help her
here heritage hero hers hey high hill him hint hire his hit hits hold hole holy home honest hope host hot hour how
hub huge hunt ice icon idea ideal if ill impact in independence infinity inspire intact into invest iron is it item
its jet job join joy jump jury just keen keep kept key kick kid kill kind kinetic king kiss knew knight know lack
lady lake land lane large last late law lay lead leader leap learn left leg legacy legend lemon less let level
liberty lie life lift light like line link lion list live load local logic lone long look loop lord lose loss lost
lot lots love low luck lucky lumen lush mad made magnet mail main make man many map marathon mark mask mass master
match mate matrix matter max may meal mean meat meet menu metal mid mile milk mind mine mirage mirror miss mix
mobile mode model modern mom moment monarch moon more mosaic most motion mountain move much muse must my name
national nature navigator near neck need net new news next nice nine noble nor north northern nose not note nova now
nut oak object ocean odd off oil old on one onto open orbit orient origin our ours out over own pace pacific pack
page paid pain pair palm pan parade paramount park part pass past path pay peak pearl pen people per pet pick pie
pilot pin pink pinnacle pioneer pipe plan planet play plot plug plus poem polar pool poor pop post power precision
premier prestige pride prime principal pro progress progressive proof public pulse pure push put puts quest quit
race radius rain ran range rank rapid rare rate raw ray read ready real realty rear red redwood reliance relief rent
repay republic resolute rest rice rich ride rights ring rise risk river road rock rocket roll roof room root rose
royal rule run rush safe sage sail sale salt same sand sat save saw say seal seat see seed seek seem seen select
self sell send sent service set shake share she shell shift ship shop shot show shut sick side sierra sign signature
silk silver sir sit site six size sketch skill skin sky sleep slip slow smart snow so soft soil solar sold sole
solid some son song sonic soon sort soul source south southern spark spectrum spin spirit splash spot spring square
stable standard star start state stay steel stem step sterling stop storage story stride strong such suit summit sun
sunrise super sure surge swift swim switch sync tail take tale talk tall tandem tank tap tape target task tax tea
team tech tell tempo ten than that the them then they thin this three thus tide tie till time tiny tip today toe
told toll ton tone too took tool top torch total tough tour tower town toy track trade travel travelers tree trip
triumph true trust truth try tube tune turn twist two type union unit unite united unity universal up upon urban us
use used user valley valve van vantage vary vast vector vertex very victory view village visa vision vista vital
voice vote wage wait wake walk wall want war warm was wash wave way wear week well went were west western wet what
when white who whom why wide wife wild win wind wine wing wire wise wish with won wood word wore work world yard
yeah year yes yet you young your zero zone
"""
#: What follows the name of a company in the news.
_BEHIND_A_NAME = """
accelerates accepts accuses acquires adds adopts agrees aims allows announces appeals applies appoints approves
asked asks ban bans beat beats becomes begins believes bets blames blows boosts borrows bought breaks brings builds
buying buys calls cancels ceo cfo chairman chief climbs closes co company confirms considers continues corp
corporation could crashes creates cut cuts debuts declares declined declines delays delisted delivers denies dips
disappoints discloses down downgraded drops dumps earnings ends enters exceeds executive executives expands expects
explores extends faces falls fell fights files fined fires forecasts founder gained gains gets gives goes group
grows guides had halts has hikes hints hires hit hits holds hopes in inc incorporated increases inks introduces
investigated investor investors invests is issues jumped jumps keeps laid launches lays leads leaps limited loses
lost lowers ltd made makes may might misses moves named names nears needs offers on opens opts outperforms overtakes
owes owner pauses pays plans plc pledges plummets plunged plunges posts predicts prepares pulls pushes puts q1 q2 q3
q4 quits raises rallied rallies reaches rebounds recalls receives reduces refuses rejects releases removes replaces
reported reportedly reports resumes reveals reviews rises rose said sales says scores scraps seeks sees sells sends
sets settles shareholders shares shed sheds should shows shuts signs sinking sinks skids slashes slides slips
slumped slumps soared soars sold spends spikes spinoff stake starts stock stocks stops stumbles sued sues suffers
supplier surged surges suspended suspends swings takes taps targets tells tests to tops touts trades tries tumbled
tumbles turns unit unveils up updates upgraded upgrades urges wants warned warns was weighs will wins withdraws won
workers would
"""

#: What stands with a capital before a name at the beginning of a sentence.
_BEFORE_A_NAME = """
a after all an analyst analysts and are as at avoid before breaking buy buying can could despite do does exclusive
for from giant hold how if in into is it its like more new no not now of on or our over poll prefer retailer rival
sell should so some than that the these this to top under update was what when where which who why will with would
you your
"""

CAPITAL_TELLS: frozenset[str] = frozenset(_CAPITAL_TELLS.split())
"""Words that with a capital are hardly anything but names."""

ORDINARY: frozenset[str] = CAPITAL_TELLS | frozenset(_CAPITAL_IS_DOUBTFUL.split())
"""Words that are names of companies too, and the short words that are tickers."""

_FOLLOWING: frozenset[str] = frozenset(_BEHIND_A_NAME.split())
_LEADING: frozenset[str] = frozenset(_BEFORE_A_NAME.split())
_BREAK = re.compile(r"[.!?:;|\u2026\n\"\u201c\u201d(\[*>#\u3002\u2013\u2014]\s*$|(?:^|\s)-+\s*$")
_NEXT = re.compile(r"[\s,]*\(?\$?([A-Za-z][A-Za-z0-9]*)?")
_FRONT = re.compile(r"(?<![\w$])([A-Z][\w&.]*) $")
_BEHIND = re.compile(r" ([A-Z][a-z]+)")
_LISTED = re.compile(r"(?:,|,? and| &) [A-Z]")
#: Long words in lower case: a title in title case has none but these.
_SMALL = re.compile(r"(?<![\w'])(?!(?:with|from|over|into|upon|after|amid|than|that|this|under|upto|will)\b)[a-z]{4,}")
_POSSESSIVES = ("'s", "' ")
_NEAR_CHARS = 160


def is_ordinary(alias: str) -> bool:
    """True when every word of `alias` may be meant as such."""
    words = alias.lower().split()
    return bool(words) and all(word in ORDINARY for word in words)


def is_meant_as_name(text: str, start: int, end: int) -> bool:
    """True when `text[start:end]`, an ordinary word or several, names a company there."""
    name = text[start:end]
    if not all(word[0].isupper() for word in name.split()):
        return False
    if name.lower() in CAPITAL_TELLS:
        return True
    before, after = text[max(start - _NEAR_CHARS, 0) : start], text[end : end + _NEAR_CHARS]
    if _is_part(before, after):
        return False
    if _SMALL.search(before) or _SMALL.search(after):
        is_told = name.isupper() or " " in name or not _begins(before) or _LISTED.match(after)
        if is_told and len(name) > 1:
            return True
    return _is_shown(after)


def _is_part(before: str, after: str) -> bool:
    """True within a longer name: `Schengen Visa`, `Target Field`."""
    front, behind = _FRONT.search(before), _BEHIND.match(after)
    if front and front[1].lower() not in _LEADING:
        return True
    return behind is not None and behind[1].lower() not in _FOLLOWING and not behind[1].isupper()


def _begins(before: str) -> bool:
    """True at the beginning of a sentence or of what stands for one."""
    return not before.strip() or bool(_BREAK.search(before))


def _is_shown(after: str) -> bool:
    if after.startswith(_POSSESSIVES):
        return True
    match = _NEXT.match(after)
    return match is not None and (match[1] or "").lower() in _FOLLOWING
