"""Calls of everything that can be called, for the audit: the value of each, and what it leads to, is looked at.

Samples are expressions, several on a line. Each name of a module and each builtin stands in one
(tests/sandbox/test_audit.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SETUP = """
import abc, base64, bisect, collections, collections.abc, contextlib, copy, dataclasses, datetime, decimal, enum, fractions, functools
import hashlib, heapq, itertools, json, math, operator, random, re, statistics, string, textwrap, time, typing, uuid
def fail(function, *arguments):
    try: function(*arguments)
    except Exception as error: return error
@dataclasses.dataclass
class Point:
    x: int = 1
    y: list = dataclasses.field(default_factory=list)
    z: dataclasses.InitVar = 3
    _: dataclasses.KW_ONLY
    k: int = dataclasses.field(default=4, metadata={'a': [1]})
class Color(enum.Enum):
    RED = 1
    BLUE = enum.auto()
class Kinds(enum.IntEnum):
    ONE = 1
class Texts(enum.StrEnum):
    A = 'a'
class Bits(enum.Flag):
    R = 1
    W = 2
class IntBits(enum.IntFlag):
    R = 1
    W = 2
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): return 1
class Square(Shape):
    def area(self): return 4
class Boxed(typing.Generic[typing.TypeVar('T')]): pass
class Told(typing.Protocol):
    x: int
@functools.total_ordering
class Ordered:
    def __eq__(self, other): return True
    def __lt__(self, other): return False
class Thing:
    def __init__(self): self.x = [1]
    def close(self): return None
    def method(self, *a): return a
    @property
    def p(self): return 1
    @typing.final
    def last(self): return 1
    @typing.overload
    def over(self): return 1
    @typing.no_type_check
    def unchecked(self): return 1
    kept = staticmethod(len)
    made = classmethod(lambda cls: cls)
class Context:
    def __enter__(self): return self
    def __exit__(self, kind, error, traceback):
        self.seen = [kind, error, traceback]
        return True
@contextlib.contextmanager
def managed(x): yield x
@functools.cache
def cached(x): return [x]
@functools.lru_cache(2)
def limited(x): return [x]
@functools.wraps(fail)
def wrapped(): return 1
def gen():
    got = yield 1
    yield got
def entered(context):
    with context as value: return value
