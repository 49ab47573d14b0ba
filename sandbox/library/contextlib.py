"""The module `contextlib`: context managers, none of which swallows what no snippet may catch."""

from __future__ import annotations

from types import FunctionType, GeneratorType
from typing import Any

from sandbox.guards import FATAL
from sandbox.hooks import Hooks
from sandbox.seal import Made, Module, Sealed, make_module, sealed


def make_contextlib(hooks: Hooks) -> Module:
    fatal = FATAL + hooks.fatal

    def make_suppress(*exceptions: Any) -> suppress:
        made: Any = object.__new__(suppress)
        made.__exceptions__, made.__fatal__ = exceptions, fatal
        return made  # type: ignore[no-any-return]

    def make_manager(func: Any) -> Any:
        if type(func) is not FunctionType:
            raise TypeError("contextmanager() takes a function made by 'def'")

        def helper(*arguments: Any, **keywords: Any) -> GeneratorManager:
            generator = func(*arguments, **keywords)
            if type(generator) is not GeneratorType:
                raise TypeError("contextmanager() takes a function with a 'yield'")
            made: Any = object.__new__(GeneratorManager)
            made.__generator__, made.__fatal__ = generator, fatal
            return made  # type: ignore[no-any-return]

        return sealed(helper, func.__name__)

    def make_closing(thing: Any) -> closing:
        made: Any = object.__new__(closing)
        made.thing, made.__fatal__ = thing, fatal
        return made  # type: ignore[no-any-return]

    values: dict[str, Any] = {"nullcontext": nullcontext}
    values["closing"] = sealed(make_closing, "closing")
    values["contextmanager"] = sealed(make_manager, "contextmanager")
    values["suppress"] = sealed(make_suppress, "suppress")
    return make_module("contextlib", values)


class suppress(metaclass=Made):  # as snippets see it
    __slots__ = ("__exceptions__", "__fatal__")

    __exceptions__: tuple[Any, ...]
    __fatal__: tuple[type[BaseException], ...]

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


class closing(metaclass=Made):
    __slots__ = ("__fatal__", "thing")

    __fatal__: tuple[type[BaseException], ...]
    thing: Any

    def __enter__(self) -> Any:
        return self.thing

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        # What `close` raises would take the place of what no snippet may catch.
        if kind is None or not issubclass(kind, self.__fatal__):
            self.thing.close()


class GeneratorManager(metaclass=Made):
    """Runs a generator to its `yield`, and on when the block ends."""

    __slots__ = ("__fatal__", "__generator__")

    __generator__: Any
    __fatal__: tuple[type[BaseException], ...]

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
