"""Public means exported: every package says what it offers, sorted, and offers it."""

from __future__ import annotations

import importlib

import pytest

PACKAGES = [
    "objserver", "objserver.client", "objserver.engine", "objserver.heap", "objserver.log",
    "objserver.replication", "objserver.store", "objserver.wire", "sandbox",
]  # fmt: skip


@pytest.mark.parametrize("name", PACKAGES)
def test_package_offers_what_it_says(name: str) -> None:
    package = importlib.import_module(name)
    assert list(package.__all__) == sorted(package.__all__)
    assert all(hasattr(package, public) for public in package.__all__)
