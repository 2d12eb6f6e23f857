"""What people say of where they live, and small talk to put between it and the question; Chinese and English.

A fact and a question are an opening and a core; some pairs of the two, and some parts of the small talk, stand in the
test split alone.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STORIES", "Story"]


@dataclass(frozen=True, slots=True)
class Story:
    """One language's pieces. {place} is a country.

    Attributes:
        homes: country and what is spoken there; an answer each, no language twice.
        openings, facts, questions: of the one fact of `recall`.
        youth, later: facts of `two-facts`: where one grew up, where one went afterwards.
        first_question, second_question: what is asked for, the language of the youth or the later one.
        who, when, what: small talk is one of each, joined.
        stop: after a clause.
    """

    homes: tuple[tuple[str, str], ...]
    openings: tuple[str, ...]
    facts: tuple[str, ...]
    questions: tuple[str, ...]
    youth: tuple[str, ...]
    later: tuple[str, ...]
    first_question: tuple[str, ...]
    second_question: tuple[str, ...]
    who: tuple[str, ...]
    when: tuple[str, ...]
    what: tuple[str, ...]
    stop: str


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((place, spoken) for place, spoken in (pair.split("=") for pair in text.split()))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


STORIES = {
    "zh": Story(
        homes=_pairs(
            "中国=汉语 美国=英语 法国=法语 德国=德语 日本=日语 韩国=韩语 俄罗斯=俄语 西班牙=西班牙语 意大利=意大利语 "
            "葡萄牙=葡萄牙语 泰国=泰语 希腊=希腊语 瑞典=瑞典语 波兰=波兰语 荷兰=荷兰语 土耳其=土耳其语"
        ),
        openings=("我", "我一直", "我从小就", "这些年我", "我和家人", "你知道我", "从出生起我"),
        facts=("呆在{place}", "住在{place}", "生活在{place}", "在{place}生活", "在{place}长大", "没有离开过{place}"),
        questions=("我会说一口流利的", "我最熟悉的语言是", "我每天说的是", "我说得最好的是", "我当然会说"),
        youth=("我在{place}长大", "我在{place}读的小学", "我的童年是在{place}过的", "我出生在{place}"),
        later=("大学毕业后我去了{place}", "后来我搬到了{place}", "长大以后我去{place}工作", "再后来我在{place}安了家"),
        first_question=("我小时候说的是", "我的母语是", "我从小会说"),
        second_question=("我长大以后又学会了", "我除了母语还会说", "我后来还会说一口流利的"),
        who=_lines(
            """
            今天天气
            我的邻居
            楼下的猫
            那家饭馆的面
            昨晚的电影
            他的同事
            这趟地铁
            小明的自行车
            老师
            门口的那棵树
            妹妹
            新来的厨师
            """
        ),
        when=("", "早上", "总是", "有时候", "刚刚", "周末", "这几天", "听说", "据说", "果然", "又", "到了晚上"),
        what=_lines(
            """
            很好
            不太舒服
            起得很早
            喜欢晒太阳
            味道不错
            让人想睡觉
            忘了带伞
            坐满了人
            修了三次才修好
            讲了一个笑话
            开满了花
            在学弹钢琴
            做的菜有点咸
            跑得比以前快
            还没有吃饭
            下了一场大雨
            把钥匙弄丢了
            要等二十分钟
            买了两斤苹果
            看了一整天书
            没有人注意到
            比去年贵了一点
            """
        ),
        stop="，",
    ),
    "en": Story(
        homes=_pairs(
            "China=Chinese America=English France=French Germany=German Japan=Japanese Korea=Korean Russia=Russian "
            "Spain=Spanish Italy=Italian Portugal=Portuguese Thailand=Thai Greece=Greek Sweden=Swedish Poland=Polish "
            "Holland=Dutch Turkey=Turkish"
        ),
        openings=("", "all these years ", "as you know ", "since birth ", "with my family ", "to be honest "),
        facts=(
            "I have lived in {place}",
            "I stayed in {place}",
            "I was at home in {place}",
            "I never left {place}",
            "my house is in {place}",
        ),
        questions=("I speak fluent", "I know best", "every day I speak", "of course I speak", "what I speak is"),
        youth=(
            "I grew up in {place}",
            "I went to school in {place}",
            "I was a child in {place}",
            "I was born in {place}",
        ),
        later=(
            "after university I went to {place}",
            "later I moved to {place}",
            "as an adult I worked in {place}",
            "then I found a job in {place}",
        ),
        first_question=("my mother tongue is", "as a child I spoke", "at school I spoke"),
        second_question=("as an adult I also learnt", "besides my mother tongue I speak", "later I also learnt"),
        who=_lines(
            """
            the weather
            my neighbour
            the cat downstairs
            the noodle shop
            the film last night
            his colleague
            this train
            the bicycle of Tom
            our teacher
            the tree outside
            my sister
            the new cook
            """
        ),
        when=("", "today", "always", "sometimes", "just", "on Sundays", "these days", "they say", "again", "at night"),
        what=_lines(
            """
            looks fine
            felt unwell
            gets up early
            likes the sun
            tasted good
            made us sleepy
            forgot an umbrella
            was full of people
            broke three times
            told a joke
            was in bloom
            is learning the piano
            used too much salt
            runs faster than before
            had no lunch
            waited for the rain
            lost the keys
            took twenty minutes
            bought some apples
            read all day long
            went unnoticed
            costs a little more
            """
        ),
        stop=",",
    ),
}
