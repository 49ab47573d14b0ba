"""What the language allows, in tables. Every other module of the sandbox asks here and decides nothing itself.

    source -> shape -> [policy] -> rewrite -> compile -> bytecode check -> Cell

A table lists what is allowed, or gives for what is refused the text that says what to write instead. What no table
names is refused (tests/sandbox/test_policy.py enumerates the node classes of the running Python), so a new version of
Python adds nothing by itself.

The attribute rule: names are constants of the source, so they are judged by the compiler and plain access costs what
CPython's costs. A name is refused, guarded (a call at run time decides by the object's type) or plain. Strings become
attribute names only through `getattr` and its kin, which ask `attribute_refusal` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

# Part of what a snippet computes, so it stands in the log: raised by every change after which a stored snippet could
# give another outcome.
POLICY_VERSION: Final = 9

# --- bounds -----------------------------------------------------------------------------------------------------------

# A snippet is a few lines; a page of class definitions is a few KiB. The parser's memory is some 300 times the text.
SOURCE_SIZE_MAX: Final = 64 * 1024
# Depth of the syntax tree. Ordinary code stays below 30; every level costs a few frames of the compiler's recursion.
TREE_DEPTH_MAX: Final = 150
# Nodes of the syntax tree. 64 KiB of ordinary code have 7,000 at most (the standard library); these compile in 0.5 s.
TREE_COUNT_MAX: Final = 15_000
# CPython compiles a `finally` body once for each way out of its `try`, so bodies nested in bodies double with each
# level (16 levels: 0.5 s, 30: hours). This bounds the nodes of the tree after such copying.
EXPANDED_COUNT_MAX: Final = 50_000
PARAMETER_COUNT_MAX: Final = 100
# Operands and results of `**`, `<<`, `*`: 39 thousand digits; a multiplication of such takes 3 ms, and 9 of twice that.
INT_BITS_MAX: Final = 1 << 17
# Items of a sequence made by `*`, a `range`, `bytes(n)`, a padded text.
SEQUENCE_COUNT_MAX: Final = 10_000_000
# What a `__len__` of a snippet may give: `[*x]`, `tuple(x)` and `f(*x)` take room for so many items before the first
# one. A class around a container of the host gives its length, so it is more than one step makes: 512 MiB of places.
LENGTH_MAX: Final = 1 << 26
# Width and precision of one formatted value.
FORMAT_WIDTH_MAX: Final = 10_000
# A Decimal: such a one is written out as a number in 3 ms, raised to a power in 14.
DECIMAL_DIGITS_MAX: Final = 1_000
DECIMAL_EXPONENT_MAX: Final = 9_999
# Numerator and denominator of a Fraction: their common divisor takes 0.4 ms, and four times that of twice the bits.
FRACTION_BITS_MAX: Final = 1 << 14

# --- syntax -----------------------------------------------------------------------------------------------------------

# Node classes that mean what they mean in Python: only their children are looked at.
NODES_PLAIN: Final = frozenset({
    "Add", "And", "Assert", "BitAnd", "BitOr", "BitXor", "BoolOp", "Break", "Continue", "Del", "Dict", "Div", "Eq",
    "Expr", "FloorDiv", "Gt", "GtE", "If", "IfExp", "In", "Invert", "Is", "IsNot", "JoinedStr", "LShift", "List",
    "Load", "Lt", "LtE", "MatMult", "Match", "MatchOr", "MatchSequence", "MatchSingleton", "MatchValue", "Mod",
    "Mult", "Not", "NotEq", "NotIn", "Or", "Pass", "Pow", "RShift", "Raise", "Slice", "Starred", "Store", "Sub",
    "Tuple", "UAdd", "USub", "UnaryOp",
})

# Node classes with a rule of their own: a method `visit_<name>` of rewrite.Rewriter.
NODES_REWRITTEN: Final = frozenset({
    "AnnAssign", "Assign", "Attribute", "AugAssign", "BinOp", "Call", "ClassDef", "Compare", "Constant", "Delete",
    "DictComp", "ExceptHandler", "For", "FormattedValue", "FunctionDef", "GeneratorExp", "Global", "Import",
    "ImportFrom", "Lambda", "ListComp", "MatchAs", "MatchClass", "MatchMapping", "MatchStar", "Name", "NamedExpr",
    "Nonlocal", "Return", "Set", "SetComp", "Subscript", "Try", "While", "With", "Yield", "YieldFrom", "alias", "arg",
    "arguments", "comprehension", "keyword", "match_case", "withitem",
})

_ASYNC = "nothing in a snippet waits, so there is no async; write a plain function"
_TYPES = "type parameters are not available; leave them out, annotations are not looked at"
NODES_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "AsyncFor": _ASYNC,
    "AsyncFunctionDef": _ASYNC,
    "AsyncWith": _ASYNC,
    "Await": _ASYNC,
    "Expression": "only statements are compiled",
    "FunctionType": "only statements are compiled",
    "Interactive": "only statements are compiled",
    "Interpolation": "template strings are not available; use an f-string",
    "Module": "only statements are compiled",
    "ParamSpec": _TYPES,
    "TemplateStr": "template strings are not available; use an f-string",
    "TryStar": "'except*' is not available; use 'except'",
    "TypeAlias": _TYPES,
    "TypeIgnore": "only statements are compiled",
    "TypeVar": _TYPES,
    "TypeVarTuple": _TYPES,
})

# Fields of nodes that hold a name, or a list of names. Each is checked in rewrite; a test compares with the running
# Python, because one binding position that is forgotten voids every rule on names (RestrictedPython CVE-2023-37271
# and its successors).
IDENTIFIER_FIELDS: Final = frozenset({
    ("Attribute", "attr"), ("ClassDef", "name"), ("ExceptHandler", "name"), ("FunctionDef", "name"),
    ("Global", "names"), ("ImportFrom", "module"), ("MatchAs", "name"), ("MatchClass", "kwd_attrs"),
    ("MatchMapping", "rest"), ("MatchStar", "name"), ("Name", "id"), ("Nonlocal", "names"), ("alias", "asname"),
    ("alias", "name"), ("arg", "arg"), ("keyword", "arg"),
})

# --- attributes -------------------------------------------------------------------------------------------------------

_FRAMES = "it leads to the interpreter's own objects, which no snippet reaches"
_FORMAT = "use an f-string"
_FRACTION = "write Fraction(...)"
_ENUM = "it belongs to the inside of an enum; use its members, 'list(Color)' or 'Color.__members__'"
# Frames, code, tracebacks and what leads to them.
ATTRIBUTE_PREFIXES_REFUSED: Final = ("_co_", "ag_", "co_", "cr_", "gi_", "tb_")
ATTRIBUTES_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "_from_coprime_ints": _FRACTION,
    "_from_int": "write UUID(int=...)",
    "_operator_fallbacks": _FRACTION,
    "cell_contents": _FRAMES,
    "f_back": _FRAMES,
    "f_builtins": _FRAMES,
    "f_code": _FRAMES,
    "f_generator": _FRAMES,
    "f_globals": _FRAMES,
    "f_lasti": _FRAMES,
    "f_lineno": _FRAMES,
    "f_locals": _FRAMES,
    "f_trace": _FRAMES,
    "f_trace_lines": _FRAMES,
    "f_trace_opcodes": _FRAMES,
    "fdel": _FRAMES,
    "fget": _FRAMES,
    "fset": _FRAMES,
    "getter": "write a property of another name",
    "mro": "use isinstance and issubclass",
    "with_traceback": "use 'raise ... from ...'",
    "_generate_next_value_": _ENUM,
    "_member_map_": _ENUM,
    "_member_names_": _ENUM,
    "_member_type_": _ENUM,
    "_missing_": _ENUM,
    "_new_member_": _ENUM,
    "_unhashable_values_": _ENUM,
    "_value2member_map_": _ENUM,
    "_value_repr_": _ENUM,
    "_varname_from_oparg": _FRAMES,
})
# Fetched through a call that looks at the object: these names are ordinary on a user's object, but on a date they
# read the machine's clock or time zone, on a text or number they pad to any length or read attributes, on a view of a
# dict they give a proxy that hands the dict itself to `__ror__` of the snippet, on a Fraction they take anything for a
# number.
ATTRIBUTES_GUARDED: Final = frozenset({
    "_abc_impl", "_add", "_div", "_divmod", "_floordiv", "_format_float_style", "_format_general", "_mod", "_mul",
    "_richcmp", "_sub", "as_tuple", "astimezone", "center", "ctime", "decode", "encode", "expandtabs", "format",
    "format_map",
    "fromtimestamp", "is_safe", "limit_denominator", "ljust", "mapping", "now", "rjust", "strftime", "strptime",
    "timestamp", "timetuple", "to_bytes", "today", "utcfromtimestamp", "utcnow", "utctimetuple", "zfill",
})
# Dunder names that may be read from any object. `__class__` becomes a call of `type`.
DUNDERS_READ: Final = frozenset({"__class__", "__doc__", "__members__", "__name__"})

# --- dunder methods ---------------------------------------------------------------------------------------------------

# Comparison and hash methods run inside CPython's dict, set and list, which do not survive being changed meanwhile
# (cpython gh-140551, gh-139071, gh-120298); they must be pure (see purity).
DUNDERS_PURE: Final = frozenset({"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__"})

_BINARY = ("add", "and", "floordiv", "lshift", "matmul", "mod", "mul", "or", "pow", "rshift", "sub", "truediv", "xor")
# Dunder methods that a class may define.
DUNDERS_DEFINED: Final = frozenset(
    {f"__{prefix}{name}__" for name in _BINARY for prefix in ("", "r", "i")}
    | {
        "__abs__", "__bool__", "__call__", "__ceil__", "__class_getitem__", "__complex__", "__contains__",
        "__delitem__", "__divmod__", "__enter__", "__exit__", "__float__", "__floor__", "__format__", "__getattr__",
        "__getitem__", "__index__", "__init__", "__init_subclass__", "__int__", "__invert__", "__iter__", "__len__",
        "__missing__", "__neg__", "__next__", "__pos__", "__post_init__", "__rdivmod__", "__repr__",
        "__reversed__", "__round__", "__setitem__", "__str__", "__trunc__", "__upgrade__",
    }
    | DUNDERS_PURE
)
# Of these, one may be a second name of another (`__radd__ = __add__`). What `__len__` gives is looked at.
DUNDERS_SECOND: Final = DUNDERS_DEFINED - DUNDERS_PURE - {"__exit__", "__init_subclass__", "__len__"}
# `super().<name>` with the literal, zero-argument `super()`.
DUNDERS_SUPER: Final = DUNDERS_DEFINED - DUNDERS_PURE - {"__upgrade__"}
# `Base.<name>(self)`, the call alone; of `__setattr__` that of `object`.
DUNDERS_CALLED: Final = DUNDERS_SUPER | {"__setattr__"}
# Of these only the call is allowed, because its text must be cleaned of addresses.
DUNDERS_SUPER_TEXT: Final = frozenset({"__format__", "__repr__", "__str__"})
# Bound by decorators of their own; the hidden originals are used, so that a local name can't stand in for them.
DUNDER_DECORATORS: Final = frozenset({"abstractmethod", "classmethod", "staticmethod"})

# Words in annotations that `dataclass` looks for; nothing else of an annotation is read.
ANNOTATIONS_READ: Final = frozenset({"ClassVar", "InitVar", "KW_ONLY"})
# Names that a class body may bind to literal texts alone.
DUNDERS_LITERAL: Final = frozenset({"__match_args__", "__slots__"})

_PICKLE = "the heap keeps the attributes of an instance by itself; leave it out"
_COPY = "copy.copy and copy.deepcopy copy all attributes; for anything else write a method 'copy'"
_CLASSES = "use isinstance, issubclass and type"
_DESCRIPTOR = "use a property"
DUNDERS_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "__annotations__": "annotations are not kept",
    "__base__": _CLASSES,
    "__bases__": _CLASSES,
    "__builtins__": _FRAMES,
    "__cause__": "it is shown with the error; keep what you need in an attribute of the exception",
    "__closure__": _FRAMES,
    "__code__": _FRAMES,
    "__context__": "it is shown with the error; keep what you need in an attribute of the exception",
    "__copy__": _COPY,
    "__deepcopy__": _COPY,
    "__del__": "objects end when nothing refers to them, at no fixed time; write a method and call it",
    "__delattr__": _DESCRIPTOR,
    "__delete__": _DESCRIPTOR,
    "__dict__": "read the attributes by name, or use dataclasses.asdict",
    "__file__": "a cell is no file",
    "__get__": _DESCRIPTOR,
    "__getattribute__": "use __getattr__ or a property",
    "__getstate__": _PICKLE,
    "__globals__": _FRAMES,
    "__import__": "write an 'import' statement",
    "__match_args__": "it is a tuple of names, written out in the class body",
    # Taken away from a class again, it leaves CPython calling object.__new__ with the arguments of __init__.
    "__module__": "classes of snippets have no module",
    "__mro__": _CLASSES,
    "__new__": "define __init__",
    "__qualname__": "use __name__",
    "__reduce__": _PICKLE,
    "__reduce_ex__": _PICKLE,
    "__set__": _DESCRIPTOR,
    "__set_name__": _DESCRIPTOR,
    "__setattr__": _DESCRIPTOR,
    "__setstate__": _PICKLE,
    "__slots__": "it is a tuple of names, written out in the class body, and changes nothing",
    "__subclasses__": _CLASSES,
    "__traceback__": _FRAMES,
    "__wrapped__": "functools.wraps does not keep it; give the inner function a name of its own",
})
_DUNDER = "names with two underscores on both sides belong to Python"


# --- names ------------------------------------------------------------------------------------------------------------

# The safe core of the builtins (runtime.make_builtins holds a value for each).
BUILTINS: Final = frozenset({
    "Ellipsis", "NotImplemented", "SortedDict", "abs", "all", "any", "ascii", "bin", "bool", "bytes", "callable", "chr",
    "classmethod", "complex", "delattr", "dict", "divmod", "enumerate", "filter", "float", "format", "frozenset",
    "getattr", "hasattr", "hash", "hex", "int", "isinstance", "issubclass", "iter", "len", "list", "map", "max", "min",
    "next",
    "now", "object", "oct", "ord", "pow", "print", "property", "range", "repr", "reversed", "round", "set", "setattr",
    "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "zip",
})
# Every Exception of Python but those that say something about the machine (RecursionError, MemoryError), groups, and
# warnings. BaseException and its other children can't be named, raised or caught.
EXCEPTIONS: Final = frozenset({
    "ArithmeticError", "AssertionError", "AttributeError", "BlockingIOError", "BrokenPipeError", "BufferError",
    "ChildProcessError", "ConnectionAbortedError", "ConnectionError", "ConnectionRefusedError",
    "ConnectionResetError", "EOFError", "Exception", "FileExistsError", "FileNotFoundError", "FloatingPointError",
    "ImportError", "IndexError", "InterruptedError", "IsADirectoryError", "KeyError", "LookupError",
    "ModuleNotFoundError", "NameError", "NotADirectoryError", "NotImplementedError", "OSError", "OverflowError",
    "PermissionError", "ProcessLookupError", "ReferenceError", "RuntimeError", "StopIteration", "SyntaxError",
    "TimeoutError", "TypeError", "UnboundLocalError", "UnicodeDecodeError", "UnicodeEncodeError", "UnicodeError",
    "UnicodeTranslateError", "ValueError", "ZeroDivisionError",
})
_MACHINE = "it says something about the machine, not about the snippet, and can't be caught"
_FILES = "a snippet reaches no files; read it in the client and send the contents as a parameter"
_CODE = "text does not become code; define a function"
_NAMES = "write the names that you need; for attributes there are getattr, setattr and hasattr"
_BUFFER = "use bytes, or a list of numbers"
# Names of Python's builtins that are not there. They can't become roots either, so that a later version may add them.
BUILTINS_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "BaseException": "use Exception",
    "BaseExceptionGroup": "use Exception",
    "EncodingWarning": "use Exception",
    "EnvironmentError": "use OSError",
    "ExceptionGroup": "use Exception",
    "GeneratorExit": "it can't be caught",
    "IOError": "use OSError",
    "IndentationError": "use SyntaxError",
    "KeyboardInterrupt": "it can't be caught",
    "MemoryError": _MACHINE,
    "PythonFinalizationError": _MACHINE,
    "RecursionError": _MACHINE,
    "StopAsyncIteration": _ASYNC,
    "SystemError": _MACHINE,
    "SystemExit": "it can't be raised; end the snippet with a value or an exception",
    "TabError": "use SyntaxError",
    "Warning": "use Exception or print",
    "aiter": _ASYNC,
    "anext": _ASYNC,
    "breakpoint": "use print",
    "bytearray": _BUFFER,
    "compile": _CODE,
    "dir": _NAMES,
    "eval": _CODE,
    "exec": _CODE,
    "globals": _NAMES,
    "help": "docs/language.md lists what is there",
    "id": "it differs between replicas; use 'is', or a key of your own",
    "input": "a snippet asks nobody; send the value as a parameter",
    "locals": _NAMES,
    "memoryview": _BUFFER,
    "open": _FILES,
    "vars": _NAMES,
})
# No root may have one of these names: one client must not change what `len` means for another.
NAMES_RESERVED: Final = BUILTINS | EXCEPTIONS | BUILTINS_REFUSED.keys()

# --- encodings --------------------------------------------------------------------------------------------------------

# Of texts, by the names that Python has for them; every spelling that Python knows means the same.
ENCODINGS: Final = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "ascii", "latin-1",
    "iso8859-2", "iso8859-15", "cp1250", "cp1251", "cp1252", "koi8-r",
)
# What is done about a character that can't be encoded or decoded, and the most that it makes of one.
ERROR_HANDLERS: Final[Mapping[str, int]] = MappingProxyType({
    "strict": 1, "ignore": 1, "replace": 1, "backslashreplace": 10, "xmlcharrefreplace": 10, "namereplace": 100,
    "surrogateescape": 1, "surrogatepass": 1,
})

# --- libraries --------------------------------------------------------------------------------------------------------

MODULES: Final = frozenset({
    "abc", "base64", "bisect", "collections", "collections.abc", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "itertools", "json", "math", "operator", "random",
    "re", "statistics", "string", "textwrap", "time", "typing", "uuid",
})

_WAITS = "nothing in a snippet waits, and nothing runs beside it; let the client wait"
_NETWORK = "a snippet reaches no network; ask in the client and send the answer as a parameter"
_TABLES = "compute in the client, or use lists, dicts and the module statistics"
_KEPT = "what is assigned to a name at the level of a cell is kept by itself"
_INSIDE = "it leads to the inside of Python, which no snippet reaches"
# Modules that people look for and that are not there.
MODULES_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "array": "use a list, or bytes",
    "asyncio": _WAITS,
    "builtins": "builtins are there without an import",
    "calendar": "use datetime, with weekday() and timedelta",
    "cmath": "use math, and the operators of complex",
    "concurrent": _WAITS,
    "csv": "parse in the client and send rows as a parameter, or use split(',')",
    "ctypes": _INSIDE,
    "gc": _INSIDE,
    "glob": _FILES,
    "http": _NETWORK,
    "importlib": "write an 'import' statement",
    "inspect": _INSIDE,
    "io": "use a text or a list of lines",
    "locale": "it depends on the machine; use format specs, as in f'{x:,.2f}'",
    "logging": "use print, whose text goes back to the caller, or keep a list",
    "multiprocessing": _WAITS,
    "numbers": "use isinstance(x, (int, float))",
    "numpy": _TABLES,
    "os": "a snippet reaches no files, programs or environment; send what it needs as parameters",
    "pandas": _TABLES,
    "pathlib": _FILES,
    "pickle": _KEPT,
    "pprint": "use print, or json.dumps(x, indent=2)",
    "pytz": "use datetime.timezone",
    "queue": "use collections.deque, or heapq",
    "requests": _NETWORK,
    "sched": _WAITS,
    "secrets": "it depends on the machine; draw secrets in the client and send them as parameters",
    "shelve": _KEPT,
    "shutil": _FILES,
    "socket": _NETWORK,
    "sqlite3": _KEPT,
    "struct": "use int.to_bytes and int.from_bytes",
    "subprocess": "a snippet starts no programs",
    "sys": _INSIDE,
    "tempfile": _FILES,
    "threading": _WAITS,
    "traceback": "the traceback goes back to the caller by itself",
    "types": "use type(x), or typing",
    "typing_extensions": "use typing",
    "urllib": _NETWORK,
    "warnings": "use print",
    "weakref": "objects live as long as the heap refers to them; keep a key instead",
    "zlib": "compress in the client",
    "zoneinfo": "its tables differ between machines; use datetime.timezone",
})

_BASE64 = "a snippet reaches no files; use b64encode and b64decode"
_CONTEXT = "the precision is always 28 digits; round with quantize(Decimal('0.01'), rounding=ROUND_HALF_UP)"
_SLOW = "it is slow on purpose, and everybody would wait; derive keys in the client"
_NEWER = "not every Python has it"
_SEED = "the numbers of a snippet come from its place in the log; use random.Random(seed)"
_CLOCK = "there is one clock, that of the snippet; use time.time()"
_UUID = "it depends on the machine; use uuid4(), or uuid5(namespace, name)"
# Names of these modules that people look for and that are not there.
MODULE_NAMES_REFUSED: Final[Mapping[str, str]] = MappingProxyType({
    "abc.ABCMeta": "derive from ABC",
    "base64.decode": _BASE64,
    "base64.encode": _BASE64,
    "base64.main": _BASE64,
    "base64.test": _BASE64,
    "collections.UserString": "keep a str in an attribute",
    "contextlib.ExitStack": "write nested 'with' blocks",
    "contextlib.asynccontextmanager": _ASYNC,
    "contextlib.redirect_stdout": "what is printed goes back to the caller",
    "dataclasses.make_dataclass": "write a class statement",
    "datetime.datetime_CAPI": "it belongs to the inside of Python",
    "decimal.BasicContext": _CONTEXT,
    "decimal.Context": _CONTEXT,
    "decimal.DefaultContext": _CONTEXT,
    "decimal.ExtendedContext": _CONTEXT,
    "decimal.getcontext": _CONTEXT,
    "decimal.localcontext": _CONTEXT,
    "decimal.setcontext": _CONTEXT,
    "enum.EnumMeta": "derive from Enum",
    "enum.EnumType": "derive from Enum",
    "fractions.gcd": "use math.gcd",
    "functools.partialmethod": "write a method that calls the other",
    "functools.update_wrapper": "use wraps",
    "hashlib.algorithms_available": "it depends on the machine; docs/language.md lists the functions",
    "hashlib.algorithms_guaranteed": "docs/language.md lists the functions",
    "hashlib.file_digest": "a snippet reaches no files; use sha256(data)",
    "hashlib.pbkdf2_hmac": _SLOW,
    "hashlib.scrypt": _SLOW,
    "itertools.batched": "use islice in a loop",
    "json.JSONDecoder": "use loads, with object_hook",
    "json.JSONEncoder": "use dumps, with default",
    "json.dump": f"{_FILES}; use dumps",
    "json.load": f"{_FILES}; use loads",
    "operator.length_hint": "use len",
    "random.SystemRandom": "it depends on the machine; use random.Random(seed)",
    "random.binomialvariate": _NEWER,
    "random.getstate": _SEED,
    "random.seed": _SEED,
    "random.setstate": _SEED,
    "re.Scanner": "join the patterns by '|' with named groups, and use finditer",
    "re.purge": "nothing is to be purged",
    "statistics.NormalDist": "compute it with mean() and stdev()",
    "statistics.kde": _NEWER,
    "statistics.kde_random": _NEWER,
    "string.Formatter": _FORMAT,
    "string.Template": _FORMAT,
    "textwrap.TextWrapper": "give its options to wrap() or fill()",
    "time.clock_getres": _CLOCK,
    "time.clock_gettime": _CLOCK,
    "time.clock_gettime_ns": _CLOCK,
    "time.clock_settime": _CLOCK,
    "time.clock_settime_ns": _CLOCK,
    "time.get_clock_info": _CLOCK,
    "time.pthread_getcpuclockid": _CLOCK,
    "time.sleep": "nothing in a snippet waits; let the client wait, and ask again",
    "time.thread_time": _CLOCK,
    "time.thread_time_ns": _CLOCK,
    "time.tzset": "the local zone is always UTC",
    "typing.get_type_hints": "annotations are not kept",
    "uuid.SafeUUID": "nothing here depends on it",
    "uuid.getnode": _UUID,
    "uuid.uuid1": _UUID,
    "uuid.uuid6": _UUID,
    "uuid.uuid7": _UUID,
    "uuid.uuid8": _UUID,
})


def is_dunder(name: str) -> bool:
    """Whether `name` has Python's reserved form, two underscores on both sides."""
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def attribute_refusal(name: str) -> str | None:
    """Return why an attribute called `name` can't be read, set or deleted, with the way round it; None if it can.

    Reading a name of `DUNDERS_READ` or `ATTRIBUTES_GUARDED` is for the caller to allow.
    """
    if name.startswith("__") and name.endswith("__"):
        if name in DUNDERS_DEFINED:
            return f"{_DUNDER}; a class may define it, and the function or operator that it stands for calls it"
        return DUNDERS_REFUSED.get(name, _DUNDER)
    if name in ATTRIBUTES_REFUSED:
        return ATTRIBUTES_REFUSED[name]
    return _FRAMES if name.startswith(ATTRIBUTE_PREFIXES_REFUSED) else None


