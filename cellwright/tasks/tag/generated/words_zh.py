"""Chinese sentences with their words; many characters are a word here and part of one there."""

from __future__ import annotations

import numpy as np

from cellwright.tasks.data.held_out import Split, choose, split_stream

__all__ = ["segmented"]

SIZES: dict[Split, int] = {"train": 3000, "valid": 400, "test": 800}

WHO = (
    "我", "他", "她", "我们", "他们", "老师", "学生", "研究生", "大学生", "小学生", "医生", "先生", "女生", "小明",
    "王小明", "李明", "张老师", "售货员", "服务员", "演员", "画家", "作家", "科学家", "工人", "老人", "大人", "军人",
    "主人", "中学生", "男生", "新生", "李小明", "王老师", "飞行员", "音乐家", "专家", "病人", "中国人", "经理", "她们",
)  # fmt: skip
WHERE = (
    "在 学校",
    "在 大学",
    "在 家",
    "在 公园 里",
    "在 上海",
    "在 北京",
    "在 大楼 里",
    "在 小学",
    "在 北京 大学",
    "在 车站",
)
WHEN = ("昨天", "今天", "明天", "早上", "上午", "下午", "星期天", "去年", "前年", "后天")
WHAT = (
    "苹果", "水果", "果汁", "牛奶", "生命", "生物", "数学", "文学", "化学", "生物学", "医学", "学问", "书", "报纸",
    "信纸", "电影", "电话", "花", "花生", "花园", "地图", "图书", "手机", "飞机", "电视机", "洗衣机", "火车", "汽车",
    "自行车", "语言学", "科学", "公共汽车", "电车", "照相机", "图画", "花纸", "牛肉", "果园", "人命", "画报",
)  # fmt: skip
DO = ("研究", "喜欢", "买", "看", "学习", "画", "卖", "找到", "讨论", "带来", "想要", "谈 到", "学", "生产")
HOW = ("很", "非常", "不", "也", "都", "已经", "常常", "一起")
LIKE = ("高兴", "生气", "好看", "好", "大", "老", "高", "有名", "便宜", "重要")
FRAMES = (
    "{who} {do} {what} 。", "{when} {who} {where} {do} {what} 。", "{who} {how} {do} {what} ， {who} {how} {like} 。",
    "{who} 的 {what} {how} {like} 。", "{who} 和 {who} {where} {do} {what} 。", "{who} 从 小 学 {what} 。",
    "{when} {who} 把 {what} 卖 完 了 。", "{who} 会 不 会 {do} {what} ？", "{what} 和 {what} 都 {how} {like} 。",
    "{who} 生 在 {when} ， 学 在 {when} 。", "{who} 说 {what} {how} {like} 。", "{who} {where} 给 {who} {what} 。",
    "{who} {do} 过 {what} 吗 ？", "{when} 的 {what} {how} {like} 。", "{who} 是 {who} 的 朋友 。",
    "{what} 是 {who} {do} 的 。", "{who} 想 {do} {what} ， 不 想 {do} {what} 。", "{when} {who} {how} {like} 吗 ？",
)  # fmt: skip
TABLES = {"who": WHO, "where": WHERE, "when": WHEN, "what": WHAT, "do": DO, "how": HOW, "like": LIKE}


def segmented(seed: int = 0, train: int = 0) -> dict[str, list[tuple[list[str], list[str]]]]:
    """(words, no tags) by split; `train` sentences in train, 0 = 3,000."""
    found: dict[str, list[tuple[list[str], list[str]]]] = {}
    for split, size in {**SIZES, "train": train or SIZES["train"]}.items():
        rng = split_stream(seed, "words-zh", split)
        found[str(split)] = [(_sentence(rng, split), []) for _ in range(size)]
    return found


def _sentence(rng: np.random.Generator, split: Split) -> list[str]:
    words: list[str] = []
    for part in choose(rng, FRAMES, split).split():
        table = TABLES.get(part.strip("{}"))
        words += choose(rng, table, split if table in (WHO, WHAT) else "train").split() if table else [part]
    return words
