"""Chinese sentence frames of the travel generator, by intent.

`{city}` is the city whose role only the cue `<class>` decides; `~` is where a filler of any length may stand;
`*` is where modifiers (date, time, airline …) may stand; `{name}` draws a slot value; the rest is itself.
"""

from cellwright.tasks.travel.ordinary_zh import ORDINARY

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
