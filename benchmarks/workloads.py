"""The works that are measured side by side, and how each system is told to do them; `work.py` says what one is made of.

Promise: what a system is told is what its users would write for the work, and does all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks import procedures
from benchmarks.documents import Document, account, product, town, user
from benchmarks.work import Call, Peer, Root, Work, lua_count, lua_total, script, space_total

__all__ = ["MIX", "NESTED_UPDATE", "POINT_READ", "POINT_READ_SMALL", "PROCEDURE", "QUEUE", "WORKS"]

PRODUCTS: Final = 1000

# ---- Documents

CITY: Final = "city:{{key}};"
READ: Final = Call("read", expect=CITY, snippet="cities[k]")
COUNT_READ: Final = Call("count_read", snippet="cities[k]['statistics']['reads'] += 1")
CITIES: Final = Root("cities", "documents", town)

GET_LUA: Final = "return redis.call('GET', KEYS[1])"
COUNT_LUA: Final = """
local city = cjson.decode(redis.call('GET', KEYS[1]))
city.statistics.reads = city.statistics.reads + 1
redis.call('SET', KEYS[1], cjson.encode(city))
return city.statistics.reads
"""
COUNT_SQL: Final = (
    "UPDATE cities SET d = jsonb_set(d, '{statistics,reads}', to_jsonb((d #>> '{statistics,reads}')::int + 1)) "
    "WHERE k = $1"
)
CITY_REQUESTS: Final[Mapping[str, Peer]] = {
    "redis": Peer(
        {"read": script(GET_LUA, "cities:{{key}}"), "count_read": script(COUNT_LUA, "cities:{{key}}")},
        totals=lua_total("cities:*", "d.statistics.reads"),
    ),
    "tarantool": Peer(
        {"read": "read\n{{key}}", "count_read": "count_read\n{{key}}"},
        """
        function read(key) return box.space.cities:get(key)[2] end
        function count_read(key)
            return box.space.cities:update(key, {{'+', '[2].statistics.reads', 1}})[2].statistics.reads
        end
        """,
        space_total("cities", "d.statistics.reads"),
    ),
    "postgresql": Peer(
        {"read": "SELECT d FROM cities WHERE k = $1\n{{key}}", "count_read": COUNT_SQL + "\n{{key}}"},
        totals="SELECT sum((d #>> '{statistics,reads}')::int) FROM cities",
    ),
    "plpython": Peer(
        {"read": "SELECT read($1)\n{{key}}", "count_read": "SELECT count_read($1)\n{{key}}"},
        """
CREATE FUNCTION read(key text) RETURNS text LANGUAGE plpython3u AS $$
if 'read' not in SD:
    SD['read'] = plpy.prepare('SELECT d FROM cities WHERE k = $1', ['text'])
return SD['read'].execute([key])[0]['d']
$$;
CREATE FUNCTION count_read(key text) RETURNS int LANGUAGE plpython3u AS $$
import json
if 'write' not in SD:
    SD['read'] = plpy.prepare('SELECT d FROM cities WHERE k = $1 FOR UPDATE', ['text'])
    SD['write'] = plpy.prepare('UPDATE cities SET d = $2 WHERE k = $1', ['text', 'jsonb'])
