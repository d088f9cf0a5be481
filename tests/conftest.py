"""Fixtures that every test folder may use; each lives in a module of its own."""

import pytest

pytest_plugins = [
    "tests.fixtures.kafka",
    "tests.fixtures.logs",
    "tests.fixtures.postgres",
    "tests.fixtures.prometheus",
    "tests.fixtures.stores",
    "tests.fixtures.full_disk",
    "tests.fixtures.shared_data",
    "tests.fixtures.tiny_model",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write each test's markers into the JUnit report, where CI looks whether the server tests ran."""
    for item in items:
        item.user_properties += [("marker", mark.name) for mark in item.iter_markers()]
