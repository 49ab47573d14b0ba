"""The module `contextlib`: context managers, none of which swallows what no snippet may catch."""

from __future__ import annotations

from types import FunctionType, GeneratorType
from typing import Any

from sandbox.guards import FATAL
from sandbox.hooks import Hooks
from sandbox.seal import Module, Sealed, make_module, sealed


def make_contextlib(hooks: Hooks) -> Module:
    fatal = FATAL + hooks.fatal

    def make_suppress(*exceptions: Any) -> suppress:
        return suppress(exceptions, fatal)

    def make_manager(func: Any) -> Any:
        if type(func) is not FunctionType:
            raise TypeError("contextmanager() takes a function made by 'def'")

        def helper(*arguments: Any, **keywords: Any) -> GeneratorManager:
            return GeneratorManager(func(*arguments, **keywords), fatal)

        return sealed(helper, func.__name__)

    values: dict[str, Any] = {"closing": closing, "nullcontext": nullcontext}
    values["contextmanager"] = sealed(make_manager, "contextmanager")
    values["suppress"] = sealed(make_suppress, "suppress")
    return make_module("contextlib", values)


class suppress(metaclass=Sealed):  # as snippets see it
    __slots__ = ("__exceptions__", "__fatal__")

    def __init__(self, exceptions: tuple[Any, ...], fatal: tuple[type[BaseException], ...]) -> None:
        self.__exceptions__ = exceptions
        self.__fatal__ = fatal

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        return kind is not None and not issubclass(kind, self.__fatal__) and issubclass(kind, self.__exceptions__)


class nullcontext(metaclass=Sealed):
    __slots__ = ("enter_result",)

    def __init__(self, enter_result: Any = None) -> None:
        self.enter_result = enter_result

    def __enter__(self) -> Any:
        return self.enter_result

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        return None


class closing(metaclass=Sealed):
    __slots__ = ("thing",)

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __enter__(self) -> Any:
        return self.thing

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.thing.close()


class GeneratorManager(metaclass=Sealed):
    """Runs a generator to its `yield`, and on when the block ends."""

    __slots__ = ("__fatal__", "__generator__")

    def __init__(self, generator: Any, fatal: tuple[type[BaseException], ...]) -> None:
        if type(generator) is not GeneratorType:
            raise TypeError("contextmanager() takes a function with a 'yield'")
        self.__generator__ = generator
        self.__fatal__ = fatal

    def __enter__(self) -> Any:
        try:
            return next(self.__generator__)
        except StopIteration:
            raise RuntimeError("generator didn't yield") from None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        generator = self.__generator__
        if kind is None:
            try:
                next(generator)
            except StopIteration:
                return False
            raise _ended(generator, "generator didn't stop")
        if issubclass(kind, self.__fatal__) or not issubclass(kind, Exception):
            return False
        place = error.__traceback__
        try:
            generator.throw(error)
        except StopIteration as ended:
            # It returned: the block's exception is dealt with, unless it was that very StopIteration.
            return ended is not error
        except RuntimeError as raised:
            if raised is error or (isinstance(error, StopIteration) and raised.__cause__ is error):
                error.__traceback__ = place
                return False
            raise
        except Exception as raised:
            if raised is error:
                error.__traceback__ = place  # that it went through the `yield` tells nobody anything
                return False
            raise
        raise _ended(generator, "generator didn't stop after throw()")


def _ended(generator: Any, text: str) -> RuntimeError:
    generator.close()
    return RuntimeError(text)
