"""dict, list, set, instances, classes and functions that persist by reachability from the root."""

from .changes import Changes as Changes
from .containers import STATES as STATES
from .containers import Dict as Dict
from .containers import List as List
from .deques import Deque as Deque
from .dict_kinds import Counter as Counter
from .dict_kinds import DefaultDict as DefaultDict
from .dict_kinds import OrderedDict as OrderedDict
from .heap import Heap as Heap
from .instances import HeapClass as HeapClass
from .instances import Instance as Instance
from .instances import delete_attribute as delete_attribute
from .instances import set_attribute as set_attribute
from .named import NamedTuple as NamedTuple
from .named import make_named_tuple as make_named_tuple
from .sets import FrozenSet as FrozenSet
from .sets import Set as Set
from .sorted_dict import SortedDict as SortedDict
from .work import use_charge as use_charge

__all__ = [
    "Changes",
    "Counter",
    "DefaultDict",
    "Deque",
    "Dict",
    "FrozenSet",
    "Heap",
    "HeapClass",
    "Instance",
    "List",
    "NamedTuple",
    "OrderedDict",
    "STATES",
    "Set",
    "SortedDict",
    "delete_attribute",
    "make_named_tuple",
    "set_attribute",
    "use_charge",
]
