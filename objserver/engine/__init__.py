"""The deterministic state machine: runs batches, logs them, checkpoints, recovers. Synchronous."""

from ..heap import Deque as Deque
from ..heap import FrozenSet as FrozenSet
from ..heap import Set as Set
from ..heap import make_named_tuple as make_named_tuple
from .divergence import Difference as Difference
from .divergence import Divergence as Divergence
from .divergence import Snippet as Snippet
from .divergence import Suspect as Suspect
from .divergence import Written as Written
from .divergence import compare as compare
from .divergence import is_telling as is_telling
from .divergence import suspects as suspects
from .engine import Engine as Engine
from .requests import Codec as Codec
from .requests import Fault as Fault
from .requests import FaultKind as FaultKind
from .requests import Options as Options
from .requests import Outcome as Outcome
from .requests import Request as Request
from .requests import make_request as make_request
from .runtime import RUNTIME as RUNTIME

__all__ = [
    "Codec",
    "Difference",
    "Divergence",
    "Engine",
    "Fault",
    "FaultKind",
    "Options",
    "Outcome",
    "RUNTIME",
    "Request",
    "Set",
    "Snippet",
    "Suspect",
    "Written",
    "compare",
    "is_telling",
    "make_request",
    "suspects",
]
