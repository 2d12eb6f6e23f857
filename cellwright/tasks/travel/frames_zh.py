"""Chinese sentence frames of the travel generator, by intent.

`{city}` is the city whose role only the cue `<class>` decides; `~` is where a filler of any length may stand;
`*` is where modifiers (date, time, airline …) may stand; `{name}` draws a slot value; the rest is itself.
"""

__all__ = ["BOTH_ENDS", "CLAUSES_LEFT", "CLAUSES_RIGHT", "CUE_LEFT", "CUE_RIGHT", "LEADS", "ORDINARY"]

CUE_LEFT = {
    "book_flight": """
        <verb>~{city}*
        我想<verb>~{city}*
        我要<verb>~{city}*
        我们想<verb>~{city}*
        我们要<verb>~{city}*
        我打算<verb>~{city}*
        我准备<verb>~{city}*
        我得<verb>~{city}*
        我必须<verb>~{city}*
        我希望<verb>~{city}*
        我{date}<verb>~{city}*
        {date}我要<verb>~{city}*
        {date}{time}我们<verb>~{city}*
        {date}<verb>~{city}*
        坐{airline}<verb>~{city}*
        能帮我<verb>~{city}吗*
        我可以{date}<verb>~{city}吗*
        我和家人要<verb>~{city}*
        我的<noun>~是{city}*
        <noun>~是{city}*
        <noun>~{city}*
        <noun>:~{city}*
        我们的<noun>~是{city}*
        这次的<noun>~是{city}*
        <noun>~选{city}*
        <noun>~定为{city}*
        把<noun>~设为{city}*
        <noun>~请填{city}*
        订一张机票,<noun>~是{city}*
        订机票,<noun>~{city}*
        帮我订票,<noun>~是{city}*
        我要一张机票,<prep>~{city}*
        订一张<prep>~{city}的机票*
        帮我订<prep>~{city}的航班*
        我想订<prep>~{city}的飞机票*
        有没有<prep>~{city}的航班*
        查一下<prep>~{city}的航班*
        我要买<prep>~{city}的机票*
        给我一张<prep>~{city}的票*
        <prep>~{city}的航班有哪些*
        {date}<prep>~{city}的机票还有吗
        找一班<prep>~{city}的飞机*
        我这次想<verb>~{city}*
        麻烦安排<verb>~{city}*
        坐{flight_number}<verb>~{city}*
        {airline}<prep>~{city}的票*
        大家一起<verb>~{city}*
    """,
    "ask_price": """
        <prep>~{city}的机票多少钱*
        如果我<verb>~{city}要多少钱*
        请告诉我<prep>~{city}的票价*
        {date}<prep>~{city}的航班要多少钱
        机票多少钱,<noun>~是{city}*
        <verb>~{city}要花多少钱*
        {airline}<prep>~{city}的票多少钱
    """,
    "flight_status": """
        <prep>~{city}的航班晚点了吗
        <prep>~{city}的飞机准点吗
        {flight_number}<verb>~{city}会准时吗
        <prep>~{city}的那班飞机现在什么情况
        我坐{flight_number}<verb>~{city},会延误吗
        {flight_number}是<prep>~{city}的那班吗,准点吗
        {date}<prep>~{city}的飞机会晚点吗
    """,
    "cancel": """
        取消<prep>~{city}的航班
        帮我取消<prep>~{city}的机票
        我不<verb>~{city}了,把票取消
        请取消<noun>~是{city}的订单
        我们不想<verb>~{city}了,请取消
    """,
    "baggage": """
        <prep>~{city}的航班能带几件行李
        我<verb>~{city}可以带多少行李
        <prep>~{city}的飞机行李限重多少
        坐{airline}<verb>~{city}能带几件行李
    """,
}

