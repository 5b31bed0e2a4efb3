"""Settings that are fields of frozen dataclasses: their help, choices and checks, from which flags are derived."""

import dataclasses
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from tf_earlydyn.errors import InputError

Value = TypeVar("Value")
LARGEST = 2**31 - 1  # what TensorFlow counts steps and rows in


def setting(default: Any, help_text: str, choices: tuple[str, ...] | None = None) -> Any:
    """A setting that has a flag of its name, with its help text and, of a closed list, its choices."""
    return dataclasses.field(default=default, metadata={"help": help_text, "choices": choices})


def with_settings_told(config_class: type[Value]) -> type[Value]:
    """Adds what the settings' help texts say to the class's docstring, and of parts what theirs begins with."""
    told = [f"    {field.name}: {_told(field)}" for field in dataclasses.fields(config_class)]  # type: ignore[arg-type]
    config_class.__doc__ = "\n".join([config_class.__doc__ or "", "", "Attributes:", *told])
    return config_class


def _told(field: dataclasses.Field) -> str:
    if "help" in field.metadata:
        choices = field.metadata["choices"]
        return field.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")
    return str(getattr(field.default_factory, "__doc__", "")).partition("\n")[0]


def require(condition: bool, rule: str, **received: object) -> None:
    """Raises an InputError that states the rule, and what was received, unless the condition holds."""
    if not condition:
        values = ", ".join(f"{name}={value!r}" for name, value in received.items())
        raise InputError(f"{rule} Received: {values}.")


def check_fields(config: Any) -> None:
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


def _is(value: object, kind: Any) -> bool:
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and all(_is(element, typing.get_args(kind)[0]) for element in value)
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind) and not isinstance(value, bool)


def _in_words(kind: Any) -> str:
    words = {int: "an integer", float: "a number", str: "text"}
    if typing.get_origin(kind) is tuple:
        return f"a tuple, each {words[typing.get_args(kind)[0]]}"
    return words[next(member for member in (typing.get_args(kind) or (kind,)) if member in words)]


def settle(config: Any, name: str, value: object) -> None:
    """Fills in a field of a frozen dataclass that was left to its default."""
    if getattr(config, name) is None:
        object.__setattr__(config, name, value)


def settled(value: Value | None) -> Value:
    """The value of a field that its configuration has filled in, or that goes with the others."""
    assert value is not None
    return value


def flag_fields(config_class: type) -> list[dataclasses.Field]:
    """The fields that are set by flags of the same names.

    Args:
        config_class: a configuration dataclass.
    """
    return [field for field in dataclasses.fields(config_class) if "help" in field.metadata]


def _parts(config: Any) -> Iterator[Any]:
    """A configuration and those that it is made of, these first."""
    for field in dataclasses.fields(config):
        if dataclasses.is_dataclass(member := getattr(config, field.name)):
            yield from _parts(member)
    yield config


PATHS = ("data_dir", "data_file", "network_file")  # absolute in a flagfile, which may be used from another folder


def flagfile(config: Any) -> str:
    """A file of flags that repeats a run, into a run directory of its own.

    Args:
        config: the run's, a ``RunConfig`` or a ``KernelStudyConfig``.
    """
    return "".join(f"{_flag(name, value)}\n" for part in _parts(config) for name, value in _given(part))


def settings(config: Any) -> dict[str, Any]:
    """Every setting of a configuration, and of those that it is made of, by its flag's name."""
    return {field.name: getattr(part, field.name) for part in _parts(config) for field in flag_fields(type(part))}


def telling_flags(config: Any) -> list[str]:
    """Those of the flags in ``flagfile`` without which it would be another run.

    A default may depend on other settings, so a flag is left out where that changes nothing.
    """
    return [
        _flag(name, value) for part in _parts(config) for name, value in _given(part) if not _is_default(part, name)
    ]


def from_json(config_class: type, content: dict) -> Any:
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


def _given(part: Any) -> Iterator[tuple[str, object]]:
    for field in flag_fields(type(part)):
        value = getattr(part, field.name)
        if field.name != "run_dir" and value is not None and value != ():
            yield field.name, value


def _flag(name: str, value: Any) -> str:
    if name in PATHS:
        value = Path(value).expanduser().absolute()
    return f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


def _is_default(part: Any, name: str) -> bool:
    default = next(field.default for field in dataclasses.fields(part) if field.name == name)
    try:
        return dataclasses.replace(part, **{name: default}) == part
    except InputError:
        return False
