"""The client of a server, of one node or several: a blocking and an async one with the same methods, on one core.

    blocking.py      link.py        connection.py         threads
    asynchronous.py  async_link.py  async_connection.py   tasks
    core.py  routing.py                                   both: calls and replies; which node, and what is sent again
"""

from objserver.client.asynchronous import AsyncClient, AsyncPipeline, connect_async
from objserver.client.blocking import Client, Pipeline, connect
from objserver.client.core import Call, Options
from objserver.client.errors import (
    BadRequest,
    Behind,
    ConnectionLost,
    DataDamaged,
    NotLeader,
    NotReplicated,
    NotStorable,
    OutOfFuel,
    Overloaded,
    ProtocolError,
    ReadOnly,
    RemoteError,
    ReplicationRefused,
    ReplyTimeout,
    RequestTooLarge,
    ResultTooLarge,
    SnippetRaised,
    SnippetRefused,
    TooFewReplicas,
    Unavailable,
)
from objserver.client.procedure import Procedure
from objserver.client.records import Record, Ref
from objserver.client.transport import ExchangeTransport, SocketTransport, Transport
from objserver.errors import FrameTooLarge

__all__ = [
    "AsyncClient",
    "AsyncPipeline",
    "BadRequest",
    "Behind",
    "Call",
    "Client",
    "ConnectionLost",
    "DataDamaged",
    "ExchangeTransport",
    "FrameTooLarge",
    "NotLeader",
    "NotReplicated",
    "NotStorable",
    "Options",
    "OutOfFuel",
    "Overloaded",
    "Pipeline",
    "Procedure",
    "ProtocolError",
    "ReadOnly",
    "Record",
    "Ref",
    "RemoteError",
    "ReplicationRefused",
    "ReplyTimeout",
    "RequestTooLarge",
    "ResultTooLarge",
    "SnippetRaised",
    "SnippetRefused",
    "SocketTransport",
    "TooFewReplicas",
    "Transport",
    "Unavailable",
    "connect",
    "connect_async",
]
