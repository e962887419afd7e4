"""Fields of a config on the command line: ``--set FIELD=VALUE``."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

Config = TypeVar("Config")


def setting(text: str) -> tuple[str, str]:
    """The type of an argument FIELD=VALUE.

    Raises:
        argparse.ArgumentTypeError: it has not that form.
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} must be FIELD=VALUE")
    return name.replace("-", "_"), value


def changed(config: Config, given: Mapping[str, Any], settings: Sequence[tuple[str, str]]) -> Config:
    """A config with other values, and with those that the command line gives as text.

    Args:
        config: a dataclass of numbers, words, truth values and pairs of numbers.
        given: values by name.
        settings: texts by name; they win.

    Raises:
        ValueError: there is no such field, or a value cannot be read or is out of range.
    """
    names = [field.name for field in fields(config)]  # pyright: ignore[reportArgumentType]
    new = dict(given)
    for name, text in settings:
        if name not in names:
            raise ValueError(f"--set {name} must be a field of {type(config).__name__}, one of {', '.join(names)}")
        new[name] = _value(name, text, getattr(config, name))
    return replace(config, **new)  # pyright: ignore[reportArgumentType, reportCallIssue]


def _value(name: str, text: str, like: Any) -> Any:
    """A value of the type of another one."""
    try:
        if isinstance(like, bool):
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        if isinstance(like, tuple):
            return tuple(type(entry)(part) for entry, part in zip(like, text.split(","), strict=True))
        return type(like)(text)
    except (ValueError, KeyError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", tuple: "two numbers, A,B"}
        raise ValueError(f"--set {name} must be {wanted[type(like)]}, got {text!r}") from None
