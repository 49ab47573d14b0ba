"""objserver: your Python objects, served. docs/architecture.md maps the packages below this one."""

from __future__ import annotations
