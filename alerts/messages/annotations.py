"""A rule's annotations: texts with `{entity}`, `{seen}` and so on, checked when the program starts.

Only plain names are places to fill in: no attribute, index, conversion or format of Python's is reachable from the
configuration, and a name that does not exist is refused at start rather than found out during an incident.
"""

from __future__ import annotations

import string
from collections.abc import Mapping

from monitor.errors import ConfigurationError

PLACES = (
    "entity", "name", "topic", "source_class", "rule", "severity", "seen", "expected", "ratio", "p_value",
    "sources", "stories", "window", "status",
)  # fmt: skip
MEASURED = frozenset({"seen", "expected", "ratio", "p_value", "sources", "stories"})
"""Places that only evidence fills."""


class AnnotationTemplate:
    """One text, split once into literal parts and names."""

    def __init__(self, text: str, *, where: str) -> None:
        try:
            self._parts = [self._part(*part, where=where) for part in string.Formatter().parse(text)]
        except ValueError as err:  # a brace that is not closed
            raise ConfigurationError(f"{where}: {err}; write {{{{ and }}}} for braces") from err

    @staticmethod
    def _part(
        literal: str, name: str | None, spec: str | None, conversion: str | None, *, where: str
    ) -> tuple[str, str | None]:
        if name is not None and (name not in PLACES or spec or conversion):
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            raise ConfigurationError(
                f"{where}: unknown place {{{written}}}; known: {', '.join(f'{{{p}}}' for p in PLACES)}"
            )
        return literal, name

    @property
    def is_measured(self) -> bool:
        """Whether it says what was measured, so that without evidence it says nothing."""
        return any(name in MEASURED for _, name in self._parts)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with `values` put in; they are not looked at again."""
        return "".join(literal + (values[name] if name is not None else "") for literal, name in self._parts)


def annotation_templates(annotations: Mapping[str, str], *, rule: str) -> dict[str, AnnotationTemplate]:
    """The templates of a rule by name; raises `ConfigurationError` with rule and name."""
    return {
        name: AnnotationTemplate(text, where=f"rule {rule}: annotations.{name}") for name, text in annotations.items()
    }
