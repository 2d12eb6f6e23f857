"""Chinese words of the travel generator: cue pairs, slot values, modifiers and fillers, as tables.

A cue pair is (wording for the departure, wording for the destination). Fillers hold no cue word.
"""

__all__ = ["CUES", "FILLERS", "MODIFIERS", "PREFIXES", "SUFFIXES", "VALUES"]

CUES = {
    "verb": (  # after 我想
        ("离开", "到达"),
        ("离开", "抵达"),
        ("离开", "前往"),
        ("告别", "前往"),
        ("飞离", "飞往"),
        ("飞离", "飞到"),
        ("离开", "去"),
    ),
    "prep": (  # before the city, alone
        ("从", "到"),
        ("从", "飞往"),
        ("由", "到"),
        ("由", "前往"),
        ("自", "往"),
        ("离开", "去"),
        ("离开", "抵达"),
    ),
    "noun": (  # after 我的 or before 是
        ("出发地", "目的地"),
        ("出发城市", "到达城市"),
        ("出发机场", "到达机场"),
        ("起点", "终点"),
        ("始发地", "目的地"),
        ("起飞城市", "降落城市"),
        ("起飞机场", "降落机场"),
        ("始发站", "终点站"),
        ("出发站", "到达站"),
    ),
    "tail": (  # after the city: 台北出发 / 台北降落
        ("出发", "到达"),
        ("出发", "降落"),
        ("起飞", "降落"),
        ("起飞", "落地"),
        ("启程", "抵达"),
        ("动身", "到达"),
        ("登机", "降落"),
    ),
    "relative": (  # after 是我要: the city I want to …
        ("离开", "到达"),
        ("离开", "去"),
        ("离开", "前往"),
        ("出发", "到达"),
        ("起飞", "降落"),
        ("启程", "抵达"),
    ),
}

_DIGITS = "一二三四五六七八九"
_DAYS = tuple(
    ("" if n < 10 else "十" if n < 20 else "二十") + (_DIGITS[n % 10 - 1] if n % 10 else "") for n in range(1, 29)
)
_MONTHS = (*_DIGITS, "十", "十一", "十二")
_WEEK = "一二三四五六日"
_COUNTS = "两三四五"

_DATE = (
    *(f"{m}月{d}{unit}" for m in range(1, 13) for d in range(1, 29, 2) for unit in "日号"),
    *(f"{m}月{d}{unit}" for m in _MONTHS for d in _DAYS[::3] for unit in "日号"),
    *(tuple(f"{which}{day}" for which in ("周", "星期", "下周", "这周", "下星期") for day in _WEEK) * 4),
    *("明天", "后天", "今天", "大后天") * 20,
    *("下个月", "这个周末", "下个周末", "月底", "下周") * 5,
)
_TIME = (
    *(f"{part}{hour}点" for part in ("早上", "上午", "下午", "晚上") for hour in (*_MONTHS, *range(1, 13))),
    *(f"{part}{hour}点半" for part in ("", "上午", "晚上") for hour in (*_MONTHS, *range(1, 13))),
    *(f"{hour}点" for hour in (*_MONTHS, *range(1, 13))),
    *("中午", "半夜", "早上", "下午", "晚上", "上午", "傍晚") * 6,
)
_AIRLINES = (
    "长荣航空", "中华航空", "星宇航空", "国泰航空", "新加坡航空", "泰国航空", "日本航空", "全日空", "大韩航空",
    "韩亚航空", "中国国航", "国航", "东方航空", "东航", "南方航空", "南航", "海南航空", "厦门航空", "四川航空",
    "春秋航空", "吉祥航空", "阿联酋航空", "卡塔尔航空", "土耳其航空", "汉莎航空", "法国航空", "英国航空", "芬兰航空",
    "达美航空", "美联航", "加拿大航空", "澳洲航空",
)  # fmt: skip
_FLIGHT_NUMBERS = tuple(
    f"{carrier}{number}"
    for carrier in ("BR", "CI", "CA", "MU", "CZ", "HU", "MF", "3U", "9C", "JL", "NH", "CX", "SQ", "LH", "AF")
    for number in (8, 12, 25, 67, 100, 172, 319, 506, 715, 830, 1204, 1357, 1831, 2468, 5102, 6079)
)
_HOTELS = tuple(
    f"{first}{kind}"
    for first in ("金陵", "和平", "锦江", "君悦", "皇家", "花园", "湖滨", "国际", "白云", "东方", "长城", "如意")
    for kind in ("大酒店", "酒店", "饭店", "宾馆")
)

