"""dict, list, set, instances, classes and functions that persist by reachability from the root."""

from .containers import Dict as Dict
from .containers import List as List
from .containers import Set as Set
from .heap import Heap as Heap
from .instances import HeapClass as HeapClass
from .instances import Instance as Instance
from .instances import delete_attribute as delete_attribute
from .instances import set_attribute as set_attribute

__all__ = ["Dict", "Heap", "HeapClass", "Instance", "List", "Set", "delete_attribute", "set_attribute"]
