"""Fixtures that every test folder may use; each lives in a module of its own."""

pytest_plugins = [
    "tests.fixtures.kafka",
]
