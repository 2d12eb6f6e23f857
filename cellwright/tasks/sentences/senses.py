"""Words with two senses, each told by a word that comes later: 苹果 … 乔布斯 (apple … Jobs).

An ambiguous word is written word/sense. Before it stands nothing that tells the sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cellwright.tasks.sentences.facts import Aside
from cellwright.tasks.sentences.generate import SIZES, Sentence, drawn_aside, random_numbers

__all__ = ["SENSES", "Senses", "generate_senses"]


@dataclass(frozen=True, slots=True)
class Senses:
    """Sentences of one language: opener word aside link cue tail.

    Attributes:
        words: ambiguous word → sense → words that tell it.
    """

    openers: tuple[str, ...]
    words: dict[str, dict[str, tuple[str, ...]]]
    asides: Aside
    link: str
    tails: tuple[str, ...]


SENSES = {
    "en": Senses(
        openers=("we talked about the", "i read about a", "she drew a", "they asked about the", "he saw the", "a"),
        words={
            "apple": {
                "company": ("jobs", "phones", "software", "shares"),
                "fruit": ("orchards", "juice", "pies", "ladders"),
            },
            "bank": {
                "money": ("loans", "coins", "accounts", "savings"),
                "river": ("reeds", "fishing", "boats", "mud"),
            },
            "bat": {
                "animal": ("caves", "wings", "insects", "darkness"),
                "club": ("baseball", "pitchers", "innings", "helmets"),
            },
            "mouse": {
                "animal": ("cheese", "cats", "holes", "tails"),
                "device": ("keyboards", "screens", "buttons", "cables"),
            },
            "crane": {
                "bird": ("feathers", "nests", "marshes", "eggs"),
                "machine": ("concrete", "builders", "steel", "cargo"),
            },
            "spring": {
                "season": ("blossoms", "april", "rain", "easter"),
                "coil": ("wire", "clocks", "mattresses", "tension"),
            },
            "seal": {
                "animal": ("ice", "beaches", "whiskers", "herring"),
                "stamp": ("letters", "wax", "ink", "signatures"),
            },
            "palm": {
                "tree": ("coconuts", "deserts", "islands", "camels"),
                "hand": ("fingers", "thumbs", "gloves", "wrists"),
            },
        },
        asides=Aside(
            (
                ("yesterday", "last week", "long ago", "this morning", "at last", "once more"),
                ("with my brother", "with a friend", "in the city", "at school", "on the radio", "in a film"),
                ("for an hour", "by chance", "without a word", "in great haste"),
            )
        ),
        link=", and thought of",
        tails=("", "again", "of course", "as always", "too"),
    ),
    "zh": Senses(
        openers=("我们 说起 了", "我 读到 了", "她 画 了", "他们 问起", "他 看见 了", "看 ，"),
        words={
            "苹果": {"公司": ("乔布斯", "手机", "软件", "股票"), "水果": ("果园", "果汁", "果酱", "梯子")},
            "小米": {"公司": ("雷军", "充电器", "路由器", "工程师"), "粮食": ("粥", "田地", "锅", "收成")},
            "杜鹃": {"鸟": ("羽毛", "鸟巢", "叫声", "翅膀"), "花": ("花瓣", "花盆", "园丁", "春天")},
            "包袱": {"行李": ("旅客", "火车", "衣服", "码头"), "笑话": ("相声", "观众", "笑声", "舞台")},
            "长城": {"城墙": ("砖头", "烽火台", "皇帝", "山岭"), "汽车": ("发动机", "轮胎", "方向盘", "司机")},
            "熊猫": {"动物": ("竹子", "四川", "黑眼圈", "饲养员"), "软件": ("病毒", "电脑", "网络", "密码")},
            "火箭": {"飞船": ("宇航员", "月球", "卫星", "发射场"), "球队": ("篮球", "姚明", "教练", "比分")},
            "黄河": {"河流": ("泥沙", "水坝", "渔船", "堤岸"), "乐曲": ("钢琴", "合唱", "指挥", "乐谱")},
        },
        asides=Aside(
            (
                ("昨天", "上 周", "很 久 以前", "今天 早上", "终于", "又 一 次"),
                ("和 弟弟 一起", "和 朋友 一起", "在 城 里", "在 学校", "在 广播 里", "在 电影 里"),
                ("一 个 小时", "偶然 地", "悄悄 地", "匆忙 地"),
            )
        ),
        link="， 想起 了",
        tails=("", "啊", "呢", "吧", "， 真 的"),
    ),
}


def generate_senses(languages: Sequence[str], seed: int, split: str, size: int = 0) -> list[Sentence]:
    """Sentences of one split, the languages, words and senses evenly often, in random order; 2 choices at each place.

    Args:
        languages: names of `SENSES`.
        size: how many; 0 = as generate.SIZES says.
    """
    rng = random_numbers(seed, split)
    kinds = [
        (SENSES[language], number, word, sense)
        for language in languages
        for number, word in enumerate(SENSES[language].words)
        for sense in SENSES[language].words[word]
    ]
    made = []
    for k in range(size or SIZES[split]):
        frame, number, word, sense = kinds[k % len(kinds)]
        cues = frame.words[word][sense]
        opener = frame.openers[rng.integers(len(frame.openers))].split()
        after = f"{drawn_aside(frame.asides, number, split, rng)} {frame.link} {cues[rng.integers(len(cues))]}".split()
        tail = frame.tails[rng.integers(len(frame.tails))].split()
        words = (*opener, f"{word}/{sense}", *after, *tail)
        made.append(Sentence(words, len(opener), len(frame.words[word])))
    return [made[k] for k in rng.permutation(len(made))]
