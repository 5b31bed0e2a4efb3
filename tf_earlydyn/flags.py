"""Configuration dataclasses to absl flags and back. Called by scripts; nothing else in the package reads a flag."""

import dataclasses
import signal
import sys
import textwrap
import types
import typing
from collections.abc import Callable
from typing import Any

from absl import app, flags, logging

from tf_earlydyn import signals
from tf_earlydyn.config import DataConfig, ExecutionConfig, ModelConfig, RunConfig, TrainingConfig, flag_fields
from tf_earlydyn.errors import DivergenceError, InputError, Stopped, WorkerError, WriteError

# The parts of a RunConfig.
_PARTS = {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig, "execution": ExecutionConfig}
Config = typing.TypeVar("Config")
_HELP = ("--help", "-help", "-h", "--helpfull", "--helpshort")


def define_run_flags(flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for every setting of a run."""
    for config_class in (*_PARTS.values(), RunConfig):
        define_flags(config_class, flag_values)


def define_flags(config_class: type, flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag for every setting of a configuration dataclass."""
    for field in flag_fields(config_class):
        _define(field, typing.get_type_hints(config_class)[field.name], flag_values)


def define_switch(name: str, help_text: str, flag_values: flags.FlagValues = flags.FLAGS) -> None:
    """Defines a flag, off by default, that is a script's own and no setting of what it runs."""
    flags.DEFINE_boolean(name, False, help_text, module_name=__name__, flag_values=flag_values)


def switched_on(name: str, flag_values: flags.FlagValues = flags.FLAGS) -> bool:
    """Whether a flag of ``define_switch`` was given."""
    return bool(flag_values[name].value)


def run_config(flag_values: flags.FlagValues = flags.FLAGS) -> RunConfig:
    """The run that the parsed flags describe.

    Raises:
        InputError: if a value is not allowed, alone or together with the others.
    """
    return read(RunConfig, flag_values, **{name: read(part, flag_values) for name, part in _PARTS.items()})


def read(config_class: type[Config], flag_values: flags.FlagValues = flags.FLAGS, **parts: object) -> Config:
    """The configuration that the parsed flags describe, with ``parts`` for its fields that have no flag.

    Raises:
        InputError: if a value is not allowed, alone or together with the others.
    """
    return config_class(**parts, **_values(config_class, flag_values))


def run_script(main: Callable[[list[str]], None], description: str) -> None:
    """Parses the flags and calls ``main`` with the remaining arguments; exits with 2 and one sentence on bad input."""
    app.run(lambda argv: _guarded(main, argv[1:]), flags_parser=lambda argv: _parse(argv, description))


def _guarded(main: Callable[[list[str]], None], arguments: list[str]) -> int:
    signals.end_with_a_word()
    try:
        main(arguments)
    except (InputError, DivergenceError, WriteError, WorkerError) as error:
        return _refuse(error)
    except MemoryError as error:
        return _refuse(f"the memory is too small for sizes like these: take smaller ones. Received: {error}.")
    except Stopped as stop:
        print(stop, file=sys.stderr)
        return 128 + stop.signal
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return 0


def _parse(argv: list[str], description: str) -> list[str]:
    if set(_HELP) & set(argv[1:]):
        if hasattr(signal, "SIGPIPE"):
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # so that "--help | head" ends without a word
        print(_help(description))
        sys.exit(0)
    try:
        arguments = flags.FLAGS(argv)
    except (flags.Error, OSError, UnicodeDecodeError) as error:
        sys.exit(_refuse(error))
    if flags.FLAGS["verbosity"].using_default_value:  # absl would log at INFO, other libraries' messages included
        flags.FLAGS.verbosity = logging.ERROR  # type: ignore[assignment]  # absl takes values, and says flags
    return arguments


def _refuse(error: Exception | str) -> int:
    print(" ".join(str(error).split()), file=sys.stderr)
    return 2


def _help(description: str) -> str:
    entries = [description.strip(), ""]
    own = flags.FLAGS.flags_by_module_dict().get(__name__, [])
    for flag in own:
        default = "" if flag.default is None else f" (default: {flag.default_as_str})"
        text = textwrap.fill(f"{flag.help}{default}", 100, initial_indent="    ", subsequent_indent="    ")
        entries += [f"--{flag.name}", text]
    return "\n".join([*entries, "--flagfile", "    A file of flags, one a line; flags after it take precedence."])


def _define(field: dataclasses.Field, kind: Any, flag_values: flags.FlagValues) -> None:
    options: dict[str, Any] = {"name": field.name, "default": field.default, "help": field.metadata["help"]}
    options |= {"module_name": __name__, "flag_values": flag_values}
    if typing.get_origin(kind) is tuple:
        flags.DEFINE_list(**{**options, "default": list(map(str, options["default"]))})
    elif field.metadata["choices"]:
        flags.DEFINE_enum(enum_values=field.metadata["choices"], **options)
    else:
        _DEFINE[_plain_type(kind)](**options)


_DEFINE: dict[type, Callable[..., Any]] = {
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    str: flags.DEFINE_string,
}


def _plain_type(kind: Any) -> type:
    """The type without its None: int for ``int | None``."""
    if isinstance(kind, types.UnionType):
        return next(member for member in typing.get_args(kind) if member is not type(None))
    return kind


def _values(config_class: type, flag_values: flags.FlagValues) -> dict:
    kinds = typing.get_type_hints(config_class)
    return {
        field.name: _value(flag_values[field.name].value, field, kinds[field.name])
        for field in flag_fields(config_class)
    }


def _value(value: Any, field: dataclasses.Field, kind: Any) -> Any:
    if typing.get_origin(kind) is not tuple:
        return value
    element = typing.get_args(kind)[0]
    try:
        return tuple(element(item) for item in value)
    except ValueError as error:
        raise InputError(f"{field.name} must hold numbers separated by commas. Received: {','.join(value)}.") from error