city = json.loads(SD['read'].execute([key])[0]['d'])
city['statistics']['reads'] += 1
SD['write'].execute([key, json.dumps(city)])
return city['statistics']['reads']
$$;""",
        "SELECT sum((d #>> '{statistics,reads}')::int) FROM cities",
    ),
}
CITY_TOTALS: Final = "[sum([city['statistics']['reads'] for city in cities.values()])]"

POINT_READ: Final = Work(
    "point_read",
    "a document by its key: a flat record of 100 bytes, a city with its names; the reply is the document",
    (CITIES,),
    (READ,),
    {**CITY_REQUESTS, "memcached": Peer({"read": "get\ncities:{{key}}"})},
    totals=CITY_TOTALS,
    case="city",
)
# The same of a small record; under the name `cities` again, so that the requests are the same.
POINT_READ_SMALL: Final = replace(
    POINT_READ,
    roots=(Root("cities", "documents", user),),
    calls=(replace(READ, expect="user{{key}}@example.org"),),
    peers={name: replace(peer, totals="") for name, peer in POINT_READ.peers.items()},
    totals="[]",
    case="record",
)
NESTED_UPDATE: Final = Work(
    "nested_update",
    "one number deep in a document of a city goes up by one",
    (CITIES,),
    (COUNT_READ,),
    CITY_REQUESTS,
    {"count_read": [1]},
    CITY_TOTALS,
)
MIX: Final = Work(
    "mix",
    "four reads of a city to one nested update",
    (CITIES,),
    (READ, READ, READ, READ, COUNT_READ),
    {
        **CITY_REQUESTS,
        # It can't change a document, so it stores a whole one.
        "memcached": Peer({"read": "get\ncities:{{key}}", "count_read": "set\ncities:{{key}}\n" + CITY + "x" * 600}),
    },
    {"count_read": [1]},
    CITY_TOTALS,
)

# ---- Sequences

TASK: Final = '{"task":"resize:{{key}};","width":640,"height":480}'
EVENT: Final = '{"event":"login","user":"{{key}}","ok":true}'


def task(number: int) -> Document:
    return {"task": f"resize:{number};", "width": 640, "height": 480}


QUEUE: Final = Work(
    "queue",
    "a job is pushed, a job is popped from the other end, in turn",
    (Root("jobs", "sequence", task),),
    (Call("push"), Call("pop", (), expect="resize:")),
    {
        "redis": Peer({"push": f"RPUSH\njobs\n{TASK}", "pop": "LPOP\njobs"}, totals=lua_count("LLEN", "jobs")),
        "tarantool": Peer(
            {"push": "push\n{{key}}", "pop": "pop"},
            """
            function push(key)
                box.space.jobs:insert{box.NULL, {task = 'resize:' .. key .. ';', width = 640, height = 480}}
            end
            function pop() return box.space.jobs:delete(box.space.jobs.index[0]:min()[1])[2] end
            """,
            "return box.space.jobs:len()",
        ),
        "postgresql": Peer(
            {
                "push": f"INSERT INTO jobs (d) VALUES ($1::jsonb)\n{TASK}",
                "pop": "DELETE FROM jobs WHERE k = "
                "(SELECT k FROM jobs ORDER BY k LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING d",
            },
            totals="SELECT count(*) FROM jobs",
        ),
    },
    {"push": [1], "pop": [-1]},
    "[len(jobs)]",
)
APPEND: Final = Work(
    "append",
    "an entry is appended to a list that only grows",
    (Root("events", "sequence", task, 0),),
    (Call("record"),),
    {
        "redis": Peer({"record": f"RPUSH\nevents\n{EVENT}"}, totals=lua_count("LLEN", "events")),
        "tarantool": Peer(
            {"record": "record\n{{key}}"},
            """
            function record(key)
                box.space.events:insert{box.NULL, {event = 'login', user = key, ok = true}}
            end
            """,
            "return box.space.events:len()",
        ),
        "postgresql": Peer(
            {"record": f"INSERT INTO events (d) VALUES ($1::jsonb)\n{EVENT}"}, totals="SELECT count(*) FROM events"
        ),
    },
    {"record": [1]},
    "[len(events)]",
)

# ---- Transfers

TRANSFER_LUA: Final = """
local giver, taker = cjson.decode(redis.call('GET', KEYS[1])), cjson.decode(redis.call('GET', KEYS[2]))
if giver.balance < 1 then return 'refused' end
giver.balance, taker.balance = giver.balance - 1, taker.balance + 1
giver.moves, taker.moves = giver.moves + 1, taker.moves + 1
redis.call('SET', KEYS[1], cjson.encode(giver))
redis.call('SET', KEYS[2], cjson.encode(taker))
return 'done'
"""
TRANSFER_TARANTOOL: Final = """
function transfer(source, target)
    return box.atomic(function()
        local accounts = box.space.accounts
        if accounts:get(source)[2].balance < 1 then return 'refused' end
        accounts:update(source, {{'-', '[2].balance', 1}, {'+', '[2].moves', 1}})
        accounts:update(target, {{'+', '[2].balance', 1}, {'+', '[2].moves', 1}})
        return 'done'
    end)
