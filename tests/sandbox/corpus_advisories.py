"""Attempts to escape, each under the advisory, the write-up or the part of Python it is taken from.

`TAKEN_FROM`: source -> texts; all must fail as those of corpus_escapes do (test_escapes, tests/engine/test_corpora).
Where an attempt would end in an object and not in harm, it reads or calls something of that object, as the original does.
"""

from __future__ import annotations

TAKEN_FROM: dict[str, list[str]] = {
    # --- RestrictedPython, Zope and what is built on them
    "CVE-2023-37271 RestrictedPython, frames by generators": [
        "g = (g.gi_frame.f_back.f_back for _ in [1])\nlist(g)",
        "def g(): yield\ng().gi_frame.f_globals",
        "[x for x in [(y for y in [1])]][0].gi_frame.f_builtins",
        "getattr((x for x in [1]), 'gi_frame')",
    ],
    "CVE-2023-41039 RestrictedPython, format of str": [
        "str.format('{0.__class__.__mro__}', 1)",
        "f = 'x{0.__init__.__globals__}'.format\nf(1)",
        "''.join(map(str.format, ['{0.__class__}'], [1]))",
        "getattr(str, 'for' + 'mat')('{0.__class__}', 1)",
    ],
    "CVE-2023-41050 AccessControl, format_map": [
        "str.format_map('{x.__class__}', {'x': 1})",
        "class D:\n def __getitem__(self, k): return print\n'{x.__self__}'.format_map(D())",
    ],
    "CVE-2021-32807 AccessControl, string.Formatter": [
        "import string\nstring.Formatter().format('{0.__class__}', 1)",
        "from string import Formatter\nFormatter().get_field('0.__class__', [1], {})",
    ],
    "CVE-2021-32633 Zope, traversal through modules": [
        "import random\nrandom._os.system('id')", "import json\njson.codecs.builtins.eval('1')",
        "import re\nre.enum.sys.modules", "import collections\ncollections._sys.modules['os']",
        "import math\nmath.__spec__.loader.load_module('os')", "import datetime\ndatetime.sys.exit()",
    ],
    "CVE-2021-32811 Zope, modules added by add-ons": ["import os.path", "from os import path as p", "import posix"],
    "CVE-2024-47532 RestrictedPython, AttributeError.obj": [
        "try: print.zzz\nexcept AttributeError as e: e.obj.zzz",
        "import math\ntry: math.zzz\nexcept AttributeError as e: e.obj.sin",
        "class X:\n def __enter__(self): pass\n def __exit__(self, t, e, b): e.obj.real\nwith X(): (1).zzz",
    ],
    "CVE-2025-22153 RestrictedPython, type confusion by except*": [
        "try: raise ValueError\nexcept* ValueError as e: e.exceptions",
        "def f():\n try: pass\n except* (TypeError, ValueError): pass",
    ],
    "CVE-2026-55830 RestrictedPython, an unchecked binding position": [
        "def f(__class__, /): return __class__\nf(1)", "lambda __builtins__, /: 1", "lambda *__builtins__: 1",
        "lambda **__builtins__: 1", "lambda *, __builtins__=1: 1", "def f(*, __import__): pass",
        "with print as __builtins__: pass", "for __builtins__ in []: pass", "[0 for __builtins__ in []]",
        "(__builtins__ := 1)", "import math as __import__", "from math import sqrt as __build_class__",
        "match 1:\n case __builtins__: pass", "match 1:\n case int() as __builtins__: pass",
        "try: 1/0\nexcept Exception as __import__: pass", "def f():\n global __import__", "class __import__: pass",
        "__builtins__: int = 1", "del __builtins__", "__builtins__ += 1", "[__builtins__] = [1]",
        "(a, *__builtins__) = [1]",
    ],
    # --- template engines
    "CVE-2016-10745 jinja2, str.format": ["'{0.__init__.__globals__}'.format(print)"],
    "CVE-2019-10906 jinja2, str.format_map": ["'{a.__class__}'.format_map({'a': 1})"],
    "CVE-2024-56326 jinja2, format kept and called later": [
        "f = '{0.__class__}'.format\ndef call(g): return g(1)\ncall(f)",
        "d = {'f': str.format}\nd['f']('{0.__class__}', 1)",
    ],
    "CVE-2025-27516 jinja2, format fetched by a filter": [
        "list(map(lambda n: getattr('{0.__class__}', n)(1), ['format']))",
        "import operator\noperator.methodcaller('format', 1)('{0.__class__}')",
        "import operator\noperator.attrgetter('format')('{0.__class__}')(1)",
    ],
    "server-side template injection, class walking": [
        "''.__class__.__mro__[1].__subclasses__()", "[].__class__.__base__.__subclasses__()[59]",
        "().__class__.__bases__[0].__subclasses__()[-1].__init__.__globals__['sys']",
        "{}.__class__.__base__.__subclasses__()", "print.__self__.__import__('os')",
        "(lambda: 0).__globals__['__builtins__']", "''.__class__.mro()",
    ],
    "Armin Ronacher, be careful with str.format": [
        "class Event:\n def __init__(self): self.level = 1\n'{event.__init__.__globals__[CONFIG]}'.format(event=Event())",
    ],
    # --- expression evaluators and agents
    "CVE-2024-28397 js2py, subclasses to Popen": [
        "def f(o):\n for c in o.__subclasses__(): pass\nf(object)",
        "a = getattr({}, '__class__')\nb = getattr(a, '__base__')",
    ],
    "CVE-2025-24359 asteval, format string of an f-string": [
        "f'{print.__self__}'", "f'{(lambda: 0).__globals__!r}'", "f'{1:{().__class__.__mro__}}'", "f'{1!r:{open}}'",
        "f'{[c for c in object.__subclasses__()]}'",
    ],
    "asteval #86, __reduce__ is a getattr": ["(1).__reduce__()", "(1).__reduce_ex__(4)", "class C: pass\nC().__reduce_ex__(2)"],
    "CVE-2025-9959 smolagents, dunder methods of what is allowed": [
        "print.__call__.__self__", "[].append.__self__.__class__", "(1).__class__.__base__",
        "'x'.upper.__self__.__class__", "dict.__getattribute__({}, '__class__')",
    ],
    "CVE-2026-4963 smolagents, stores forgotten": [
        "class C: pass\nC().__class__ += 1", "class C: pass\nC.__bases__ = ()", "class C: pass\ndel C.__doc__",
        "class C: pass\nsetattr(C, '__bases__', ())", "class C: pass\nhasattr(C, '__bases__')",
        "class C: pass\nC.__name__ = 'x'", "class C: pass\nfor C.__bases__ in [()]: pass",
        "class C: pass\n[C.__bases__] = [()]", "class C: pass\nC.__dict__['x'] = 1", "class C: pass\n(C.__bases__ := ())",
    ],
    "smolagents #2395, methods the host would run later": [
        "class C:\n def __reduce__(self): return (print, ('x',))\nC()",
        "class C:\n def __del__(self): print('x')\nC()", "class C:\n def __fspath__(self): return '/'\nC()",
        "class C:\n def __length_hint__(self): return 10 ** 12\nlist(C())", "class C:\n def __dir__(self): return []\nC()",
        "class C:\n def __sizeof__(self): return 1\nC()", "class C:\n def __bytes__(self): return b''\nC()",
    ],
    "CVE-2024-3098 llama_index, safe_eval": ["(lambda: [c for c in ().__class__.__base__.__subclasses__()])()"],
    "CVE-2023-39631 numexpr, code in an expression": ["eval('__import__(\"os\")')", "exec('import os')", "compile('1', '', 'eval')"],
    "CVE-2023-36258 langchain, import in generated code": ["import subprocess", "__import__('subprocess')", "from importlib import import_module"],
    "CVE-2024-12366 pandas-ai, attributes of a frame": ["import pandas", "import numpy.core", "open('/etc/passwd').read()"],
    "CVE-2025-68668 n8n, ctypes and builtins": ["import ctypes", "import _ctypes", "import js", "import pyodide", "import builtins"],
    # --- write-ups
    "Ned Batchelder, eval really is dangerous": [
        "(lambda fc=(lambda n: [c for c in ().__class__.__bases__[0].__subclasses__() if c.__name__ == n][0]): fc('function'))()",
        "__builtins__.clear()", "type(lambda: 0)(1, {})", "type((lambda: 0).__code__)",
    ],
    "pysandbox, the interpreter's own objects": [
        "try: 1/0\nexcept Exception as e: e.__traceback__.tb_frame.f_back", "(lambda: 0).__closure__", "(x for x in []).gi_code.co_consts",
        "int.__dict__['from_bytes']", "type.__dict__", "object.__new__(int)", "super.__init__", "str.__init_subclass__",
    ],
    "HackTricks, bypass Python sandboxes": [
        "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == 'catch_warnings'][0]()._module",
        "help()", "license()", "exit()", "breakpoint()", "input()", "vars()['x']", "globals()['__builtins__']", "locals()", "dir()",
        "import pty", "import sys\nsys.modules['os']", "import platform", "import timeit", "import pdb", "import code",
        "import importlib", "import imp", "import gc", "import inspect", "import warnings\nwarnings.sys", "import linecache",
        "import cgi", "import threading", "import pickle", "import marshal", "import signal", "import atexit", "import weakref",
        "@exec\n@input\nclass X: pass", "@print\n@open\ndef f(): pass",
    ],
    "pyjail, no parentheses": [
        "class C:\n __getitem__ = exec\nC()['x']", "class C:\n __class_getitem__ = eval\nC['1']",
        "class M(type):\n __getitem__ = exec", "class C:\n __add__ = open\nC() + '/etc/passwd'",
        "class C:\n __contains__ = eval\n'1' in C()", "@eval\n@str\ndef f(): pass", "[exec for exec in [1] for exec.x in [1]]",
    ],
    "pyjail, metaclass and keywords of a class": [
        "class M(type):\n def __call__(cls, *a): return 1", "class C(metaclass=print): pass",
        "class C(**{'metaclass': print}): pass", "class C(print): pass", "class C(*[object]): pass",
        "class C(object, x=1): pass", "class C(type('B', (), {})): pass",
    ],
    "pyjail, exceptions that carry objects": [
        "try: (1).zzz\nexcept AttributeError as e: e.obj.real", "try: nope\nexcept NameError as e: e.__context__",
        "try: [].pop()\nexcept IndexError as e: e.__traceback__", "try: raise KeyError\nexcept KeyError as e: e.with_traceback(1)",
        "ValueError.__subclasses__()", "Exception.__base__", "ValueError().__reduce__()", "ValueError().__setstate__({'x': 1})",
        "raise SystemExit", "raise KeyboardInterrupt", "raise GeneratorExit", "raise BaseException",
    ],
    "pyjail, descriptors": [
        "class C:\n def __get__(self, o, t): return o\nC()", "class C:\n def __set__(self, o, v): pass\nC()",
        "class C:\n def __set_name__(self, o, n): pass\nC()", "property(lambda s: 1).fget.__globals__", "len.__get__(1)",
        "class C:\n @property\n def p(self): pass\nC.p.fget", "classmethod(lambda c: c).__func__", "staticmethod(print).__wrapped__",
        "super(int, 1).__getattribute__('real')", "(1).__init__.__objclass__",
    ],
    "pyjail, coroutines and their frames": [
        "async def f(): pass\nf().cr_frame", "async def f(): yield 1\nf().ag_frame", "(x for x in []).gi_yieldfrom.gi_frame",
        "async def f():\n async with x: pass", "async def f():\n async for x in y: pass", "[x async for x in y]", "await x",
        "def g():\n x = yield\n return x.gi_frame\nh = g()\nnext(h)\nh.send(h)",
    ],
    "pyjail, names in other alphabets (PEP 3131, NFKC)": [
        "().__\uff42ases__", "\U0001d552\U0001d564\U0001d564\U0001d556\U0001d563\U0001d565 = __import__", "__\U0001d456mport__('os')",
        "\uff45val('1')", "\U0001d4f8\U0001d4f9\U0001d4ee\U0001d4f7('/etc/passwd')", "x.\uff3f\uff3fdict__", "def f(\uff3f\uff3fclass\uff3f\uff3f): pass",
        "getattr(1, '__\uff43lass__')",
    ],
    "PEP 263, what an encoding line hides": [
        "# -*- coding: utf-7 -*-\n+AG8AcwA-", "# coding: rot13\nrinx('1')", "# coding: unicode_escape\n\\u006f\\u0070\\u0065\\u006e('x')",
        "\ufeffimport os", "# coding: no_such\nimport os",
    ],
    "PEP 634, patterns that read attributes": [
        "match print:\n case object(__self__=m): m.x", "match (lambda: 0):\n case object(__code__=c): c.co_code",
        "class C:\n __match_args__ = ('__class__',)\nmatch C():\n case C(x): x",
        "match 'x':\n case str(format=f): f(1)", "match (x for x in []):\n case object(gi_code=c): c",
        "match 1:\n case type(): pass\n case int(__class__=c): c",
    ],
    "PEP 649 and PEP 563, annotations as code": [
        "def f(x: __import__('os')): pass\nf.__annotations__", "class C:\n x: open('/etc/passwd')\nC.__annotate__",
        "x: __import__('os') = 1\n__annotations__", "from typing import get_type_hints", "from typing import ForwardRef",
    ],
    "PEP 695, scopes of type parameters": ["type X = open", "def f[T](x): pass", "class C[T: open]: pass", "def f[*T, **P](): pass"],
    "PEP 654, exception groups": [
        "ExceptionGroup('x', [ValueError()])", "BaseExceptionGroup('x', [])", "try: pass\nexcept* Exception: pass",
    ],
    "PEP 750, template strings": ["t'{open}'", "t'{x}'.interpolations"],
    "PEP 572, walrus out of a comprehension": [
        "[__builtins__ := x for x in [1]]", "[(super := x) for x in [1]]", "class C:\n [y := x for x in [1]]",
        "[i := 0 for i in [1]]", "[j for j in (k := [1])]",
    ],
    "PEP 3135, the __class__ cell": [
        "class C:\n def f(self): return __class__\nC().f()", "class C:\n def f(self):\n  nonlocal __class__\n  __class__ = int\nC().f()",
        "class C:\n __classcell__ = 1", "class C:\n def f(self): del __class__\nC().f()",
    ],
    "name mangling, into the private names of the host": [
        "class Module:\n def f(self, m): return m.__values\nimport math\nModule().f(math)",
        "class Dict:\n def f(self, d): return d.__items__\nDict().f({})", "({}).__heap__", "({}).__oid__", "[].__items__", "{1}.__saved__",
        "class Fuel:\n def f(self): return self.__builtins__\nFuel().f()", "print._Language__name", "list.__free__", "dict.__clean__",
        "map(str, []).__raw__", "str.__original__",
    ],
    "CVE-2026-76825 RestrictedPython, doors of the format machinery": [
        "format(1, '{0.__class__}')", "'%(__class__)s' % 1", "'{!r:{.__class__}}'.format(1, 2)", "b'%s' % print.__self__",
        "'%*d' % (10 ** 9, 1)", "f'{1:{10 ** 9}}'",
    ],
    "dataclasses, code made of names": [
        "import dataclasses\ndataclasses.make_dataclass('C', ['x'])", "from dataclasses import _create_fn",
        "from dataclasses import dataclass\n@dataclass\nclass C:\n __class__: int = 1",
        "import dataclasses\ndataclasses.sys.modules", "import dataclasses\ndataclasses.inspect",
    ],
    "enum, the functional call": [
        "from enum import Enum\nEnum('E', {'__reduce_ex__': 1})", "from enum import Enum\nclass E(Enum):\n a = 1\nE._member_map_",
        "from enum import Enum\nclass E(Enum):\n a = 1\ntype(E)('X', (), {})", "import enum\nenum.sys", "from enum import EnumMeta",
    ],
    "functools, attributes copied by strings": [
        "from functools import update_wrapper\nupdate_wrapper(print, len, ['__globals__'])",
        "from functools import wraps\nwraps(print, assigned=['__globals__'])", "from functools import singledispatch\nsingledispatch(print).__wrapped__",
        "from functools import partial\npartial(print).__reduce__()", "from functools import partial\npartial(print).__setstate__(1)",
        "from functools import reduce\nreduce(getattr, ['__class__', '__base__'], 1)",
    ],
    "operator, attributes by strings": [
        "from operator import attrgetter\nattrgetter('__class__.__base__')(1)", "from operator import attrgetter\nattrgetter('real.__class__')(1)",
        "from operator import methodcaller\nmethodcaller('__subclasses__')(int)", "from operator import methodcaller\nmethodcaller('__init__')(1)",
    ],
    "open-chat-studio, other tenants poisoned": [
        "import json\njson.dumps = lambda x: 'x'", "import math\nmath.pi = 3", "print.x = 1", "list.append = print", "del dict.get",
        "str.x = 1", "ValueError.x = 1", "setattr(int, 'x', 1)", "type(now()).x = 1", "type(print).x = 1",
    ],
    "cpython gh-140551, a dict changed in the midst of its work": [
        "d = {}\nclass K:\n def __hash__(self): return 1\n def __eq__(self, o):\n  d.clear()\n  return True\nd[K()] = 1\nd[K()]",
        "class K:\n def __eq__(self, o): return next(self.it)\nK() == K()", "class K:\n def __hash__(self): return self.f()\nhash(K())",
    ],
}

ADVISORIES: dict[str, str] = {
    f"{source} {number}": text for source, texts in TAKEN_FROM.items() for number, text in enumerate(texts, 1)
}
