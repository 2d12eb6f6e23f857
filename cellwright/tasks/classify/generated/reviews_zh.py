"""Tables of the Chinese reviews. What stands late in a list is kept for valid or test."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["BAD", "CHATTER", "DENIED", "FAULTS", "FAULTS_DENIED", "FAULT_WORDS", "GOOD", "HOPED", "OTHER_SHOP", "PLAIN"]

_GOOD = {
    "纸": ("厚实", "光滑"), "做工": ("精细", "扎实"), "封面": ("漂亮", "结实"), "价格": ("便宜", "实惠"),
    "包装": ("结实", "干净"), "物流": ("快", "及时"), "颜色": ("漂亮", "鲜亮"), "客服": ("热情", "耐心"),
    "笔": ("顺滑", "好用"), "印刷": ("清楚", "干净"), "质量": ("可靠", "扎实"), "手感": ("舒服", "光滑"),
    "屏幕": ("清楚", "鲜亮"), "声音": ("清楚", "舒服"), "布料": ("厚实", "舒服"), "味道": ("清香", "舒服"),
    "卖家": ("热情", "可靠"), "灯": ("亮", "好用"), "袋子": ("结实", "好用"), "盒子": ("结实", "漂亮"),
}  # fmt: skip
_BAD = {
    "纸": ("薄", "粗糙"), "做工": ("粗糙", "马虎"), "封面": ("难看", "单薄"), "价格": ("贵", "离谱"),
    "包装": ("破烂", "脏"), "物流": ("慢", "拖拉"), "颜色": ("难看", "暗淡"), "客服": ("冷淡", "敷衍"),
    "笔": ("难用", "单薄"), "印刷": ("模糊", "马虎"), "质量": ("糟糕", "马虎"), "手感": ("粗糙", "别扭"),
    "屏幕": ("模糊", "暗淡"), "声音": ("刺耳", "模糊"), "布料": ("薄", "粗糙"), "味道": ("刺鼻", "难闻"),
    "卖家": ("敷衍", "冷淡"), "灯": ("暗淡", "难用"), "袋子": ("单薄", "脏"), "盒子": ("破烂", "难看"),
}  # fmt: skip
GOOD = {noun: ("好", "不错", *words) for noun, words in _GOOD.items()}
BAD = {noun: ("差", "差劲", *words) for noun, words in _BAD.items()}

PLAIN = (
    "{noun}很{word}", "{noun}{word}", "{noun}真的{word}", "{noun}非常{word}", "{noun}挺{word}的", "觉得{noun}{word}",
    "{noun}也{word}", "{noun}特别{word}", "大家都说{noun}{word}", "{noun}实在{word}",
)  # fmt: skip
DENIED = (
    "{noun}一点也不{word}", "{noun}并不{word}", "没觉得{noun}{word}", "没有人会说{noun}{word}", "{noun}谈不上{word}",
    "不觉得{noun}{word}", "{noun}算不上{word}", "说{noun}{word}的都是假话", "{noun}根本不{word}",
    "谁会觉得{noun}{word}呢",
    "没有人会觉得{noun}{word}", "从没觉得{noun}{word}",
)  # fmt: skip
HOPED = (
    "本以为{noun}{hoped}，结果{word}", "原来以为{noun}会{hoped}，没想到{word}", "都说{noun}{hoped}，其实{word}",
    "宣传里{noun}{hoped}，其实{word}", "听说{noun}{hoped}，没想到很{word}", "以为{noun}很{hoped}，结果很{word}",
)  # fmt: skip
FAULT_WORDS = ("刺鼻的油墨味", "异味", "污渍", "裂缝", "划痕", "破洞", "毛边", "割手的边", "掉页", "开胶")
FAULTS = (
    "有{fault}", "一打开就有{fault}", "用了一天就有{fault}", "收到时有{fault}", "居然有{fault}", "上面有{fault}",
)  # fmt: skip
FAULTS_DENIED = (
    "没有{fault}", "打开没有{fault}", "用了很久也没有{fault}", "完全没有{fault}", "收到时没有{fault}",
    "从来没有{fault}",
)  # fmt: skip
OTHER_SHOP = (
    "在别家买的{}", "上次在另一家店买的{}", "朋友买的另一个牌子{}", "以前那家店的{}",
    "别的牌子{}", "在另一家买的那个{}",
)  # fmt: skip
CHATTER = (
    "昨天收到了", "给孩子买的", "第二次买了", "一共买了两个", "放在办公室用", "送朋友的", "上学要用", "周末下的单",
    "用了一个月", "早上送来的",
)  # fmt: skip


def join(clauses: Sequence[str]) -> str:
    """A review of these clauses."""
    return "。".join(clauses) + "。"
