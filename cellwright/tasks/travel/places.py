"""City names of the travel generator: real cities, English and Chinese, and small towns put together from two parts.

The towns are many, so that a network cannot learn the names by heart and has to find a city by its place and look.
"""

_REAL_EN = tuple(
    line.strip()
    for line in """
    Taipei | Tokyo | Osaka | Kyoto | Nagoya | Sapporo | Fukuoka | Seoul | Busan | Beijing
    Shanghai | Guangzhou | Shenzhen | Chengdu | Wuhan | Nanjing | Hangzhou | Harbin | Kunming | Xiamen
    Hong Kong | Macau | Kaohsiung | Hanoi | Ho Chi Minh City | Bangkok | Chiang Mai | Phuket | Singapore
    Kuala Lumpur | Penang | Jakarta | Surabaya | Manila | Cebu | Phnom Penh | Yangon | Vientiane | Dhaka
    Mumbai | New Delhi | Chennai | Kolkata | Bangalore | Colombo | Kathmandu | Karachi | Lahore | Islamabad
    Tashkent | Almaty | Tbilisi | Baku | Yerevan | Tehran | Baghdad | Kuwait City | Doha | Dubai
    Abu Dhabi | Muscat | Riyadh | Jeddah | Amman | Beirut | Tel Aviv | Istanbul | Ankara | Athens
    Sofia | Bucharest | Belgrade | Zagreb | Budapest | Vienna | Prague | Warsaw | Krakow | Vilnius
    Riga | Tallinn | Helsinki | Stockholm | Gothenburg | Oslo | Bergen | Copenhagen | Berlin | Hamburg
    Munich | Frankfurt | Cologne | Zurich | Geneva | Milan | Rome | Naples | Venice | Paris
    Lyon | Marseille | Nice | Brussels | Antwerp | Amsterdam | Rotterdam | London | Manchester | Edinburgh
    Glasgow | Dublin | Lisbon | Porto | Madrid | Barcelona | Seville | Valencia | Casablanca | Tunis
    Cairo | Addis Ababa | Nairobi | Lagos | Accra | Dakar | Cape Town | Johannesburg | Durban | Harare
    New York | Los Angeles | San Francisco | San Diego | Las Vegas | Seattle | Portland | Denver | Chicago
    Boston | Philadelphia | Washington | Atlanta | Miami | Orlando | Houston | Dallas | Austin | Phoenix
    New Orleans | Salt Lake City | Kansas City | San Antonio | Toronto | Montreal | Vancouver | Calgary
    Mexico City | Cancun | Havana | Panama City | San Juan | Bogota | Quito | Lima | La Paz | Santiago
    Buenos Aires | Montevideo | Sao Paulo | Rio de Janeiro | Brasilia | Sydney | Melbourne | Brisbane
    Perth | Adelaide | Auckland | Wellington | Honolulu
    """.replace("\n", "|").split("|")
    if line.strip()
)

_REAL_ZH = tuple(
    """
    北京 上海 广州 深圳 成都 重庆 天津 武汉 南京 杭州 苏州 西安 长沙 郑州 青岛
    大连 厦门 福州 济南 沈阳 哈尔滨 长春 昆明 贵阳 南宁 桂林 海口 三亚 兰州 银川
    西宁 拉萨 太原 合肥 南昌 宁波 无锡 温州 珠海 烟台 丽江 大理 敦煌 石家庄 呼和浩特
    乌鲁木齐 张家界 秦皇岛 连云港 景德镇 台北 高雄 台中 台南 花莲 香港 澳门 东京 大阪 京都
    名古屋 札幌 福冈 首尔 釜山 曼谷 清迈 新加坡 吉隆坡 雅加达 马尼拉 河内 胡志明市 金边 仰光
    新德里 孟买 加德满都 科伦坡 迪拜 多哈 德黑兰 伊兹密尔 雅典 罗马 米兰 威尼斯 巴黎 里昂 伦敦
    曼彻斯特 爱丁堡 都柏林 柏林 慕尼黑 汉堡 法兰克福 维也纳 布拉格 华沙 莫斯科 圣彼得堡 赫尔辛基 奥斯陆 哥本哈根
    鹿特丹 布鲁塞尔 日内瓦 苏黎世 马德里 巴塞罗那 里斯本 开罗 内罗毕 开普敦 纽约 波士顿 芝加哥 西雅图 旧金山
    洛杉矶 休斯敦 迈阿密 华盛顿 夏威夷 多伦多 温哥华 墨西哥城 哈瓦那 利马 圣保罗 悉尼 墨尔本 奥克兰
    """.split()  # noqa: SIM905 (one word a city reads better than a list)
)

_TOWNS_EN = tuple(
    first + last
    for first in """
    Ash Oak Elm Birch Thorn Hazel Stone Clay Sand Marl River Brook Mill Lake Marsh Spring North West East South High
    Long Black White Green Red Gold Silver King Queen Bishop Abbot Wolf Hart Swan Crow Raven Wind Frost Summer
    """.split()  # noqa: SIM905
    for last in ("ford", "ton", "ville", "field", "burg", "wick", "ham", "mouth", "bridge", "stead", "haven", "dale")
)
_TOWNS_ZH = tuple(
    first + last
    for first in "青白金银玉石松竹梅兰柳桃云龙凤鹤虎马清长永安宁嘉新古临平定兴"
    for last in ("州", "阳", "城", "江", "山", "海", "浦", "溪", "川", "陵", "冈", "港")
)

# Names of three and four characters, as of villages and of places abroad.
_LONG_ZH = tuple(
    first + middle + last
    for first in "东西南北上下"
    for middle in "青白金银石松竹梅"
    for last in ("山镇", "河口", "湾", "桥")
) + tuple(
    first + last
    for first in "克拉 斯特 尔诺 马里 达伦 维卡 巴萨 索菲 莱茵 诺曼 伊兹 布鲁 格兰 托雷 塞维".split()  # noqa: SIM905
    for last in ("堡", "顿", "斯", "尔", "多", "利亚", "维奇", "加斯")
)

CITIES_EN = _REAL_EN + _TOWNS_EN
CITIES_ZH = tuple(dict.fromkeys((*_REAL_ZH, *_TOWNS_ZH, *_LONG_ZH)))
