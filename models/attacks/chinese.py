"""Attacks that only Chinese knows: traditional characters, full-width digits and letters, blanks between characters."""

from __future__ import annotations

import random
import re

from models.attacks.attack import Attack, Attacked, Protected, changed, edited, free_matches, is_chinese, some

_PAIRS = (
    "涨漲跌跌股股盘盤业業绩績亏虧损損营營净淨润潤额額权權资資产產债債务務违違约約调調预預报報东東发發开開关關车車电電"
    "银銀证證监監会會险險财財经經济濟贸貿易易价價买買卖賣亿億万萬创創历歷史史强強势勢领領军軍总總经經理理时時间間"
    "国國际際进進出出项項与與这這来來对對为為点點过過还還没沒从從应應当當单單双雙订訂货貨质質纪紀录錄线線网網络絡"
    "机機构構团團医醫药藥飞飛马馬龙龍华華长長门門书書动動态態实實现現续續积積极極乐樂观觀风風处處罚罰诉訴讼訟"
)
TRADITIONAL = {simple: full for simple, full in zip(_PAIRS[::2], _PAIRS[1::2], strict=True) if simple != full}
SHARE = 1 / 2

_SIMPLE = re.compile(f"[{''.join(TRADITIONAL)}]")
_NARROW = re.compile("[0-9A-Za-z]")
BETWEEN = re.compile("(?<=[\u4e00-\u9fff])(?=[\u4e00-\u9fff])")  #: The place between two Chinese characters.


def _traditional(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    found = free_matches(_SIMPLE, text, surfaces) if is_chinese(text) else []
    hit = some(chance, found, share=SHARE)
    return changed(text, edited(text, ((m.start(), m.end(), TRADITIONAL[m[0]]) for m in hit)), surfaces)


def _full_width(text: str, _: random.Random, surfaces: Protected) -> Attacked | None:
    found = free_matches(_NARROW, text, surfaces) if is_chinese(text) else []
    return changed(text, edited(text, ((m.start(), m.end(), chr(ord(m[0]) + 0xFEE0)) for m in found)), surfaces)


def _blanks(text: str, chance: random.Random, surfaces: Protected) -> Attacked | None:
    found = free_matches(BETWEEN, text, surfaces) if is_chinese(text) else []
    hit = some(chance, found, share=1 / 5)
    return changed(text, edited(text, ((m.start(), m.end(), " ") for m in hit)), surfaces)


TRADITIONAL_CHARACTERS = Attack(name="traditional", apply=_traditional)
FULL_WIDTH = Attack(name="full_width", apply=_full_width)
BLANKS = Attack(name="blanks", apply=_blanks)