CUE_RIGHT = {
    "book_flight": """
        {city}~<tail>*
        {city}~{date}<tail>*
        {date}{city}~<tail>*
        {date}我{city}~<tail>*
        我想{city}~<tail>*
        我要{city}~<tail>*
        我们要{city}~<tail>*
        飞机{city}~<tail>*
        要{city}~<tail>的机票*
        订一张{city}~<tail>的机票*
        帮我订{city}~<tail>的航班*
        有没有{city}~<tail>的航班*
        查一下{city}~<tail>的航班*
        我要买{city}~<tail>的机票*
        {city}~<tail>的航班有哪些*
        {date}{city}~<tail>的机票还有吗
        找一班{city}~<tail>的飞机*
        我要在{city}~<tail>*
        我们打算在{city}~<tail>*
        {date}在{city}~<tail>*
        {city}~是我的<noun>*
        {city}~是<noun>*
        {city}~是我们的<noun>*
        {city}~是这次的<noun>*
        {city}~作为<noun>*
        {city}~就是<noun>*
        {city}~应该是<noun>*
        {city}~当<noun>*
        把{city}~作为<noun>*
        把{city}~设为<noun>*
        我选{city}~作为<noun>*
        我想把{city}~当<noun>*
        请用{city}~当<noun>*
        订一张机票,{city}~是<noun>*
        订机票,{city}~是我的<noun>*
        我要一张以{city}~为<noun>的机票*
        {city}~是我要<relative>的城市*
        {city}~是我们想<relative>的地方*
        {city}~是我准备<relative>的城市*
        {city}~这个城市我要<relative>*
        {city}~是飞机<relative>的地方*
        我觉得{city}~是<noun>*
        我们定了{city}~做<noun>*
        这趟飞机{city}~<tail>*
        麻烦记下{city}~是我的<noun>*
        希望{city}~是我们的<noun>*
        请让{city}~作为<noun>*
        听我说,{city}~是<noun>*
        我和家人{city}~<tail>*
        对我们来说{city}~是<noun>*
        {city}这座城市~是<noun>*
    """,
    "ask_price": """
        {city}~<tail>的机票多少钱*
        如果在{city}~<tail>要多少钱*
        请告诉我{city}~<tail>的票价*
        {date}{city}~<tail>的航班要多少钱
        要是{city}~是<noun>,机票多少钱
        假如{city}~是我的<noun>,要花多少钱
    """,
    "flight_status": """
        {city}~<tail>的航班晚点了吗
        {city}~<tail>的飞机准点吗
        {flight_number}在{city}~<tail>会准时吗
        {city}~<tail>的那班飞机现在什么情况
        我的航班{city}~<tail>,会晚点吗
    """,
    "cancel": """
        取消{city}~<tail>的航班
        帮我取消{city}~<tail>的机票
        我不在{city}~<tail>了,把票取消
        请取消{city}~是<noun>的订单
        以{city}~为<noun>的票不要了,帮我取消
    """,
    "baggage": """
        {city}~<tail>的航班能带几件行李
        要是{city}~是<noun>可以带多少行李
        {city}~<tail>的飞机行李限重多少
        {city}~是<noun>的话能带几件行李
    """,
}

