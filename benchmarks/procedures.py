"""What the side-by-side benchmarks do, in Python: functions on roots, as they are stored in objserver.

The same text runs in three places: as stored functions in objserver, on persistent objects in clients of ZEO, and in a
plain loop on plain objects, which is the floor. `settle` also runs in PostgreSQL, as PL/Python, and `settle.lua` says
the same in Lua. Parameters are texts, as the load generator writes them.
"""

from __future__ import annotations

import inspect
from itertools import islice
from typing import Any

# The roots; `benchmarks/workloads.py` says what is in them.
accounts: Any = None
cities: Any = None
events: Any = None
jobs: Any = None
ranking: Any = None
stock: Any = None


def source(*names: str) -> str:
    """The text of functions, and of those that they call."""
    wanted = [name for one in names for name in (*(SETTLE if one == "settle" else ()), one)]
    return "\n".join(inspect.getsource(globals()[name]) for name in wanted)


def read(key):
    return cities[key]


def count_read(key):
    cities[key]["statistics"]["reads"] += 1
    return cities[key]["statistics"]["reads"]


def push(key):
    jobs.append({"task": "resize:" + key + ";", "width": 640, "height": 480})


def pop():
    return jobs.popleft()


def transfer(source, target):
    giver, taker = accounts[source], accounts[target]
    if giver["balance"] < 1:
        return "refused"
    giver["balance"] -= 1
    taker["balance"] += 1
    giver["moves"] += 1
    taker["moves"] += 1
    return "done"


def record(key):
    events.append({"event": "login", "user": key, "ok": True})


def next_hundred(first):
    return [ranking[place] for place in islice(ranking.irange(int(first)), 100)]


# ---- The procedure: a day of a shop. A tenth of the products is sold, priced and ordered; all are counted.


SETTLE = ("draw_next", "demand_of", "discount_of", "sell", "remember", "order")


def draw_next(draw):
    return draw * 16807 % 2147483647


def demand_of(product, draw):
    demand = product["demand"] + draw % 5
    if product["tier"] == "popular":
        demand += demand // 2
    elif product["tier"] == "slow":
        demand = demand // 2
    if product["price"] > 5000:
        demand = demand * 3 // 4
    return demand


def discount_of(product, sold):
    if sold >= 12:
        return 15
    elif sold >= 8:
        return 10
    elif sold >= 3 and product["tier"] == "slow":
        return 20
    return 0


def sell(product, demand):
    sold = min(demand, product["count"])
    product["count"] -= sold
    product["sold"] += sold
    product["missed"] += demand - sold
    price = product["price"]
    revenue = sold * (price - price * discount_of(product, sold) // 100)
    product["revenue"] += revenue
    return sold, revenue


def remember(product, sold):
    history = product["history"]
    history.append(sold)
    del history[0]
    average = sum(history) // len(history)
    if average > product["demand"] + 2:
        product["tier"] = "popular"
    elif average < product["demand"] - 1:
        product["tier"] = "slow"
    else:
        product["tier"] = "plain"


def order(product):
    if product["count"] >= product["least"]:
        return 0
    amount = 2 * product["least"] - product["count"]
    if product["tier"] == "popular":
        amount += product["least"]
    elif product["tier"] == "slow":
        amount = product["least"] - product["count"]
    product["count"] += amount
    product["ordered"] += amount
    return amount


def settle(key):
    day = int(key)
    draw = day + 1
    sold = ordered = revenue = value = low = 0
    by_category = {}
    for number in range(len(stock)):
        product = stock[str(number)]
        if (number + day) % 10 == 0:
            draw = draw_next(draw)
            amount, income = sell(product, demand_of(product, draw))
            remember(product, amount)
            sold += amount
            revenue += income
            ordered += order(product)
        worth = product["count"] * product["price"]
        value += worth
        category = product["category"]
        by_category[category] = by_category.get(category, 0) + worth
        if product["count"] < product["least"]:
            low += 1
    stock["0"]["days"] += 1
    best = sorted(by_category, key=lambda name: (-by_category[name], name))
    return f"sold {sold}, ordered {ordered}, revenue {revenue}, value {value}, low {low}, best {' '.join(best[:3])}"
