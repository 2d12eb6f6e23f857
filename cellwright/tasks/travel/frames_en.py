"""English sentence frames of the travel generator, by intent.

`{city}` is the city whose role only the cue `<class>` decides; `~` is where a filler of any length may stand;
`*` is where modifiers (date, time, airline …) may stand; `{name}` draws a slot value; the rest is itself.
"""

from cellwright.tasks.travel.ordinary_en import ORDINARY

__all__ = ["BOTH_ENDS", "CLAUSES_LEFT", "CLAUSES_RIGHT", "CUE_LEFT", "CUE_RIGHT", "LEADS", "ORDINARY"]

CUE_LEFT = {
    "book_flight": """
        <verb> ~ {city} *
        i want to <verb> ~ {city} *
        i'd like to <verb> ~ {city} *
        i need to <verb> ~ {city} *
        i have to <verb> ~ {city} *
        i would like to <verb> ~ {city} *
        we want to <verb> ~ {city} *
        we will <verb> ~ {city} *
        i'll <verb> ~ {city} *
        i am going to <verb> ~ {city} *
        i must <verb> ~ {city} *
        could you help me <verb> ~ {city} * ?
        can i <verb> ~ {city} * ?
        my family wants to <verb> ~ {city} *
        on {on_date} i want to <verb> ~ {city}
        {date} we want to <verb> ~ {city} *
        with {airline} i would like to <verb> ~ {city} *
        book me a flight <prep> ~ {city} *
        book a flight <prep> ~ {city} *
        i need a flight <prep> ~ {city} *
        i'm looking for a flight <prep> ~ {city} *
        find me a ticket <prep> ~ {city} *
        show me flights <prep> ~ {city} *
        get me a seat on a plane <prep> ~ {city} *
        are there any flights <prep> ~ {city} * ?
        is there a flight <prep> ~ {city} * ?
        a one way ticket <prep> ~ {city} *
        i am <gerund> ~ {city} *
        we are <gerund> ~ {city} *
        i'm <gerund> ~ {city} *
        i plan on <gerund> ~ {city} *
        i want a plane <gerund> ~ {city} *
        find flights <gerund> ~ {city} *
        is there anything <gerund> ~ {city} * ?
        my <noun> ~ is {city} *
        the <noun> ~ is {city} *
        our <noun> will be ~ {city} *
        <noun> : ~ {city} *
        <noun> ~ {city} *
        the <noun> of our trip ~ is {city} *
        set the <noun> as ~ {city} *
        for the <noun> ~ i choose {city} *
        as <noun> ~ i would take {city} *
        book a flight , the <noun> is ~ {city} *
    """,
    "ask_price": """
        how much is it if i <verb> ~ {city} *
        what do i pay if i <verb> ~ {city} * ?
        how much is a flight <prep> ~ {city} *
        how much does a ticket <prep> ~ {city} cost * ?
        tell me the price of a ticket <prep> ~ {city} *
        what is the fare for a flight <gerund> ~ {city} *
    """,
    "flight_status": """
        is the plane <gerund> ~ {city} on time ?
        is the flight <prep> ~ {city} delayed * ?
        what is the status of the flight <prep> ~ {city} *
        has the plane <prep> ~ {city} been delayed ?
        is flight {flight_number} <gerund> ~ {city} on time ?
    """,
    "cancel": """
        cancel my flight <prep> ~ {city} *
        i don't want to <verb> ~ {city} any more , cancel it
        we will not <verb> ~ {city} , please cancel
        i can't <verb> ~ {city} , cancel my ticket
        please cancel the ticket <prep> ~ {city} *
        cancel the booking where i <verb> ~ {city} *
    """,
    "baggage": """
        how many bags can i take if i <verb> ~ {city} *
        what is the luggage limit on a flight <prep> ~ {city} *
        how much luggage is allowed on planes <gerund> ~ {city} * ?
    """,
}

