"""Values as the wire's JSON: what JSON can't say is a tagged object, such as {"$set": [1]}.

    tree    what a JSON parser makes of that text: dicts, lists, texts, numbers. Passed on, it loses nothing: the order
            of a set, references, classes of instances
    value   what a tree stands for in Python; what a request takes
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from objserver.cli.records import parse_json
from objserver.errors import BadRequest
from objserver.wire import decode

if TYPE_CHECKING:
    from objserver.client import Client


def value_of(tree: Any) -> Any:
    """Return the value that `tree` stands for.

    Raises:
        ValueError: an unknown tag, or one that stands for something on the server, which no request can carry.
    """
    try:
        return decode(tree)
    except BadRequest as error:
        raise ValueError(str(error)) from error


def parse_value(text: bytes) -> Any:
    """Return the value in JSON text.

    Raises:
        ValueError: not JSON, or not a value.
    """
    return value_of(parse_json(text))


def request_tree(client: Client, method: str, **params: object) -> Any:
    """Send a request and return the tree of its result. Raises what the client raises."""
    with client.pipeline() as pipeline:
        call = pipeline.request(method, **params)
    return call.tree()
