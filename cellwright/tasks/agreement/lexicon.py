"""Words of the generated sentences. The lists of each split are apart: no noun or phrase of "test" is in training.

English verbs agree with their subject. Chinese verbs do not; there the subject's number decides between 独自
(alone) and 一起 (together).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LANGUAGES", "SPLITS", "Language"]

SPLITS = ("train", "valid", "test")
PerSplit = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Language:
    """Sentences: opener [earlier clause] subject phrases end, and then the asked word.

    Attributes:
        openers: tense → what a sentence begins with, by split.
        determiners: before every noun; tell no number.
        singular, plural: a noun of `nouns` in each number: "{}s".
        nouns: singular forms, by split.
        names: always singular, and without a determiner.
        adjectives: before some nouns; "" is none.
        phrases: after the subject, each with a noun, by split; {} is that noun, {v:a|b} a verb that agrees with it.
        earlier: another subject's clause; {} is that subject.
        ends: before the asked word.
        forms: tense → (singular, plural) form of the asked word.
    """

    openers: dict[str, PerSplit]
    determiners: tuple[str, ...]
    singular: str
    plural: str
    nouns: PerSplit
    names: tuple[str, ...]
    adjectives: tuple[str, ...]
    phrases: PerSplit
    earlier: tuple[str, ...]
    ends: tuple[str, ...]
    forms: dict[str, tuple[str, str]]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


LANGUAGES = {
    "en": Language(
        openers={
            "present": {
                "train": ("now", "today", "these days ,", "at this moment ,"),
                "valid": ("at this very moment ,",),
                "test": ("today , at this moment ,", "now , these days ,"),
            },
            "past": {
                "train": ("yesterday", "last week", "long ago ,", "that evening ,"),
                "valid": ("long ago , that evening ,",),
                "test": ("last week , that evening ,", "yesterday , long ago ,"),
            },
        },
        determiners=("the", "my", "our"),
        singular="{}",
        plural="{}s",
        nouns={
            "train": _words(
                "boy girl king queen actor nurse teacher doctor farmer sailor painter singer lawyer driver player "
                "writer student dog cat horse rabbit tiger eagle car table chair book letter key window door house "
                "bridge tower garden picture flower river road song idea plan waiter brother sister uncle aunt "
                "clerk guard guest hero judge knight mayor owner poet prince ranger robot runner scholar sculptor "
                "soldier speaker spider sparrow stranger swimmer tailor trader turtle visitor walker worker author "
                "banker captain chemist lion bear wolverine donkey duck frog goat kitten apple banana basket bell "
                "blanket boat button cake camera candle carpet clock cloud coat coin computer cup desk diamond "
                "drum elephant farm field film flag forest guitar hat hotel island jacket kettle lake machine map "
                "mirror needle painting paper pencil piano plate pocket potato rocket sandal shirt shop spoon "
                "station stone street tent ticket train tree umbrella village wagon wheel wing"
            ),
            "valid": _words("baker pilot shepherd lamp hammer mountain"),
            "test": _words(
                "dentist gardener hunter widow zebra parrot monkey camel lantern bottle ladder poem castle curtain "
                "engine magazine neighbour tourist cousin bucket"
            ),
        },
        names=("mary", "john", "anna", "peter"),
        adjectives=("", "", "old", "tall", "small", "quiet", "famous"),
        phrases={
            "train": (
                "near {}",
                "far from {}",
                "behind {}",
                "with {}",
                "beside {}",
                "under {}",
                "with or without {}",
                "that {} saw",
                "who had met {}",
                "that helped {}",
                "that {} {v:likes|like}",
                "that {} never {v:sees|see}",
            ),
            "valid": ("that {} had met", "that met {}"),
            "test": (
                "near or behind {}",
                "not far from {}",
                "that had helped {}",
                "that {} helped",
                "who {} never {v:likes|like}",
            ),
        },
        earlier=("{} might leave , but", "{} can sleep while", "{} must wait , so", "first {} could speak , then"),
        ends=("", "", "still", "often", "perhaps"),
        forms={"present": ("is", "are"), "past": ("was", "were")},
    ),
    "zh": Language(
        openers={
            "": {
                "train": ("", "昨天 ，", "早上 ，", "后来 ，", "听说"),
                "valid": ("听说 早上 ，",),
                "test": ("听说 昨天 ，", "昨天 早上 ，"),
            }
        },
        determiners=("",),
        singular="那位 {}",
        plural="{} 们",
        nouns={
            "train": _words(
                "老师 医生 同学 学生 工人 农民 演员 歌手 司机 律师 画家 作家 记者 警察 邻居 朋友 厨师 船长 客人 弟弟 "
                "妹妹 姑娘 孩子"
            ),
            "valid": _words("店员 牧人 舞者"),
            "test": _words("护士 士兵 裁缝 猎人 导游 园丁 诗人 教练 队员 渔夫"),
        },
        names=("小明", "小红", "小华", "小丽"),
        adjectives=("",),
        phrases={
            "train": (
                "看见 了 {} ，",
                "遇到 了 {} ，",
                "告别 了 {} ，",
                "又 看见 了 {} ，",
                "帮助 了 {} ，",
                "等 过 {} ，",
            ),
            "valid": ("又 帮助 了 {} ，",),
            "test": ("又 遇到 了 {} ，", "先 等 过 {} ，", "帮助 过 {} ，"),
        },
        earlier=("{} 回家 了 ， 但是", "{} 很 忙 ， 所以", "{} 睡 了 ， 后来"),
        ends=("最后", "然后", "就"),
        forms={"": ("独自", "一起")},
    ),
}