CUE_RIGHT = {
    "book_flight": """
        {city} ~ is where i <tail> *
        {city} ~ is where we <tail> *
        {city} ~ is where my trip <trip> *
        {city} ~ is where our journey <trip> *
        {city} ~ is where my flight <trip> *
        {city} ~ is where i want to <tail> *
        {city} ~ is where we would like to <tail> *
        {city} ~ is where the plane should <tail> *
        {city} ~ is the place where i <tail> *
        {city} ~ is the city i want to <verb> *
        {city} ~ is the place i need to <verb> *
        {city} ~ is my <noun> *
        {city} ~ is the <noun> *
        {city} ~ is our <noun> *
        {city} ~ should be the <noun> *
        {city} ~ will be my <noun> *
        {city} ~ would be our <noun> *
        {city} ~ as the <noun> *
        {city} ~ , that is my <noun> *
        {city} ~ , that's where i <tail> *
        in {city} ~ my trip <trip> *
        in {city} ~ is where we <tail> *
        it is {city} ~ that i want to <verb> *
        it's {city} ~ where i want to <tail> *
        put {city} ~ as the <noun> *
        take {city} ~ as the <noun> *
        use {city} ~ for the <noun> *
        i choose {city} ~ as my <noun> *
        i'd like {city} ~ to be the <noun> *
        we choose {city} ~ for our <noun> *
        book a flight with {city} ~ as the <noun> *
        i need a ticket with {city} ~ as the <noun> *
        i want a flight with {city} ~ as my <noun> *
        find me a flight that has {city} ~ as its <noun> *
        show me flights which have {city} ~ as the <noun> *
        are there flights with {city} ~ as the <noun> * ?
        on {on_date} {city} ~ is where i <tail>
        {date} {city} ~ is where my trip <trip> *
        with {airline} {city} ~ is my <noun> *
        can {city} ~ be my <noun> * ?
        please note that {city} ~ is where i <tail> *
        book a flight , {city} ~ is the <noun> *
        i think {city} ~ is where i <tail> *
        remember that {city} ~ is our <noun> *
        we want {city} ~ as the <noun> *
        make {city} ~ the <noun> *
        let {city} ~ be my <noun> *
        get me a plane with {city} ~ as its <noun> *
        my wife says {city} ~ is where we <tail> *
        for us {city} ~ is the <noun> *
        this time {city} ~ is where our tour <trip> *
        from now on {city} ~ will be where we <tail> *
        is there a plane that has {city} ~ for its <noun> * ?
        the city of {city} ~ is my <noun> *
    """,
    "ask_price": """
        how much is a flight with {city} ~ as the <noun> *
        how much is it if {city} ~ is my <noun> *
        what does a ticket cost if {city} ~ is where i <tail> *
        tell me the price when {city} ~ is where my trip <trip> *
        what is the fare if {city} ~ is my <noun> *
        how expensive is a ticket that has {city} ~ as its <noun> *
        what would it cost with {city} ~ as the <noun> * ?
    """,
    "flight_status": """
        is the flight that has {city} ~ as its <noun> on time ?
        is the plane with {city} ~ as the <noun> delayed ?
        what is the status of the flight with {city} ~ as its <noun> *
        has flight {flight_number} with {city} ~ as the <noun> been delayed ?
        when is the plane that has {city} ~ as its <noun> *
        will my flight be late if {city} ~ is the <noun> * ?
    """,
    "cancel": """
        cancel the flight with {city} ~ as the <noun> *
        cancel my trip , {city} ~ is the <noun> *
        please cancel the ticket that has {city} ~ as its <noun> *
        {city} ~ is not where i <tail> any more , cancel it
        i don't need the flight with {city} ~ as my <noun> , cancel it
        cancel the booking that says {city} ~ is where we <tail> *
        {city} ~ is not my <noun> any more , cancel the flight
        {city} ~ is no longer where we <tail> , please cancel
        {city} ~ will not be the <noun> , so cancel my ticket
        since {city} ~ is not where my trip <trip> cancel it please
    """,
    "baggage": """
        how many bags can i take if {city} ~ is my <noun> *
        what is the luggage limit when {city} ~ is where i <tail> *
        how much luggage is allowed if {city} ~ is the <noun> *
        how heavy can my bag be with {city} ~ as the <noun> * ?
        may i take two suitcases if {city} ~ is where my trip <trip> * ?
    """,
}