end
"""
# Rows are locked in the order of their keys, or two transfers the other way round would wait for each other.
TRANSFER_SQL: Final = """
CREATE FUNCTION transfer(source text, target text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE funds int;
BEGIN
    PERFORM 1 FROM accounts WHERE k IN (source, target) ORDER BY k FOR UPDATE;
    SELECT (d ->> 'balance')::int INTO funds FROM accounts WHERE k = source;
    IF funds < 1 THEN RETURN 'refused'; END IF;
    UPDATE accounts SET d = d || jsonb_build_object(
        'balance', (d ->> 'balance')::int - 1, 'moves', (d ->> 'moves')::int + 1) WHERE k = source;
    UPDATE accounts SET d = d || jsonb_build_object(
        'balance', (d ->> 'balance')::int + 1, 'moves', (d ->> 'moves')::int + 1) WHERE k = target;
    RETURN 'done';
END $$;
"""
TRANSFER_PLPYTHON: Final = """
CREATE FUNCTION transfer(source text, target text) RETURNS text LANGUAGE plpython3u AS $$
import json
if 'write' not in SD:
    SD['read'] = plpy.prepare('SELECT k, d FROM accounts WHERE k IN ($1, $2) ORDER BY k FOR UPDATE', ['text', 'text'])
    SD['write'] = plpy.prepare('UPDATE accounts SET d = $2 WHERE k = $1', ['text', 'jsonb'])
accounts = {row['k']: json.loads(row['d']) for row in SD['read'].execute([source, target])}
giver, taker = accounts[source], accounts[target]
if giver['balance'] < 1:
    return 'refused'
giver['balance'] -= 1
taker['balance'] += 1
giver['moves'] += 1
taker['moves'] += 1
for name, found in accounts.items():
    SD['write'].execute([name, json.dumps(found)])
return 'done'
$$;
"""
TRANSFER_TOTALS_SQL: Final = "SELECT sum((d ->> 'balance')::bigint), sum((d ->> 'moves')::bigint) FROM accounts"


def apart(count: int) -> list[str]:
    """Pairs of which no two share an account, each in both directions, far from each other in the order."""
    pairs = [(number, number + 1) for number in range(0, count - 1, 2)]
    return [f"{a} {b}" for a, b in pairs] + [f"{b} {a}" for a, b in pairs]


def crowded(count: int) -> list[str]:
    """Of five transfers four are between the same two accounts, in turn one way and the other."""
    hot = ["0 1", "1 0", "0 1", "1 0"]
    return [key for pair in apart(count)[1:] for key in [*hot, pair]]


def transfers(case: str, keys: Callable[[int], Iterable[str]]) -> Work:
    lines = "{{key1}}\n{{key2}}"
    return Work(
        "transfer",
        "one unit goes from an account that must have it to another",
        (Root("accounts", "documents", account),),
        (Call("transfer", ("{{key1}}", "{{key2}}"), expect="done"),),
        {
            "redis": Peer(
                {"transfer": script(TRANSFER_LUA, "accounts:{{key1}}", "accounts:{{key2}}")},
                totals=lua_total("accounts:*", "d.balance", "d.moves"),
            ),
            "tarantool": Peer(
                {"transfer": f"transfer\n{lines}"}, TRANSFER_TARANTOOL, space_total("accounts", "d.balance", "d.moves")
            ),
            "postgresql": Peer({"transfer": f"SELECT transfer($1, $2)\n{lines}"}, TRANSFER_SQL, TRANSFER_TOTALS_SQL),
            "plpython": Peer({"transfer": f"SELECT transfer($1, $2)\n{lines}"}, TRANSFER_PLPYTHON, TRANSFER_TOTALS_SQL),
        },
        {"transfer": [0, 2]},
        "[sum([one['balance'] for one in accounts.values()]), sum([one['moves'] for one in accounts.values()])]",
        case,
        keys,
        "sequential",
    )


# ---- A range

RANGE: Final = Work(
    "range",
    "a hundred entries in the order of their keys, from a given one on",
    (Root("ranking", "sorted", lambda number: f"entry:{number};"),),
    (Call("next_hundred", ("{{key1}}",), expect="entry:{{key2}};"),),
    {
        "redis": Peer(
            {"next_hundred": "ZRANGEBYSCORE\nranking\n{{key1}}\n+inf\nLIMIT\n0\n100"},
            totals=lua_count("ZCARD", "ranking"),
        ),
        "tarantool": Peer(
            {"next_hundred": "next_hundred\n{{key1}}"},
            """
            function next_hundred(first)
                local found = {}
                for at, t in ipairs(box.space.ranking:select(tonumber(first), {iterator = 'GE', limit = 100})) do
                    found[at] = t[2]
                end
                return found
            end
            """,
            "return box.space.ranking:len()",
        ),
        "postgresql": Peer(
            {"next_hundred": "SELECT d FROM ranking WHERE k >= $1 ORDER BY k LIMIT 100\n{{key1}}"},
            totals="SELECT count(*) FROM ranking",
        ),
    },
    totals="[len(ranking)]",
    # The first key and the last one that must come.
    keys=lambda count: [f"{first} {first + 99}" for first in range(count - 99)],
)

# ---- The procedure

SETTLE_LUA: Final = (Path(__file__).parent / "settle.lua").read_text()
SETTLE_REDIS: Final = f"""{SETTLE_LUA}
local function get(number) return cjson.decode(redis.call('GET', 'stock:' .. number)) end
local function put(number, product) redis.call('SET', 'stock:' .. number, cjson.encode(product)) end
return settle(ARGV[1], {PRODUCTS}, get, put)
"""
SETTLE_TARANTOOL: Final = f"""{SETTLE_LUA}
local function get(number) return box.space.stock:get(tostring(number))[2] end
local function put(number, product) box.space.stock:replace({{tostring(number), product}}) end
rawset(_G, 'settle', function(key) return box.atomic(settle, key, {PRODUCTS}, get, put) end)
"""
SETTLE_PLPYTHON: Final = """
CREATE FUNCTION settle(key text) RETURNS text LANGUAGE plpython3u AS $$
import json
if 'write' not in SD:
    SD['read'] = plpy.prepare('SELECT k, d FROM stock ORDER BY k FOR UPDATE', [])
    SD['write'] = plpy.prepare('UPDATE stock SET d = $2 WHERE k = $1', ['text', 'jsonb'])
    SD['names'] = {}
    exec(SD_SOURCE, SD['names'])
stock = SD['names']['stock'] = {row['k']: json.loads(row['d']) for row in SD['read'].execute([])}
told = SD['names']['settle'](key)
for number in sorted({0, *range(-int(key) % 10, len(stock), 10)}):
    SD['write'].execute([str(number), json.dumps(stock[str(number)])])
return told
$$;
""".replace(
    "SD_SOURCE", repr(procedures.source("settle"))
)
PROCEDURE: Final = Work(
    "procedure",
    "a procedure of 100 lines goes over 1,000 documents and changes 100 of them",
    (Root("stock", "documents", product, PRODUCTS),),
    (Call("settle", expect="sold "),),
    {
        "redis": Peer(
            {"settle": script(SETTLE_REDIS) + "\n{{key}}"},
            totals=lua_total("stock:*", "d.count + d.sold - d.ordered", "d.days"),
        ),
        "tarantool": Peer(
            {"settle": "settle\n{{key}}"},
            SETTLE_TARANTOOL,
            space_total("stock", "d.count + d.sold - d.ordered", "d.days"),
        ),
        "plpython": Peer(
            {"settle": "SELECT settle($1)\n{{key}}"},
            SETTLE_PLPYTHON,
            "SELECT sum((d ->> 'count')::int + (d ->> 'sold')::int - (d ->> 'ordered')::int), "
            "sum((d ->> 'days')::int) FROM stock",
        ),
    },
    {"settle": [0, 1]},
    "[sum([one['count'] + one['sold'] - one['ordered'] for one in stock.values()]), stock['0']['days']]",
    keys=lambda count: map(str, range(1000)),
)

WORKS: Final[tuple[Work, ...]] = (
    POINT_READ_SMALL,
    POINT_READ,
    NESTED_UPDATE,
    QUEUE,
    transfers("0 % contended", apart),
    transfers("80 % contended", crowded),
    APPEND,
    RANGE,
    PROCEDURE,
    MIX,
)