moment = datetime.datetime(2024, 1, 2, 3, 4, 5, 6, datetime.timezone(datetime.timedelta(hours=1), 'X'))
pattern = re.compile('(?P<a>a)(b)?')
found = pattern.match('ab')
"""

# fmt: off
SAMPLES = r"""
abs(-1); all([1]); any([1]); ascii('é'); bin(1); bool(1); bytes(2); callable(len); chr(65); complex(1, 2)
delattr(_t, 'x') if (_t := Thing()) else 1; dict(a=[1]); divmod(7, 2); enumerate([[1]]); filter(None, [[1]]); float('1.5')
format(1, '3'); frozenset([(1, 2)]); getattr(Thing(), 'x'); getattr(Thing(), 'method'); hasattr(1, 'x'); hash('a')
hex(1); int('1'); isinstance(1, int); issubclass(bool, int); iter([1]); iter({1: 2}.items()); iter('a'); iter(range(2)); len([1])
list('ab'); map(list, [[1]]); max([[1], [2]], key=len); min(1, 2); next(iter([[1]])); now(); oct(1); ord('a'); pow(2, 3, 5)
print('x', sep='', end=''); property(lambda self: 1); range(1, 5, 2); repr([1]); reversed([1]); reversed({1: 2}); round(1.5)
set([1]); setattr(Thing(), 'y', 1); slice(1, 2, 3); sorted([2, 1]); staticmethod(len); classmethod(len); str(1); sum([1])
tuple([1]); type(1); type(Thing); type(Thing())(); zip([1], [2]); object(); Thing(); Thing.p; Thing.method; Thing().method; Thing.made
type(property(lambda self: 1))(lambda self: 2); type(iter([1])); type(gen()); type(gen); type(Thing().method); type([].append)
gen(); gen().send; gen().send(None); list(gen()); (_x for _x in [1]); type(None)(); type(range(1))(3); type(slice(1))(3)
fail(gen().throw, ValueError(1)); fail(gen().send, 1); [].__class__; (lambda: 1).__name__; 'a'.join; str.join; dict.fromkeys('ab')
dict.fromkeys; int.from_bytes(b'a', 'big'); (5).to_bytes(1, 'big'); float.fromhex('1p0'); bytes.fromhex('00'); 'abc'.partition('b')
'a b'.split(); 'a'.encode(); b'a'.decode(); str.maketrans('a', 'b'); 'a'.translate({97: 'b'}); 'abc'.center(9); 'a\tb'.expandtabs(3)
(1.5).as_integer_ratio(); (1.5).hex(); slice(1, 9).indices(5); {}.items; {'a': [1]}.items(); {'a': 1}.keys() & {'a': 2}.keys()
{1, 2} & {2}; {1} | {2}; frozenset('ab') - frozenset('a'); [1].copy(); {'a': [1]}.copy(); {'a': 1}.popitem(); (1, 2).count
super(Square, Square()); type(super(Square, Square())); type(tuple[int]); collections.namedtuple('P', 'x')[int]; NotImplemented; Ellipsis; list[int]; dict[str, int]; int | str; type(list[int]); type(int | str); tuple[int]; Boxed[int]
fail(lambda: 1 / 0); fail(lambda: None.x); fail(lambda: [][1]); fail(lambda: {}['a']); fail(lambda: missing); fail(int, 'x')
fail(lambda: Shape()); fail(json.loads, '{'); fail(re.compile, '('); fail(b'\xff'.decode); fail('\ud800'.encode); fail(statistics.mean, [])
fail(decimal.Decimal, 'x'); fail(lambda: decimal.Decimal(1) / 0); fail(Color, 9); fail(setattr, Point(), 'k'); fail(next, iter([]))
ValueError([1]); KeyError('k').args; OSError(1, 'x', 'f'); SyntaxError('x', ('f', 1, 2, 't'))
UnicodeDecodeError('a', b'', 1, 2, 'x').object; UnicodeTranslateError('a', 1, 2, 'x'); StopIteration([1]).value; ImportError('x', name='n')
AttributeError('x', name='n', obj=[1]).obj; NameError('x', name='n'); ModuleNotFoundError('x'); entered(Context()).seen
abc.ABC; Square(); Square().area; Shape
base64.a85decode(b'00'); base64.a85encode(b'a'); base64.b16decode(b'00'); base64.b16encode(b'a'); base64.b32decode(b'ME======')
base64.b32encode(b'a'); base64.b32hexdecode(b'C4======'); base64.b32hexencode(b'a'); base64.b64decode(b'YQ=='); base64.b64encode(b'a')
base64.b85decode(b'VE'); base64.b85encode(b'a'); base64.decodebytes(b'YQ=='); base64.encodebytes(b'a'); base64.standard_b64decode(b'YQ==')
base64.standard_b64encode(b'a'); base64.urlsafe_b64decode(b'YQ=='); base64.urlsafe_b64encode(b'a')
bisect.bisect([1], 1); bisect.bisect_left([1], 1); bisect.bisect_right([1], 1, key=abs); bisect.insort([1], 1); bisect.insort_left([1], 1)
bisect.insort_right([1], 1); collections.Counter('aab'); collections.Counter('aab').elements(); collections.Counter('aab').most_common()
collections.Counter('a') + collections.Counter('b'); collections.OrderedDict(a=[1]); collections.OrderedDict(a=1).items()
SortedDict(a=1).items(); collections.SortedDict({1: 2}).irange(1); reversed(SortedDict(a=1)); iter(SortedDict(a=1).values())
reversed(collections.OrderedDict(a=1)); collections.OrderedDict(a=1).popitem; collections.defaultdict(list)['a']; collections.defaultdict(list)
collections.defaultdict(list).default_factory; collections.deque([[1]], 3); iter(collections.deque([1])); reversed(collections.deque([1]))
collections.deque([1]).append; collections.namedtuple('P', 'x y', defaults=[1]); collections.namedtuple('P', 'x y')(1, [2]); collections.namedtuple('P', 'x').x
collections.namedtuple('P', 'x')(1)._asdict(); collections.namedtuple('P', 'x')._make([1]); collections.namedtuple('P', 'x')(1)._replace(x=2)
collections.namedtuple('P', 'x', defaults=[1])._field_defaults; collections.namedtuple('P', 'x')._fields
contextlib.closing(Thing()); contextlib.closing(Thing()).thing; entered(contextlib.closing(Thing())); managed; managed(1); entered(managed([1]))
contextlib.contextmanager(gen); contextlib.contextmanager(gen)(); contextlib.nullcontext([1]); entered(contextlib.nullcontext([1])); contextlib.nullcontext(1).enter_result
contextlib.suppress(ValueError); entered(contextlib.suppress(ValueError)); copy.copy([1]); copy.deepcopy([[1]]); copy.copy(Thing()); copy.deepcopy(Point())
dataclasses.Field; dataclasses.FrozenInstanceError('x'); dataclasses.InitVar[int]; fail(dataclasses.InitVar, int); dataclasses.KW_ONLY; dataclasses.MISSING
dataclasses.asdict(Point()); dataclasses.astuple(Point()); dataclasses.dataclass; dataclasses.dataclass(frozen=True); dataclasses.field(default=1)
dataclasses.field(default_factory=list).default_factory; dataclasses.fields(Point); dataclasses.fields(Point)[0]; dataclasses.fields(Point)[2].metadata
dataclasses.fields(Point)[0].default; dataclasses.is_dataclass(Point); dataclasses.replace(Point(), x=2, z=1); Point(); Point; Point.x; Point().y
datetime.date(2024, 1, 2); datetime.date.today(); datetime.date(2024, 1, 2).isocalendar(); datetime.date(2024, 1, 2).timetuple(); datetime.date.max
datetime.date.min.replace; datetime.datetime(2024, 1, 2); datetime.datetime.now(); datetime.datetime.now(datetime.UTC); datetime.datetime.utcnow(); datetime.datetime.today()
datetime.datetime.fromtimestamp(1); datetime.datetime.utcfromtimestamp(1); datetime.datetime.strptime('2024', '%Y'); datetime.datetime.combine(moment, moment.time())
datetime.datetime.fromisoformat('2024-01-02'); moment; moment.date(); moment.time(); moment.timetz(); moment.tzinfo; moment.utcoffset(); moment.dst(); moment.astimezone()
moment.timetuple(); moment.utctimetuple(); moment.strftime('%Y'); moment.timestamp(); moment.ctime(); moment.isocalendar(); moment.resolution; moment - moment
datetime.time(1, 2); datetime.time(1).replace; datetime.time.min; datetime.timedelta(1); datetime.timedelta(1).total_seconds(); datetime.timedelta.max; datetime.timezone.utc
datetime.timezone(datetime.timedelta(1) / 2); datetime.timezone.utc.utcoffset(None); datetime.timezone.utc.fromutc; datetime.tzinfo; fail(datetime.tzinfo); datetime.UTC
decimal.Decimal('1.5'); decimal.Decimal('1.5').as_tuple(); decimal.Decimal('1.5').as_integer_ratio(); decimal.Decimal('1.5').sqrt; decimal.Decimal('1.5').quantize(decimal.Decimal('1'))
decimal.Decimal('1.5').to_eng_string(); decimal.Decimal.from_float(1.5); decimal.Decimal('1.5').real; decimal.Decimal('1.5').imag; decimal.Decimal('1.5').number_class()
decimal.DecimalTuple(0, (1,), 0); decimal.DecimalTuple(0, (1,), 0).digits; decimal.Clamped(); decimal.DecimalException(); decimal.DivisionByZero(); decimal.FloatOperation()
decimal.Inexact(); decimal.InvalidOperation(); decimal.Overflow(); decimal.Rounded(); decimal.Subnormal(); decimal.Underflow()
enum.Enum; enum.Flag; enum.IntEnum; enum.IntFlag; enum.StrEnum; enum.auto(); enum.unique(Color); Color; Color.RED; Color(1); Color['RED']; Color.RED.value; Color.RED.name
Color.__members__; iter(Color); list(Color); Kinds.ONE; Kinds.ONE + 1; Texts.A; Texts.A.upper; Texts.A.upper(); Bits.R; Bits.R | Bits.W; ~Bits.R; iter(Bits.R | Bits.W); IntBits.R
IntBits.R | 8; type(Color); type(Color.RED); type(Kinds.ONE); Kinds.ONE.real; Kinds.ONE.bit_length; fractions.Fraction(1, 2); fractions.Fraction(1, 2).limit_denominator(3)
fractions.Fraction.from_float(0.5); fractions.Fraction.from_decimal(decimal.Decimal(1)); fractions.Fraction(1, 2).numerator; fractions.Fraction(1, 2).as_integer_ratio()
functools.cache(len); cached; cached(1); cached.cache_info(); cached.cache_clear
functools.lru_cache(2); functools.lru_cache(len); limited; limited(1); limited.cache_info(); functools.cmp_to_key(lambda a, b: 0); functools.cmp_to_key(lambda a, b: 0)([1])
functools.partial(fail, [1], a=[2]); functools.partial(fail, [1]).args; functools.partial(fail, a=[2]).keywords; functools.partial(fail).func; functools.partial(list)()
functools.reduce(operator.add, [1, 2]); functools.total_ordering(Ordered); Ordered(); functools.wraps(fail); functools.wraps(fail)(gen); wrapped
hashlib.blake2b(b'a'); hashlib.blake2s(b'a', digest_size=3); hashlib.md5(); hashlib.new('sha256', b'a'); hashlib.sha1(); hashlib.sha224(); hashlib.sha256(b'a'); hashlib.sha384()
hashlib.sha3_224(); hashlib.sha3_256(); hashlib.sha3_384(); hashlib.sha3_512(); hashlib.sha512(); hashlib.shake_128(); hashlib.shake_256(b'a'); hashlib.shake_256(b'a').digest(3)
hashlib.sha256(b'a').copy(); hashlib.sha256(b'a').update; hashlib.sha256(b'a').digest(); heapq.heapify([2, 1]); heapq.heappop([1]); heapq.heappush([1], 2); heapq.heappushpop([1], 2)
heapq.heapreplace([1], 2); heapq.merge([1], [2]); heapq.nlargest(1, [1]); heapq.nsmallest(1, [1]); itertools.accumulate([1]); itertools.chain([[1]]); itertools.chain.from_iterable([[1]])
itertools.combinations([1, 2], 1); itertools.combinations_with_replacement([1], 1); itertools.compress([1], [1]); itertools.count(); itertools.cycle([[1]]); itertools.dropwhile(len, [[]])
itertools.filterfalse(None, [0]); itertools.groupby('aab'); next(itertools.groupby('aab')); next(itertools.groupby('aab'))[1]; itertools.islice([1], 1); itertools.pairwise('ab')
itertools.permutations('ab'); itertools.product('ab', 'c'); itertools.repeat([1]); itertools.starmap(len, [([1],)]); itertools.takewhile(len, [[1]]); itertools.tee([[1]]); itertools.tee([1])[0]
itertools.zip_longest([1], [2, 3]); type(itertools.chain([1])); type(itertools.tee([1])[0]); type(next(itertools.groupby('aab'))[1])
json.JSONDecodeError('m', 'd', 0); json.dumps({'a': [1]}); json.loads('{"a": [1]}')
math.acos(1); math.acosh(1); math.asin(1); math.asinh(1); math.atan(1); math.atan2(1, 1); math.atanh(0); math.cbrt(1); math.ceil(1.5); math.comb(3, 1); math.copysign(1, 2); math.cos(1); math.cosh(1)
math.degrees(1); math.dist([1], [2]); math.erf(1); math.erfc(1); math.exp(1); math.exp2(1); math.expm1(1); math.fabs(1); math.factorial(3); math.floor(1); math.fmod(1, 2); math.frexp(1); math.fsum([1])
math.gamma(1); math.gcd(1, 2); math.hypot(1, 2); math.isclose(1, 2); math.isfinite(1); math.isinf(1); math.isnan(1); math.isqrt(4); math.lcm(1, 2); math.ldexp(1, 2); math.lgamma(1); math.log(1); math.log10(1)
math.log1p(1); math.log2(1); math.modf(1.5); math.nextafter(1, 2); math.perm(3, 1); math.pow(1, 2); math.prod([1]); math.radians(1); math.remainder(1, 2); math.sin(1); math.sinh(1); math.sqrt(1); math.tan(1)
math.tanh(1); math.trunc(1.5); math.ulp(1.0); operator.abs(-1); operator.add(1, 2); operator.and_(1, 2); operator.attrgetter('x'); operator.attrgetter('x', 'p')(Thing()); operator.call(len, [1])
operator.concat([1], [2]); operator.contains([1], 1); operator.countOf([1], 1); operator.delitem({'a': 1}, 'a'); operator.eq(1, 1); operator.floordiv(1, 1); operator.ge(1, 1); operator.getitem([[1]], 0); operator.gt(1, 1)
operator.iadd([1], [2]); operator.iand(1, 1); operator.iconcat([1], [2]); operator.ifloordiv(1, 1); operator.ilshift(1, 1); fail(operator.imatmul, 1, 1); operator.imod(1, 1); operator.imul(1, 1); operator.index(1)
operator.indexOf([1], 1); operator.inv(1); operator.invert(1); operator.ior(1, 1); operator.ipow(1, 1); operator.irshift(1, 1); operator.is_(1, 1); operator.is_not(1, 1); operator.isub(1, 1); operator.itemgetter(0)
operator.itemgetter(0, 1)([[1], 2]); operator.itruediv(1, 1); operator.ixor(1, 1); operator.le(1, 1); operator.lshift(1, 1); operator.lt(1, 1); fail(operator.matmul, 1, 1); operator.methodcaller('method', [1])
operator.methodcaller('method', [1])(Thing()); operator.mod(1, 1); operator.mul(1, 1); operator.ne(1, 1); operator.neg(1); operator.not_(1); operator.or_(1, 1); operator.pos(1); operator.pow(1, 1); operator.rshift(1, 1)
operator.setitem([1], 0, 2); operator.sub(1, 1); operator.truediv(1, 1); operator.truth(1); operator.xor(1, 1); random.Random(1); random.Random(1).getstate(); random.Random(1).random; random.Random(1).seed
random.betavariate(1, 1); random.choice([[1]]); random.choices([[1]]); random.expovariate(1); random.gammavariate(1, 1); random.gauss(0, 1); random.getrandbits(3); random.lognormvariate(0, 1); random.normalvariate(0, 1)
random.paretovariate(1); random.randbytes(2); random.randint(1, 2); random.random(); random.randrange(3); random.sample([1, 2], 1); random.shuffle([1]); random.triangular(); random.uniform(1, 2); random.vonmisesvariate(0, 1)
random.weibullvariate(1, 1); re.Match; re.Pattern; re.compile('a'); pattern; pattern.groupindex; pattern.flags; pattern.findall('ab'); pattern.finditer('ab'); pattern.match; pattern.sub; found; found.re; found.groups(); found.groupdict()
found.regs; found.span(); found.expand(r'\1'); found.string; re.error('x'); re.escape('.'); re.findall('a', 'a'); re.finditer('a', 'a'); next(re.finditer('a', 'a')); re.fullmatch('a', 'a'); re.match('a', 'a'); re.search('a', 'a')
re.split('a', 'bab'); re.sub('a', 'b', 'a'); re.sub('(a)', lambda m: m.group(1), 'a'); re.subn('a', 'b', 'a'); statistics.StatisticsError('x'); statistics.correlation([1, 2], [1, 3]); statistics.covariance([1, 2], [1, 3])
statistics.fmean([1]); statistics.geometric_mean([1]); statistics.harmonic_mean([1]); statistics.linear_regression([1, 2], [1, 3]); statistics.mean([1]); statistics.median([1]); statistics.median_grouped([1]); statistics.median_high([1])
statistics.median_low([1]); statistics.mode([1]); statistics.multimode([1]); statistics.pstdev([1]); statistics.pvariance([1]); statistics.quantiles([1, 2]); statistics.stdev([1, 2]); statistics.variance([1, 2])
statistics.mean([fractions.Fraction(1, 2)]); statistics.mean([decimal.Decimal(1)]); string.capwords('a b'); textwrap.dedent(' a'); textwrap.fill('a b'); textwrap.indent('a', ' '); textwrap.shorten('a b', 5); textwrap.wrap('a b')
time.asctime(); time.ctime(); time.gmtime(); time.gmtime().tm_zone; time.localtime(); time.mktime(time.gmtime()); time.monotonic(); time.monotonic_ns(); time.perf_counter(); time.perf_counter_ns(); time.process_time()
time.process_time_ns(); time.strftime('%Y'); time.strptime('2024', '%Y'); time.struct_time(range(9)); time.time(); time.time_ns(); type(time.gmtime())
typing.NewType('N', int); typing.NewType('N', int)(1); typing.TypeVar('T'); typing.ParamSpec('P'); typing.TypeVarTuple('Ts'); typing.cast(int, [1]); fail(typing.assert_never, 1); typing.final(Thing); typing.no_type_check(len)
typing.overload(len); typing.runtime_checkable(Told); typing.Generic; typing.Protocol; typing.Generic[int]; typing.Optional[int]; typing.Union[int, str] | None; typing.Any; typing.Annotated[int, 1]; typing.List[int]; Boxed(); Told; Thing().last
typing.AnyStr; typing.TypeVar; typing.Callable[[int], str]; typing.ClassVar[int]; typing.Literal['a']; typing.Self; typing.Dict; typing.SupportsInt; Thing().over; Thing().unchecked
uuid.UUID(int=5); uuid.UUID(int=5).bytes; uuid.UUID(int=5).fields; uuid.UUID(int=5).urn; uuid.uuid3(uuid.NAMESPACE_DNS, 'a'); uuid.uuid4(); uuid.uuid5(uuid.NAMESPACE_DNS, 'a'); uuid.NAMESPACE_URL; uuid.NAMESPACE_X500; uuid.NAMESPACE_OID
collections.ChainMap({'a': [1]}); collections.UserDict(a=1); collections.UserList([1]); functools.cached_property(lambda self: 1)
functools.singledispatch(fail); typing.NamedTuple('P', [('x', int)])(1); typing.TypedDict(a=1)
isinstance([1], collections.abc.Collection); isinstance((1,), typing.Collection); isinstance([1], collections.abc.Container); isinstance((1,), typing.Container)
isinstance([1], collections.abc.Generator); isinstance((1,), typing.Generator); isinstance([1], collections.abc.Hashable); isinstance((1,), typing.Hashable); isinstance([1], collections.abc.ItemsView); isinstance((1,), typing.ItemsView)
isinstance([1], collections.abc.Iterable); isinstance((1,), typing.Iterable); isinstance([1], collections.abc.Iterator); isinstance((1,), typing.Iterator); isinstance([1], collections.abc.KeysView); isinstance((1,), typing.KeysView)
isinstance([1], collections.abc.Mapping); isinstance((1,), typing.Mapping); isinstance([1], collections.abc.MappingView); isinstance((1,), typing.MappingView); isinstance([1], collections.abc.MutableMapping); isinstance((1,), typing.MutableMapping)
isinstance([1], collections.abc.MutableSequence); isinstance((1,), typing.MutableSequence); isinstance([1], collections.abc.MutableSet); isinstance((1,), typing.MutableSet); isinstance([1], collections.abc.Reversible); isinstance((1,), typing.Reversible)
isinstance([1], collections.abc.Sequence); isinstance((1,), typing.Sequence); isinstance([1], collections.abc.Set); isinstance((1,), typing.Set); isinstance([1], collections.abc.Sized); isinstance((1,), typing.Sized)
isinstance([1], collections.abc.ValuesView); isinstance((1,), typing.ValuesView)
isinstance(len, collections.abc.Callable); isinstance([1], typing.AbstractSet); isinstance([1], typing.Counter); isinstance([1], typing.DefaultDict); isinstance([1], typing.Deque); isinstance([1], typing.FrozenSet); isinstance([1], typing.OrderedDict); isinstance([1], typing.Tuple)
"""
# fmt: on


def samples() -> list[str]:
    return [part.strip() for line in SAMPLES.strip().split("\n") for part in line.split("; ") if part.strip()]


def world(evaluate: Callable[[str], Any]) -> list[tuple[str, Any]]:
    """Return each sample with its value, all from one run of one snippet."""
    parts = samples()
    thunks = evaluate(f"{SETUP}[{', '.join(f'lambda: {part}' for part in parts)}]")
    return [(part, thunk()) for part, thunk in zip(parts, thunks, strict=True)]
