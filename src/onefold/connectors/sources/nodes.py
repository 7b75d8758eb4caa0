"""YAML nodes of a mapping file as words, and complaints about them as messages with a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml

from onefold.connectors.sources.language import nearest
from onefold.errors import ConfigurationError


class NodeReader:
    """Reads the nodes of one file; every method fails with a `ConfigurationError` that names the line."""

    def __init__(self, file: str) -> None:
        self.file = file

    def line(self, node: yaml.Node) -> int:
        """The line a node begins in, from 1."""
        return int(node.start_mark.line) + 1

    def fail(self, node: yaml.Node | None, message: str) -> NoReturn:
        """Complain about a node."""
        raise ConfigurationError(message, file=self.file, line=self.line(node) if node else None)

    def items(self, node: yaml.Node | None, keys: Sequence[str] | None, what: str) -> list[tuple[str, yaml.Node]]:
        """The pairs of a mapping; `keys` are the possible names, None for any."""
        if not isinstance(node, yaml.MappingNode):
            self.fail(node, f"{what} is written as `name: value` pairs")
        found: list[tuple[str, yaml.Node]] = []
        for key, value in node.value:
            name = self.word(key)
            if keys is not None and name not in keys:
                self.fail(key, f"{what} has no key {name!r}{nearest(name, keys)}")
            if any(name == earlier for earlier, _ in found):
                self.fail(key, f"{name!r} stands here twice")
            found.append((name, value))
        return found

    def word(self, node: yaml.Node, words: Sequence[str] | None = None) -> str:
        """A scalar as it is written; one of `words` where there are any."""
        if not isinstance(node, yaml.ScalarNode):
            self.fail(node, "one word is expected here")
        value = str(node.value)
        if words is not None and value not in words:
            self.fail(node, f"{value!r} is not possible here{nearest(value, words)}")
        return value

    def words(self, node: yaml.Node) -> tuple[str, ...]:
        """The words of a list, or the one word."""
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.word(entry) for entry in node.value)
        return (self.word(node),)

    def several(self, node: yaml.Node) -> list[yaml.Node]:
        """The entries of a list; what is no list stands for a list of one."""
        return list(node.value) if isinstance(node, yaml.SequenceNode) else [node]

    def folded(self, node: yaml.Node) -> tuple[str, ...]:
        """The same, to be compared whatever their case."""
        return tuple(word.strip().casefold() for word in self.words(node))

    def truth(self, node: yaml.Node) -> bool:
        """`true` or `false`."""
        return self.word(node, ("true", "false")) == "true"

    def zone(self, node: yaml.Node | None) -> str:
        """The name of a time zone; UTC where there is no node."""
        if node is None:
            return "UTC"
        name = self.word(node)
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            self.fail(node, f"there is no time zone {name!r}")
        return name

    def encoding(self, node: yaml.Node | None) -> str | None:
        """The name of a codec that Python knows."""
        name = self.word(node) if node else None
        try:
            "".encode(name or "utf-8")
        except LookupError:
            self.fail(node, f"there is no encoding {name!r}")
        return name

    def delimiter(self, node: yaml.Node | None) -> str | None:
        """One character."""
        if node is None:
            return None
        word = self.word(node)
        if word == "tab":
            return "\t"
        if len(word) != 1:
            self.fail(node, "a delimiter is one character, or the word tab")
        return word

    def count(self, node: yaml.Node) -> int:
        """A number of lines."""
        word = self.word(node)
        if not (word.isascii() and word.isdigit() and len(word) <= 4):
            self.fail(node, "a number of lines is expected here")
        return int(word)