ORDINARY = {
    "book_flight": """
        我想订一张从{departure}到{destination}的机票*
        帮我订{date}从{departure}到{destination}的航班
        {departure}到{destination}*
        从{departure}到{destination}*
        从{departure}飞{destination}*
        我要从{departure}去{destination}*
        我要去{destination},从{departure}出发*
        到{destination}的机票,从{departure}走*
        {date}{departure}飞{destination}的机票
        有没有{departure}到{destination}的航班*
        有{date}去{destination}的飞机吗
        给我找最便宜的从{departure}到{destination}的机票*
        从{departure}经{stopover}到{destination}*
        从{departure}出发去{destination},在{stopover}转机*
        我要买{passengers}从{departure}到{destination}的票*
        订往返机票,{departure}到{destination},{date}去,{return_date}回
        {date}离开{departure},{return_date}回来
        {date}去{destination},{return_date}返回
        我{date}要去{destination}出差
        {time}之前要到{destination}*
        坐{airline}从{departure}到{destination}*
        {airline}有{departure}到{destination}的航班吗
        我要一张去{destination}的{cabin}机票
        {departure}到{destination}有直飞吗
        我想坐{cabin}去{destination}*
        我们{passengers}要去{destination}*
        离开{departure}前往{destination}*
        哪家航空公司从{departure}飞{destination}
        买两张从{departure}到{destination}的机票*
        {date}我们必须到{destination},有什么航班
        从{departure}飞往{destination}的往返票*
        还有从{departure}到{destination}的座位吗*
        安排我们坐飞机去{destination}*
        我打算从{departure}坐飞机到{destination}*
        来一张去{destination}的票*
        {passengers}从{departure}去{destination}*
    """,
    "ask_price": """
        从{departure}到{destination}的机票多少钱*
        去{destination}的机票多少钱*
        {departure}飞{destination}要多少钱*
        {date}去{destination}最便宜的票是多少钱
        {flight_number}的票价是多少
        {cabin}去{destination}多少钱
        到{destination}的{cabin}贵不贵
        {hotel}住{nights}多少钱
        {place}的{hotel}一晚多少钱
        {place}的{star}酒店什么价格
        {bags}要收多少钱
        {price}能去{destination}吗
        {passengers}去{destination}一共多少钱
        {departure}到{destination}往返要花多少钱
        {price}够不够买{departure}到{destination}的票
        到{destination}的机票什么价*
        {airline}从{departure}到{destination}收多少钱
        坐{cabin}从{departure}到{destination}贵吗
        {hotel}一晚什么价格
        托运{bags}怎么收费
        {flight_number}的{cabin}要多少钱
        {star}的酒店在{place}住{nights}多少钱
    """,
    "flight_status": """
        {flight_number}准点吗
        {flight_number}晚点了吗
        航班{flight_number}现在什么情况
        {flight_number}到了没有
        {flight_number}起飞了吗
        {flight_number}几点到{destination}
        {flight_number}什么时候从{departure}起飞
        {flight_number}几点起飞
        {airline}从{departure}来的航班几点到
        查一下{flight_number}的航班状态
        查一下{date}的{flight_number}
        {flight_number}在哪个登机口
        我去{destination}的飞机几点起飞
        我{date}的飞机是几点
        {time}去{destination}的航班准时吗
        从{departure}到{destination}的飞机起飞了没有
        {airline}{flight_number}会不会延误
        {flight_number}会迟到吗
        {flight_number}现在到哪里了
        从{departure}来的飞机晚点没有
        {airline}去{destination}的航班走了吗
        我{date}的航班还准时吗
        告诉我{flight_number}有没有延误
        {flight_number}降落了没有
    """,
    "ask_time": """
        现在几点
        现在几点了呢
        几点钟了
        现在是什么时间
        {place}现在几点
        {place}几点了
        {place}现在是几点钟
        告诉我现在的时间
        你知道现在几点吗
        能告诉我{place}的时间吗
        {place}当地时间是多少
        现在{place}是早上还是晚上
        {place}已经{time}了吗
        请报一下时间
        查一下{place}的当地时间
        这会儿{place}几点
        {place}那边几点了
        请告诉我几点
        现在的准确时间是多少
        {place}现在是白天还是黑夜
        {place}和这里差几个小时
        报一下{place}的时间
    """,
    "book_hotel": """
        帮我在{place}订一家酒店*
        我要在{place}住{nights}
        订{place}的{hotel},住{nights}
        我想住{hotel}*
        {hotel}还有房间吗
        {date}在{place}订一间房
        找一家{place}的{star}酒店
        {place}有什么{price}以下的酒店
        我需要{place}的酒店,{date}入住,{nights}
        预订{hotel}{nights}
        {hotel}{date}还有空房吗
        给我订一间双人房,在{place},{date}入住
        {passengers}要在{place}住{nights}
        在{place}找个住的地方*
        我要{star}的酒店,在{place}
        {place}便宜的旅馆有哪些
        订房,{hotel},{date}
        {place}住{nights},找个{star}的酒店
        {hotel}订{nights}
        给{passengers}在{place}找个房间
        我们想在{place}过夜,{date}
        {date}的{hotel}帮我留一间房
        有没有{place}的{star}酒店*
        我要预订{place}的旅馆{nights}
    """,
    "weather": """
        {place}天气怎么样
        {place}{date}天气如何
        {date}{place}会下雨吗
        {place}冷不冷
        {place}{date}会不会下雪
        {date}去{place}要带伞吗
        {place}现在多少度
        {place}的天气预报
        查一下{place}{date}的天气
        告诉我{place}的气温
        {place}热吗
        {place}现在下雨吗
        {date}{place}有台风吗
        {place}{time}会下雨吗
        {date}{place}是晴天吗
        {place}{date}暖和吗
        {date}{place}刮风吗
        {place}会下雪吗
        {place}{date}多少度
        看看{place}的天气
        {date}去{place}穿什么衣服
        {place}{time}冷吗
    """,
    "cancel": """
        取消我去{destination}的航班
        取消{flight_number}
        帮我取消{date}的机票
        我要取消{date}{flight_number}的订票
        我去不了{destination}了,取消机票
        从{departure}到{destination}的票不要了,取消
        取消{hotel}的预订
        把{place}的酒店取消
        {date}走不了,请取消航班
        我想退掉{departure}到{destination}的票
        取消我在{airline}的订单
        {flight_number}我不坐了,帮我取消
        {date}的全部取消
        怎么取消去{destination}的票
        {time}的航班不要了,取消
        我不去{destination}了,请取消
        把{flight_number}取消掉
        取消从{departure}到{destination}的机票*
        不住{hotel}了,取消吧
        {date}的酒店请取消
        退掉去{destination}的票
        取消我的{seat}
    """,
    "baggage": """
        {airline}可以带几件行李
        {cabin}能带多少行李
        {flight_number}可以带{bags}吗
        {airline}的行李规定是什么
        我要托运{bags}
        行李最重多少公斤
        {airline}手提行李免费吗
        我有{bags},要另外付钱吗
        给我的订单加{bags}
        我的行李没有到{destination}
        我的行李丢了,航班是{flight_number}
        {cabin}行李限重多少
        去{destination}能带{bags}吗
        {airline}的手提行李可以多大
        坐{airline}能托运几件
        {bags}可以带上飞机吗
        {flight_number}的行李额是多少
        {airline}托运{bags}收费吗
        我的行李在{destination}找不到了
        坐{cabin}可以带{bags}吗
        我们一共{bags}
    """,
    "request_service": """
        我要一份{meal}
        {flight_number}上要一份{meal}
        可以给我{seat}吗
        我想要{seat}
        把我的座位换成{seat}
        {airline}有{meal}吗
        帮我在{flight_number}上选{seat}
        {date}的航班我要{meal}
        {cabin}有没有{meal}
        请给我{seat}和一份{meal}
        我太太要{meal}
        给{flight_number}加一份{meal}
        去{destination}的飞机上我要{seat}
        我需要轮椅,航班{flight_number}
        {flight_number}有{meal}吗
        给我们安排{seat}
        孩子要吃{meal}
        能不能换到{seat}
        {date}的飞机请留{seat}
        要两份{meal}
        我在{flight_number}上想坐{seat}
    """,
}

