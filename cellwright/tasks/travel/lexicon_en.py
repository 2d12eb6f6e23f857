"""English words of the travel generator: cue pairs, slot values, modifiers and fillers, as tables.

A cue pair is (wording for the departure, wording for the destination). Fillers hold no cue word.
"""

__all__ = ["CUES", "FILLERS", "MODIFIERS", "PREFIXES", "SUFFIXES", "VALUES"]

CUES = {
    "verb": (  # after "i want to"
        ("leave", "arrive"),
        ("leave", "reach"),
        ("leave", "visit"),
        ("depart", "reach"),
        ("depart", "arrive"),
        ("leave from", "arrive in"),
        ("leave from", "arrive at"),
        ("depart from", "land in"),
        ("depart from", "arrive in"),
        ("take off from", "land at"),
        ("fly out of", "fly into"),
        ("fly from", "fly to"),
        ("go from", "go to"),
        ("travel from", "travel to"),
        ("start from", "head for"),
        ("start in", "end in"),
        ("begin in", "finish in"),
        ("get out of", "get to"),
        ("set off from", "head to"),
    ),
    "gerund": (  # after "i am" or "a plane"
        ("leaving", "arriving"),
        ("leaving", "reaching"),
        ("leaving from", "arriving in"),
        ("departing from", "arriving at"),
        ("departing from", "landing in"),
        ("taking off from", "landing at"),
        ("flying out of", "flying into"),
        ("flying from", "flying to"),
        ("going from", "going to"),
        ("starting from", "heading for"),
        ("starting in", "ending in"),
    ),
    "noun": (  # after "my" or "the"
        ("starting point", "final goal"),
        ("starting city", "final city"),
        ("origin", "destination"),
        ("origin city", "destination city"),
        ("departure city", "arrival city"),
        ("departure airport", "arrival airport"),
        ("place of departure", "place of arrival"),
        ("point of departure", "point of arrival"),
        ("departure", "destination"),
        ("origin", "goal"),
    ),
    "prep": (  # after "a flight"
        ("from", "to"),
        ("out of", "into"),
        ("leaving", "reaching"),
        ("leaving from", "going to"),
        ("departing from", "arriving in"),
        ("that leaves", "that reaches"),
        ("that departs from", "that lands in"),
    ),
    "tail": (  # after "is where i"
        ("start", "finish"),
        ("start", "end"),
        ("begin", "end"),
        ("take off", "land"),
        ("board", "land"),
        ("depart", "arrive"),
        ("leave from", "go to"),
        ("fly from", "fly to"),
        ("come from", "go to"),
        ("depart from", "head to"),
        ("set off", "arrive"),
    ),
    "trip": (  # after "is where my trip"
        ("starts", "ends"),
        ("begins", "finishes"),
        ("starts", "finishes"),
        ("begins", "ends"),
    ),
}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_ORDINALS = tuple(f"{n}{'th' if 10 < n < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}" for n in range(1, 32))
_HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNTS = ("two", "three", "four", "five", "2", "3", "4", "5")

_ON_DATE = (
    *(f"{month} {day}" for month in _MONTHS for day in _ORDINALS[:28]),
    *(f"{month} {day}" for month in _MONTHS for day in range(1, 29, 5)),
    *(f"the {day} of {month}" for month in _MONTHS for day in _ORDINALS[:28:2]),
    *(f"{day} {month}" for month in _MONTHS for day in range(1, 29, 4)),
    *(_DAYS * 40),
)
_DATE = (
    *("tomorrow", "today") * 8,
    *("the day after tomorrow", "next week", "next month", "this weekend") * 3,
    *(f"{which} {day}" for which in ("next", "this") for day in _DAYS),
)
_AT_TIME = (
    *(f"{hour} {half}" for hour in range(1, 13) for half in ("am", "pm")),
    *(f"{hour} o'clock" for hour in (*_HOURS, *range(1, 13))),
    *(f"half past {hour}" for hour in _HOURS),
    *(f"{hour} thirty" for hour in _HOURS),
    *("noon", "midnight", "lunchtime") * 4,
)
_AIRLINES = (
    "EVA Air", "China Airlines", "Starlux", "Cathay Pacific", "Singapore Airlines", "Thai Airways",
    "Japan Airlines", "All Nippon Airways", "Korean Air", "Asiana", "Air China", "China Eastern", "Vietjet",
    "Air India", "IndiGo", "Emirates", "Qatar Airways", "Etihad", "Turkish Airlines", "Lufthansa", "Swiss",
    "Air France", "KLM", "British Airways", "Iberia", "Ryanair", "easyJet", "Finnair", "SAS", "Delta",
    "United", "American Airlines", "JetBlue", "Air Canada", "Qantas", "Air New Zealand", "LATAM", "Avianca",
)  # fmt: skip
_FLIGHT_NUMBERS = tuple(
    f"{carrier}{gap}{number}"
    for carrier in ("BR", "CI", "JL", "NH", "CX", "SQ", "LH", "AF", "BA", "UA", "DL", "QF", "EK", "TG", "KE")
    for gap in ("", "", " ")
    for number in (8, 12, 25, 31, 67, 100, 108, 172, 204, 319, 441, 506, 715, 830, 902)
)
_HOTELS = tuple(
    f"{first} {kind}"
    for first in ("Grand", "Royal", "Golden Lion", "Riverside", "Park", "Blue Harbour", "Lotus", "Old Mill")
    for kind in ("Hotel", "Plaza", "Inn", "Palace", "Lodge", "Hotel", "Suites")
)