# "{lead} {clause}": every lead with every clause is a frame.
LEADS = {
    "book_flight": """
        book a trip where
        find me something where
        look for a connection so that
        arrange everything so that
        plan our holiday so that
        i want a trip where
        reserve seats so that
        make a booking where
        can you find a ticket so that
        we need a plane so that
    """,
    "ask_price": """
        how much is it if
        what do i pay if
        tell me the price if
        what is the fare when
        what does it cost when
        how expensive is it when
        what would we pay if
    """,
    "flight_status": """
        is everything on time when
        will there be a delay if
        tell me the status of the trip where
        is my plane delayed if
        has anything been delayed where
        will we be late if
    """,
    "cancel": """
        cancel the booking where
        please cancel the trip where
        drop the reservation where
        i have to cancel the journey where
        can you cancel everything where
        we don't need the flight any more where
    """,
    "baggage": """
        how many bags can i take if
        what luggage is allowed if
        how heavy can my suitcase be when
        is hand luggage free if
        how much luggage may we have when
        do i pay for my bags when
    """,
}

CLAUSES_LEFT = """
    i <verb> ~ {city} *
    we <verb> ~ {city} *
    my friends <verb> ~ {city} *
    i am <gerund> ~ {city} *
    my parents are <gerund> ~ {city} *
    my <noun> ~ is {city} *
    the <noun> is ~ {city} *
    i take a plane <prep> ~ {city} *
    we are on a flight <prep> ~ {city} *
    our <noun> will be ~ {city} *
    for the <noun> we take ~ {city} *
    they are <gerund> ~ {city} *
    everyone has to <verb> ~ {city} *
"""

CLAUSES_RIGHT = """
    {city} ~ is where i <tail> *
    {city} ~ is where we <tail> *
    {city} ~ is where my trip <trip> *
    in {city} ~ my journey <trip> *
    {city} ~ is my <noun> *
    {city} ~ will be the <noun> *
    {city} ~ is the city that i <verb> *
    it is {city} ~ where my friends <tail> *
    {city} ~ is the place where they <tail> *
    {city} ~ should be our <noun> *
    {city} ~ has to be the <noun> *
    we have {city} ~ as our <noun> *
    they choose {city} ~ for the <noun> *
    i put down {city} ~ as my <noun> *
    it is in {city} ~ that our tour <trip> *
    {city} ~ is the airport that they <verb> *
    with {city} ~ as its <noun> we take a plane *
"""

# The intent needs both ends: "{opening} … {ending}" with the same middles; one row an opening, by ending.
BOTH_ENDS = {
    "openings": ("i want to book", "please book", "book", "i want to cancel", "please cancel", "cancel",
                 "i want to check", "please check", "check"),
    "middles": ("for {passengers}", "for {date}", "on {on_date}", "with {airline}", "for {date} around {at_time}",
                "for {passengers} on {on_date}", "for {date} in the {daypart}", "~"),
    "endings": {  # ending: intent by verb
        "a flight": {"book": "book_flight"},
        "a plane ticket": {"book": "book_flight"},
        "a hotel room": {"book": "book_hotel"},
        "a room": {"book": "book_hotel"},
        "a {seat}": {"book": "request_service"},
        "a {meal}": {"book": "request_service"},
        "the flight": {"book": "book_flight", "cancel": "cancel", "check": "flight_status"},
        "the hotel": {"book": "book_hotel", "cancel": "cancel"},
        "the {flight_number} flight": {"book": "book_flight", "cancel": "cancel", "check": "flight_status"},
        "the price": {"check": "ask_price"},
        "the fare": {"check": "ask_price"},
        "the weather": {"check": "weather"},
        "the time": {"check": "ask_time"},
        "the luggage limit": {"check": "baggage"},
    },
}  # fmt: skip