VALUES = {  # name in a frame: (slot label, values)
    "date": ("date", _DATE),
    "return_date": ("return_date", _DATE),
    "time": ("time", _TIME),
    "airline": ("airline", _AIRLINES),
    "cabin": ("cabin", ("经济舱", "商务舱", "头等舱", "公务舱", "超级经济舱")),
    "passengers": (
        "passengers",
        (
            *(f"{n}{who}" for n in (*_COUNTS, 2, 3, 4) for who in ("个人", "位", "名乘客", "位成人", "个大人")),
            *("一个人", "一位成人", "两大一小", "两个大人一个孩子", "三个大人两个孩子") * 2,
        ),
    ),
    "price": (
        "price",
        (
            *(f"{n}{unit}" for n in range(300, 3000, 100) for unit in ("元", "块", "块钱")),
            *(f"{n}{big}{unit}" for n in _COUNTS for big in "百千" for unit in ("元", "块", "块钱")),
        ),
    ),
    "flight_number": ("flight_number", _FLIGHT_NUMBERS),
    "meal": ("meal", ("素食餐", "素食", "清真餐", "儿童餐", "无麸质餐", "低盐餐", "糖尿病餐", "水果餐")),
    "seat": ("seat", ("靠窗座位", "靠窗的座位", "靠过道的座位", "过道座位", "前排座位", "靠走道的座位")),
    "hotel": ("hotel", _HOTELS),
    "star": ("rating", tuple(f"{n}星级" for n in "三四五345")),
    "nights": ("nights", tuple(f"{n}{unit}" for n in ("一", *_COUNTS, 2, 3) for unit in ("晚", "个晚上", "夜"))),
    "bags": ("bags", tuple(f"{n}件{what}" for n in ("一", *_COUNTS, 2, 3) for what in ("行李", "托运行李"))),
}

MODIFIERS = (  # drawn 0 to 3 times at a "*"; at most one of each first slot label
    ",{date}",
    ",{date}",
    ",{date}{time}",
    ",{time}左右",
    ",坐{airline}",
    ",要{airline}的",
    ",{cabin}",
    ",要{cabin}",
    ",{passengers}",
    ",一共{passengers}",
    ",{price}以内",
    ",不超过{price}",
    ",要一个{seat}",
    ",加一份{meal}",
    ",带{bags}",
)

PREFIXES = (
    "", "", "", "", "", "", "请", "请问,", "你好,", "您好,", "麻烦你,", "那个,", "不好意思,", "打扰一下,", "嗯,",
    "早上好,", "我有个问题,", "再问一下,",
)  # fmt: skip
SUFFIXES = ("", "", "", "", "", "。", "。", "谢谢", ",谢谢", ",谢谢。", ",麻烦了", ",拜托了。")

FILLERS = tuple(
    line.strip()
    for line in [
        "呢",
        "嗯",
        "吧",
        "大概",
        "应该",
        "可能",
        "其实",
        "当然",
        "真的",
        "这次",
        "我想",
        "听说",
        "老实说",
        "看样子",
        "这一回",
        "说真的",
        "按计划",
        "你知道的",
        "如果可以",
        "跟往年一样",
        "不出意外的话",
        "老板说过了",
        "天气好的话",
        "和家人一起",
        "我太太也同意",
        "孩子们很喜欢",
        "这是第一次",
        "我已经想好了",
        "因为朋友要结婚",
        "如果公司没有急事",
        "虽然没有人相信",
        "我妈妈觉得很奇怪",
        "上次电话里说过的",
        "大家都在谈论这件事",
        "因为医生让我多晒太阳",
        "弟弟会留在家里照顾小狗",
        "千万别跟上一次弄混了",
        "这一点对我们全家都很重要",
        "我还没有把这件事告诉同事",
    ]
) + (",{date},", ",{time},", ",坐{airline},", ",{cabin},", ",{date}{time}坐{airline},")
