"""Settings that are fields of frozen dataclasses: their help, choices and checks, from which flags are derived."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path

from tf_earlydyn.errors import InputError

LARGEST = 2**31 - 1  # what TensorFlow counts steps and rows in


def setting(default, help_text: str, choices: tuple[str, ...] | None = None):
    """A setting that has a flag of its name, with its help text and, of a closed list, its choices."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


def require(condition: bool, rule: str, **received) -> None:
    """Raises an InputError that states the rule, and what was received, unless the condition holds."""
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise InputError(f"{rule} Received: {values}.")


def check_fields(config) -> None:
    """Checks each setting's type and, where it has them, choices."""
    for field in flag_fields(type(config)):
        value, choices = getattr(config, field.name), field.metadata["choices"]
        if value is None and field.default is None:
            continue
        kind = typing.get_type_hints(type(config))[field.name]
        require(_is(value, kind), f"{field.name} must be {_in_words(kind)}.", **{field.name: value})
        if isinstance(value, int):
            require(abs(value) <= LARGEST, f"{field.name} must be at most {LARGEST}.", **{field.name: value})
        if choices:
            allowed = set(value if isinstance(value, tuple) else (value,)) <= set(choices)
            require(allowed, f"{field.name} must be one of {', '.join(choices)}.", **{field.name: value})


def _is(value, kind) -> bool:
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(element, typing.get_args(kind)[0]) for element in value)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and not isinstance(value, bool)


def _in_words(kind) -> str:
    words = {int: "an integer", float: "a number", str: "text"}
    if typing.get_origin(kind) is tuple:
        return f"a tuple, each {words[typing.get_args(kind)[0]]}"
    return words[next(member for member in (typing.get_args(kind) or (kind,)) if member in words)]


def settle(config, name: str, value) -> None:
    """Fills in a field of a frozen dataclass that was left to its default."""
    if getattr(config, name) is None:
        object.__setattr__(config, name, value)


def flag_fields(config_class: type) -> list[dataclasses.Field]:
    """The fields that are set by flags of the same names."""
    return [field for field in dataclasses.fields(config_class) if "help" in field.metadata]


def _parts(config) -> Iterator:
    """A configuration and those that it is made of, these first."""
    for field in dataclasses.fields(config):
        if dataclasses.is_dataclass(member := getattr(config, field.name)):
            yield from _parts(member)
    yield config


_PATHS = ("data_dir", "data_file", "network_file")  # absolute in a flagfile, which may be used from another folder


def flagfile(config) -> str:
    """A file of flags that repeats a run, into a run directory of its own."""
    return "".join(f"{_flag(name, value)}\n" for part in _parts(config) for name, value in _given(part))


def telling_flags(config) -> list[str]:
    """Those of the flags in ``flagfile`` without which it would be another run.

    A default may depend on other settings, so a flag is left out where that changes nothing.
    """
    return [
        _flag(name, value) for part in _parts(config) for name, value in _given(part) if not _is_default(part, name)
    ]


def from_json(config_class: type, content: dict):
    """The configuration that JSON of ``dataclasses.asdict`` is of, whatever else the JSON holds.

    Raises:
        InputError: if it is of none.
        KeyError, TypeError: if something is missing.
    """
    kinds = typing.get_type_hints(config_class)
    values = {field.name: content[field.name] for field in dataclasses.fields(config_class)}
    for name, value in values.items():
        if dataclasses.is_dataclass(kinds[name]):
            values[name] = from_json(kinds[name], value)
        elif typing.get_origin(kinds[name]) is tuple:
            values[name] = tuple(value)
    return config_class(**values)


def _given(part) -> Iterator[tuple[str, object]]:
    for field in flag_fields(type(part)):
        value = getattr(part, field.name)
        if field.name != "run_dir" and value is not None and value != ():
            yield field.name, value


def _flag(name: str, value) -> str:
    if name in _PATHS:
        value = Path(value).expanduser().absolute()
    return f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _is_default(part, name: str) -> bool:
    default = next(field.default for field in dataclasses.fields(part) if field.name == name)
    try:
        return dataclasses.replace(part, **{name: default}) == part
    except InputError:
        return False