# "{lead}{clause}": every lead with every clause is a frame.
LEADS = {
    "book_flight": """
        请安排一下,
        帮我找一个行程,
        我要订这样的票:
        帮我们计划旅行,
        我想买票,
        我们想出门,
        麻烦安排行程,
        帮忙看看机票,
    """,
    "ask_price": """
        请问多少钱,如果
        票价是多少,要是
        要花多少钱,假如
        告诉我价格,
        价格是多少,如果
        大概多少钱,要是
    """,
    "flight_status": """
        会不会延误,如果
        航班准时吗,
        查一下航班状态,
        飞机晚点了没有,
        航班有没有变化,
        飞机会不会迟到,要是
    """,
    "cancel": """
        取消这个行程:
        请取消订票,
        帮我退票,
        订单不要了,
        这张票我不要了,
        把行程取消吧,
    """,
    "baggage": """
        能带几件行李,如果
        行李限重多少,要是
        可以托运多少行李,
        手提行李免费吗,
        行李怎么收费,如果
        能托运几件,要是
    """,
}

CLAUSES_LEFT = """
    我<verb>~{city}*
    我们<verb>~{city}*
    我朋友<verb>~{city}*
    我的<noun>~是{city}*
    <noun>是~{city}*
    我坐<prep>~{city}的飞机*
    航班<prep>~{city}*
    他们<verb>~{city}*
    这次大家<verb>~{city}*
    我们的<noun>会是~{city}*
"""

CLAUSES_RIGHT = """
    我在{city}~<tail>*
    我们在{city}~<tail>*
    飞机在{city}~<tail>*
    {city}~是我的<noun>*
    {city}~是<noun>*
    {city}~是我要<relative>的城市*
    我朋友在{city}~<tail>*
    大家在{city}~<tail>*
    这次在{city}~<tail>*
    {city}~应该是我们的<noun>*
    {city}~会是<noun>*
    我们把{city}~当作<noun>*
    {city}~是他们想<relative>的地方*
    {city}~算是我的<noun>*
"""

# The intent needs both ends: "{opening} … {ending}" with the same middles; one row an opening, by ending.
BOTH_ENDS = {
    "openings": ("我要订", "请订", "帮我订", "我要取消", "请取消", "帮我取消", "我要查", "请查", "帮我查"),
    "middles": ("{date}", "{date}{time}", "{airline}", "{passengers}", "{date}{passengers}", "{date}{airline}",
                "{passengers}{time}", ",~,"),
    "endings": {  # ending: intent by verb
        "的机票": {"订": "book_flight", "取消": "cancel", "查": "ask_price"},
        "的航班": {"订": "book_flight", "取消": "cancel", "查": "flight_status"},
        "的飞机": {"订": "book_flight", "取消": "cancel", "查": "flight_status"},
        "的酒店": {"订": "book_hotel", "取消": "cancel"},
        "的房间": {"订": "book_hotel", "取消": "cancel"},
        "的{seat}": {"订": "request_service"},
        "的{meal}": {"订": "request_service"},
        "的票价": {"查": "ask_price"},
        "的天气": {"查": "weather"},
        "的行李规定": {"查": "baggage"},
    },
}  # fmt: skip
