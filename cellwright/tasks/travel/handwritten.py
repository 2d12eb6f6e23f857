"""Sentences written by hand, in none of the generator's frames, to see whether a model trained on them generalises."""

from __future__ import annotations

from pathlib import Path

from cellwright.tasks.data.rasa import labelled_example
from cellwright.tasks.data.utterance import Utterance

__all__ = ["handwritten"]

EN = """
book_flight: leave [Taipei](departure) on [November 2nd](date)
book_flight: arrive [Taipei](destination) on [November 2nd](date)
ask_time: what time is it?
book_flight: I want to leave [Tokyo](departure) [tomorrow](date)
book_flight: we will arrive in [Osaka](destination) [next Friday](date)
book_flight: can you book me a flight from [Boston](departure) to [Denver](destination) on [Monday](date)?
book_flight: I'd like to fly out of [Chicago](departure) [next week](date) please
book_flight: [Paris](departure) is where we start
book_flight: [Paris](destination) is where our trip ends
book_flight: hello, we want to travel to [Rome](destination) from [Milan](departure) with [Air France](airline)
book_flight: get me to [Sydney](destination) by [noon](time) on [May 3rd](date)
book_flight: [three adults](passengers), [Hanoi](departure) to [Bangkok](destination), [business class](cabin)
ask_price: how much is a ticket to [London](destination)?
ask_price: what does it cost to fly from [Madrid](departure) to [Lisbon](destination) [tomorrow](date)?
ask_price: tell me the price of a flight to [Seoul](destination) in [economy class](cabin)
flight_status: is flight [BR67](flight_number) on time?
flight_status: has [CI 100](flight_number) landed?
flight_status: when does [LH715](flight_number) arrive in [Frankfurt](destination)?
cancel: please cancel my flight to [Vienna](destination)
cancel: I need to cancel flight [UA830](flight_number) on [June 5th](date)
cancel: cancel my hotel in [Prague](place)
weather: how is the weather in [Oslo](place) [today](date)?
weather: will it rain in [Lyon](place) [tomorrow](date)?
book_hotel: I need a hotel in [Berlin](place) for [three nights](nights)
book_hotel: book a [four star](rating) hotel in [Kyoto](place)
baggage: how many bags can I take on [Lufthansa](airline)?
baggage: can I bring [two suitcases](bags) to [Dubai](destination)?
request_service: can I get a [window seat](seat)?
request_service: I would like a [vegetarian meal](meal) on flight [NH25](flight_number)
ask_time: could you tell me what time it is in [New York](place)?
"""

ZH = """
book_flight: [十一月二号](date)离开[台北](departure)
book_flight: [十一月二号](date)到达[台北](destination)
ask_time: 现在几点了?
book_flight: 我想[明天](date)离开[上海](departure)
book_flight: 我们[下周五](date)到达[东京](destination)
book_flight: 帮我订一张从[北京](departure)到[广州](destination)的机票
book_flight: 我要[后天](date)飞往[新加坡](destination),坐[长荣航空](airline)
book_flight: [成都](departure)是我的出发地
book_flight: [成都](destination)是我的目的地
book_flight: 我们在[武汉](departure)起飞
book_flight: 我们在[武汉](destination)降落
book_flight: 从[杭州](departure)去[首尔](destination),[商务舱](cabin),[3月5日](date)
ask_price: 去[曼谷](destination)的机票多少钱?
ask_price: 从[南京](departure)到[西安](destination)多少钱
ask_price: [明天](date)飞[深圳](destination)的机票要多少钱
flight_status: [CA100](flight_number)晚点了吗?
flight_status: [MU506](flight_number)几点到[青岛](destination)
flight_status: 请查一下[CI67](flight_number)的状态
cancel: 请取消我去[巴黎](destination)的机票
cancel: 取消[HU715](flight_number)
cancel: 帮我取消[和平饭店](hotel)的预订
weather: [大连](place)[明天](date)天气怎么样?
weather: [伦敦](place)[后天](date)会下雨吗
book_hotel: 我要在[三亚](place)订一家酒店,住[三晚](nights)
book_hotel: 找一家[台北](place)的[五星级](rating)酒店
baggage: [南方航空](airline)可以带多少行李?
baggage: 我可以带[两件行李](bags)吗
request_service: 请给我一个[靠窗座位](seat)
request_service: 我想要一份[儿童餐](meal)
ask_time: 请问[纽约](place)现在几点
"""


def handwritten(language: str) -> list[Utterance]:
    """Thirty utterances in "en" or "zh", with slots and intents of the generator."""
    utterances = []
    for number, line in enumerate({"en": EN, "zh": ZH}[language].strip().splitlines(), start=1):
        intent, _, marked = line.partition(": ")
        utterances.append(labelled_example(marked, intent, Path(f"handwritten-{language}"), number))
    return utterances