VALUES = {  # name in a frame: (slot label, values)
    "on_date": ("date", _ON_DATE),
    "date": ("date", _DATE),
    "return_on": ("return_date", _ON_DATE),
    "return_date": ("return_date", _DATE),
    "at_time": ("time", _AT_TIME),
    "daypart": ("time", ("morning", "afternoon", "evening", "night")),
    "airline": ("airline", _AIRLINES),
    "cabin": (
        "cabin",
        ("economy class", "business class", "first class", "premium economy", "economy", "business", "coach"),
    ),
    "passengers": (
        "passengers",
        (
            *(f"{n} {who}" for n in _COUNTS for who in ("people", "adults", "passengers", "persons")),
            *(f"{n} adults and one child" for n in _COUNTS),
            *("one person", "one adult", "1 passenger", "two adults and two children") * 2,
        ),
    ),
    "price": (
        "price",
        tuple(f"{n} {unit}" for n in range(100, 1600, 50) for unit in ("dollars", "euros", "pounds", "dollars")),
    ),
    "flight_number": ("flight_number", _FLIGHT_NUMBERS),
    "meal": (
        "meal",
        tuple(
            f"{kind} {word}"
            for kind in ("vegetarian", "vegan", "halal", "kosher", "gluten free", "diabetic", "children's")
            for word in ("meal", "meal", "dinner", "lunch")
        ),
    ),
    "seat": ("seat", ("window seat", "aisle seat", "middle seat", "front row seat", "exit row seat")),
    "hotel": ("hotel", _HOTELS),
    "stars": ("rating", tuple(f"{n} {s}" for n in ("three", "four", "five", "3", "4", "5") for s in ("star", "stars"))),
    "star": ("rating", tuple(f"{n} star" for n in ("three", "four", "five", "3", "4", "5"))),
    "nights": ("nights", (*(f"{n} nights" for n in _COUNTS), "one night", "a week", "1 night")),
    "bags": ("bags", tuple(f"{n} {what}" for n in _COUNTS for what in ("bags", "suitcases", "pieces of luggage"))),
}

MODIFIERS = (  # drawn 0 to 3 times at a "*"; at most one of each first slot label
    "on {on_date}",
    "on {on_date}",
    "on {on_date} {daypart}",
    "{date}",
    "{date} {daypart}",
    "at {at_time}",
    "around {at_time}",
    "in the {daypart}",
    "with {airline}",
    "on {airline}",
    "in {cabin}",
    "{cabin}",
    "for {passengers}",
    "under {price}",
    "for less than {price}",
    "with a {seat}",
    "with a {meal}",
    "with {bags}",
)

PREFIXES = (
    "", "", "", "", "", "", "please", "please", "hi ,", "hello ,", "hello there ,", "hey ,", "good morning ,",
    "excuse me ,", "ok ,", "so", "sorry ,", "listen ,", "i have a question ,", "one more thing ,",
)  # fmt: skip
SUFFIXES = ("", "", "", "", "", ".", ".", "please", "please .", ", thanks", "thank you", ", thank you .")

FILLERS = tuple(
    line.strip()
    for line in """
    please
    well
    actually
    honestly
    perhaps
    really
    probably
    maybe
    um
    then
    of course
    i think
    i guess
    you know
    this time
    as usual
    by now
    most likely
    once again
    as always
    if possible
    if you ask me
    as i said
    to be honest
    as you know
    believe it or not
    after all these years
    with a little luck
    if nothing goes wrong
    if the weather is good
    as my boss told me
    as far as i know
    all things considered
    for the first time
    with my whole family
    according to my wife
    because the kids love it
    since my sister lives nearby
    and i am very happy
    though nobody believes it yet
    if my calendar is right
    and my mother agrees with me
    which my friends find rather strange
    unless the office calls me again
    because my old school friend is getting married
    and this is the most important part
    while my brother stays at home with the dog
    although i have not told my boss about it yet
    since everyone in the office keeps talking about it
    as we discussed on the phone the other day
    if there is still a seat for my tall husband
    because the doctor says that i need some sun
    and please do not mix this up with the last time
    """.strip().splitlines()
) + (
    ", on {on_date} ,",
    ", {date} ,",
    ", at {at_time} ,",
    ", with {airline} ,",
    ", in {cabin} ,",
    ", {date} at {at_time} with {airline} ,",
    ", on {on_date} in {cabin} with {bags} ,",
)
