"""English sentence frames in which no city is ambiguous, by intent."""

__all__ = ["ORDINARY"]

ORDINARY = {
    "book_flight": """
        book a flight from {departure} to {destination} *
        book me a flight to {destination} from {departure} *
        i want to fly from {departure} to {destination} *
        i'd like to fly to {destination} from {departure} *
        i need a ticket from {departure} to {destination} *
        show me flights from {departure} to {destination} *
        {departure} to {destination} *
        from {departure} to {destination} *
        find me the cheapest flight from {departure} to {destination} *
        two tickets from {departure} to {destination} *
        i want to go from {departure} to {destination} via {stopover} *
        fly to {destination} from {departure} with a stop in {stopover} *
        a flight from {departure} to {destination} through {stopover} *
        get me from {departure} to {destination} * , returning on {return_on}
        book a round trip from {departure} to {destination} on {on_date} and back on {return_on}
        leave {departure} on {on_date} and come back on {return_on}
        i need to be in {destination} by {at_time} on {on_date}
        are there direct flights from {departure} to {destination} * ?
        is there a flight to {destination} * ?
        which airlines fly from {departure} to {destination} ?
        i want to leave {departure} * and arrive in {destination} in the {daypart}
        leave {departure} on {on_date} , return {return_date}
        what flights go from {departure} to {destination} * ?
        can you get me to {destination} * ?
        we are flying to {destination} * and return on {return_on}
        reserve {passengers} on a flight to {destination} *
        i need a {cabin} ticket to {destination} *
        {cabin} from {departure} to {destination} *
        does {airline} fly from {departure} to {destination} * ?
        get two seats from {departure} to {destination} *
        i would like to travel from {departure} to {destination} *
        we have to be in {destination} {date} , what flights are there ?
        a return ticket from {departure} to {destination} *
        put us on a plane to {destination} *
        any seats left from {departure} to {destination} * ?
        i am going to {destination} * , please book it
        buy a ticket to {destination} for {passengers}
        a plane from {departure} to {destination} that stops in {stopover} *
    """,
    "ask_price": """
        how much is a ticket from {departure} to {destination} *
        how much does it cost to fly to {destination} * ?
        what is the price of a flight to {destination} from {departure} *
        what's the cheapest fare from {departure} to {destination} *
        how much is {cabin} to {destination} * ?
        tell me the fare from {departure} to {destination} *
        what does flight {flight_number} cost * ?
        how expensive is a flight to {destination} * ?
        what would {nights} at the {hotel} cost ?
        how much is a room at the {hotel} in {place} * ?
        price of a {star} hotel in {place} ?
        what do {bags} cost on {airline} ?
        can i get to {destination} for {price} ?
        is there anything to {destination} for {price} ?
        how much for {passengers} from {departure} to {destination} ?
        what is the cost of a ticket to {destination} *
        how much would {passengers} pay from {departure} to {destination} ?
        what do you charge for {bags} ?
        how much do i pay for {cabin} on {airline} ?
        is it expensive to fly from {departure} to {destination} * ?
        what are the prices at the {hotel} for {nights} ?
        how much for {nights} in a {star} hotel in {place} ?
        give me the price of flight {flight_number}
        what does {airline} charge from {departure} to {destination} ?
        price of a ticket to {destination} *
    """,
    "flight_status": """
        is flight {flight_number} on time ?
        is {flight_number} delayed ?
        what is the status of flight {flight_number} ?
        has flight {flight_number} landed yet ?
        has {flight_number} left {departure} ?
        when does flight {flight_number} arrive ?
        what time does flight {flight_number} leave ?
        what time does {flight_number} land in {destination} ?
        when will the {airline} flight from {departure} arrive ?
        which gate does {flight_number} leave from ?
        check flight {flight_number} for me
        flight status of {flight_number} please
        did the flight from {departure} to {destination} leave on time ?
        is the {at_time} flight to {destination} on time ?
        what time is my flight to {destination} * ?
        what time does my plane take off {date} ?
        status of {airline} flight {flight_number} on {on_date}
        will flight {flight_number} be late ?
        is there any delay on {flight_number} ?
        where is flight {flight_number} now ?
        is the plane from {departure} late ?
        did {flight_number} take off already ?
        has the {airline} plane to {destination} departed ?
        is my flight {date} still on schedule ?
        tell me if flight {flight_number} is delayed
        when will {flight_number} be in {destination} ?
        i want to know the status of {flight_number} on {on_date}
    """,
    "ask_time": """
        what time is it now ?
        what time is it in {place} ?
        what time is it in {place} now ?
        what is the time ?
        what's the time in {place} ?
        what's the time please ?
        do you know what time it is ?
        can you tell me the time ?
        could you tell me what time it is in {place} ?
        tell me the time
        tell me the current time in {place}
        time in {place} right now
        what is the local time in {place} ?
        how late is it ?
        how late is it in {place} now ?
        do you have the time ?
        i'd like to know what time it is
        what time do we have ?
        is it {at_time} already in {place} ?
        what hour is it in {place} ?
        what time is it over in {place} ?
        give me the time in {place}
        say the time please
        what does the clock say in {place} ?
        is it morning or evening in {place} now ?
        tell me what time it is
        which time do they have in {place} ?
        i need the exact time
    """,
    "book_hotel": """
        book a hotel in {place} for {nights}
        i need a hotel in {place} *
        find me a {star} hotel in {place} for {nights}
        i want to stay at the {hotel} for {nights}
        reserve a room at the {hotel} in {place} for {nights}
        is there a room at the {hotel} * ?
        a hotel with {stars} in {place} under {price}
        i'd like a room in {place} for {passengers}
        book the {hotel} from {on_date} for {nights}
        show me hotels in {place} with {stars}
        where can i stay in {place} for {nights} ?
        we need a room for {passengers} in {place} on {on_date}
        find a cheap hotel in {place} {date}
        a double room in {place} for {nights} please
        book me a room at the {hotel}
        any {star} hotels in {place} under {price} a night ?
        i'm looking for a place to stay in {place} *
        get me a room for {nights} in {place} starting {date}
        i want a room at the {hotel} for {passengers}
        book {nights} at the {hotel}
        we would like to sleep in {place} {date}
        find me somewhere to stay in {place} for {nights}
        a room in {place} for {passengers} , {nights}
        are there free rooms at the {hotel} {date} ?
        we are looking for a {star} hotel in {place} *
        i'd like to reserve a hotel in {place} for {nights}
        put us in a {star} hotel in {place}
        is there a hotel in {place} for less than {price} ?
    """,
    "weather": """
        what is the weather like in {place} ?
        what's the weather in {place} {date} ?
        how is the weather in {place} on {on_date} ?
        will it rain in {place} {date} ?
        is it going to snow in {place} on {on_date} ?
        is it cold in {place} {date} ?
        how hot is it in {place} ?
        weather in {place} {date}
        weather forecast for {place} on {on_date}
        tell me the weather in {place}
        do i need an umbrella in {place} {date} ?
        will it be sunny in {place} in the {daypart} ?
        what's the forecast for {place} ?
        how cold will it be in {place} {date} ?
        is it raining in {place} now ?
        what temperature is it in {place} ?
        will it be warm in {place} {date} ?
        how warm is it in {place} now ?
        does it rain in {place} {date} ?
        is there snow in {place} ?
        what will the weather be in {place} on {on_date} ?
        should i take a coat to {place} {date} ?
        give me the forecast for {place} {date}
        is it windy in {place} in the {daypart} ?
        are there storms in {place} {date} ?
        show me the weather for {place}
    """,
    "cancel": """
        cancel my flight to {destination} *
        cancel flight {flight_number}
        please cancel my booking on flight {flight_number} on {on_date}
        i want to cancel my trip to {destination}
        i have to cancel my flight from {departure} to {destination}
        cancel my room at the {hotel}
        i need to cancel the hotel in {place} *
        i can't fly {date} , please cancel my ticket
        i won't be going to {destination} , cancel the flight
        can you cancel my reservation with {airline} ?
        cancel everything for {date}
        drop my booking for {on_date}
        i changed my mind about {flight_number} , cancel it
        how do i cancel my ticket to {destination} ?
        cancel the {at_time} flight
        cancel my ticket from {departure} to {destination} *
        i don't need the room at the {hotel} any more , cancel it
        please cancel flight {flight_number} {date}
        we are not going to {destination} , please cancel
        cancel the hotel room in {place}
        i'd like to cancel my {airline} ticket
        could you cancel my flight on {on_date} ?
        cancel both tickets to {destination} *
        delete my reservation at the {hotel}
        cancel my {seat}
    """,
    "baggage": """
        how many bags can i take on {airline} ?
        how much luggage is allowed in {cabin} ?
        can i bring {bags} on flight {flight_number} ?
        what is the baggage allowance of {airline} ?
        i want to check in {bags}
        add {bags} to my booking
        how heavy can my suitcase be on {airline} ?
        is hand luggage free with {airline} ?
        may i take {bags} to {destination} ?
        i have {bags} on flight {flight_number}
        i lost my luggage on flight {flight_number}
        my suitcase did not arrive in {destination}
        what are the luggage rules for {cabin} on {airline} ?
        do i pay extra for {bags} ?
        how big can a cabin bag be ?
        how many suitcases are allowed on {airline} ?
        can i take {bags} in {cabin} ?
        what is the luggage limit on flight {flight_number} ?
        is there a fee for {bags} ?
        do {bags} cost extra on {airline} ?
        where is my suitcase from flight {flight_number} ?
        my luggage is lost in {destination}
        how much hand luggage may i carry on {airline} ?
        what can i bring on board in {cabin} ?
        we travel with {bags}
    """,
    "request_service": """
        i'd like a {meal} on flight {flight_number}
        can i have a {seat} please ?
        order a {meal} for my flight *
        i want a {seat} on the flight to {destination}
        change my seat to a {seat}
        is there a {meal} on {airline} ?
        give me a {seat} in {cabin}
        my wife needs a {meal} on {on_date}
        do you serve a {meal} in {cabin} ?
        could i get a {seat} and a {meal} ?
        put me in a {seat}
        i need a wheelchair for flight {flight_number}
        add a {meal} to my booking {flight_number}
        a {meal} and a {seat} please
        please reserve a {seat} on {flight_number}
        i need a {meal} on my flight to {destination}
        can you change my {seat} to a {seat} ?
        is a {seat} free on flight {flight_number} ?
        we want a {meal} and a {meal}
        my child eats a {meal}
        book a {meal} on flight {flight_number} {date}
        i would love a {seat}
        could we sit together on flight {flight_number} ?
        get me a {seat} in {cabin} please
    """,
}
