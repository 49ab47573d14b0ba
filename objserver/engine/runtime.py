"""The name of what runs the snippets. Entries are replayed only by the runtime that wrote them.

Python's minor version is in it because results differ between them (`sum` of floats does, from 3.11 to 3.12), the
sandbox's because its rules decide what a snippet computes, the heap's because its records must be readable.
"""

from __future__ import annotations

import platform
from typing import Final

from sandbox import POLICY_VERSION

__all__ = ["RUNTIME"]

HEAP_VERSION: Final = 7

RUNTIME: Final = (
    f"{platform.python_implementation().lower()}-{'.'.join(platform.python_version_tuple()[:2])} "
    f"sandbox-{POLICY_VERSION} heap-{HEAP_VERSION}"
)
