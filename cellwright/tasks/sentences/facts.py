"""What the embedded sentences say: in each frame one word, some steps back, decides the next one.

A frame is "opener subject aside link answer tail". The words right before the answer are the same for all its
subjects, so that who sees only the last word can do no better than guess among the answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["FRAMES", "LANGUAGES", "Aside", "Frame"]


@dataclass(frozen=True, slots=True)
class Frame:
    """Sentences of one form; words are parted by spaces.

    Attributes:
        openers, tails: fillers; "" is none.
        answers: subject → the answer.
        article: before the subject, in every other sentence.
        asides: between subject and link.
        link: before the answer.
    """

    openers: tuple[str, ...]
    article: str
    answers: dict[str, str]
    asides: Aside
    link: str
    tails: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """Words between subject and link, one of each part, in this order: `near the old bridge`."""

    parts: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        """Asides there are."""
        return math.prod(map(len, self.parts))

    def words(self, number: int) -> str:
        """The aside of this number."""
        chosen = []
        for part in self.parts:
            number, place = divmod(number, len(part))
            chosen.append(part[place])
        return " ".join(chosen)


EN_OPENERS = (
    "",
    "today",
    "in the morning",
    "at noon",
    "they say",
    "look ,",
    "of course",
    "as we know",
    "my friend says",
)
EN_TAILS = ("", "again", "as always", "here", "too", "every year", "you know")
EN_ASIDES = Aside(
    (
        ("near the", "behind the", "under the", "beside the", "from the", "on the other side of the"),
        ("old", "small", "famous", "quiet", "distant", "new", "narrow", "lonely"),
        ("town", "bridge", "hill", "garden", "tower", "market", "window", "station"),
    )
)
ZH_OPENERS = ("", "今天", "早上", "中午", "大家 说", "看 ，", "当然", "我们 知道", "朋友 说")
ZH_TAILS = ("", "了", "啊", "吧", "呢", "， 真 的", "， 你 看")
ZH_ASIDES = Aside(
    (
        ("在", "就 在", "也 在", "昨天 在", "一直 在", "其实 在"),
        ("古老 的", "小小 的", "有名 的", "安静 的", "遥远 的", "新 的", "狭窄 的", "孤独 的"),
        ("小镇", "大桥", "山坡", "花园", "高塔", "市场", "窗户", "车站"),
        ("旁边", "前面"),
    )
)

FRAMES: dict[str, tuple[Frame, ...]] = {
    "en": (
        Frame(
            EN_OPENERS,
            "the",
            {
                "sea": "blue",
                "grass": "green",
                "snow": "white",
                "coal": "black",
                "blood": "red",
                "butter": "yellow",
                "chocolate": "brown",
                "ash": "grey",
            },
            EN_ASIDES,
            "is",
            EN_TAILS,
        ),
        Frame(
            EN_OPENERS,
            "the",
            {
                "cat": "fish",
                "dog": "bones",
                "rabbit": "carrots",
                "monkey": "bananas",
                "panda": "bamboo",
                "horse": "hay",
                "squirrel": "nuts",
                "mouse": "cheese",
            },
            EN_ASIDES,
            "likes to eat",
            EN_TAILS,
        ),
        Frame(
            EN_OPENERS,
            "the",
            {
                "doctor": "hospital",
                "teacher": "school",
                "farmer": "farm",
                "sailor": "ship",
                "cook": "kitchen",
                "judge": "court",
                "pilot": "airport",
                "priest": "church",
            },
            EN_ASIDES,
            "works at the",
            EN_TAILS,
        ),
    ),
    "zh": (
        Frame(
            ZH_OPENERS,
            "那里 的",
            {
                "天空": "蓝",
                "草地": "绿",
                "雪": "白",
                "煤": "黑",
                "枫叶": "红",
                "麦田": "黄",
                "葡萄": "紫",
                "乌云": "灰",
            },
            ZH_ASIDES,
            "很",
            ZH_TAILS,
        ),
        Frame(
            ZH_OPENERS,
            "那 只",
            {
                "小猫": "鱼",
                "小狗": "骨头",
                "兔子": "胡萝卜",
                "猴子": "香蕉",
                "熊猫": "竹子",
                "小马": "青草",
                "松鼠": "松果",
                "老鼠": "奶酪",
            },
            ZH_ASIDES,
            "爱 吃",
            ZH_TAILS,
        ),
        Frame(
            ZH_OPENERS,
            "那 位",
            {
                "医生": "医院",
                "老师": "学校",
                "农民": "田地",
                "水手": "轮船",
                "厨师": "厨房",
                "法官": "法院",
                "飞行员": "机场",
                "演员": "剧院",
            },
            ZH_ASIDES,
            "工作 的 地方 是",
            ZH_TAILS,
        ),
    ),
}
LANGUAGES = tuple(FRAMES)