def name_refusal(name: str) -> str | None:
    """Return why nothing can be bound to `name` in any scope, with the way round it; None if something can."""
    if name == "super":
        return "'super' always means Python's own; use another name"
    if name.startswith("__") and name.endswith("__"):
        return "names with two underscores on both sides belong to Python; use another name"
    return None


def module_refusal(name: str) -> str:
    """Return what to say of a module that is not there."""
    top = name.partition(".")[0]
    reason = next((MODULES_REFUSED[each] for each in MODULES_REFUSED if f"{name}.".startswith(f"{each}.")), None)
    if reason is None:
        found = get_close_matches(top[:100], sorted(MODULES), 1, 0.7)
        reason = f"did you mean {found[0]!r}?" if found else f"there are {', '.join(sorted(MODULES))}"
    return f"module {name!r} is not available; {reason}"


def mangled(name: str, class_name: str | None) -> str:
    """Return what CPython makes of `name` in the body of `class_name`: `__x` in class `C` is `_C__x`."""
    if class_name is None or not name.startswith("__") or name.endswith("__"):
        return name
    stripped = class_name.lstrip("_")
    return f"_{stripped}{name}" if stripped else name


assert not BUILTINS & BUILTINS_REFUSED.keys() and not EXCEPTIONS & BUILTINS_REFUSED.keys()
assert not DUNDERS_DEFINED & DUNDERS_REFUSED.keys()
