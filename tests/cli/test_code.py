"""history, source and code: the functions and classes of a server, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run, Server, run_command


def test_history_and_source_of_a_name(run: Run) -> None:
    run("eval", "def half(x):\n    return x / 2")
    run("eval", "def half(x):\n    return x // 2")
    lines = run("history", "half").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert all(line.endswith("def half(x): ...") for line in lines)
    assert "return x // 2" in run("history", "half", "--full").stdout
    assert [version["version"] for version in json.loads(run("history", "half", "--json").stdout)] == [1, 2]
    assert run("source", "half").stdout == "def half(x):\n    return x // 2\n"
    assert run("source", "half", "--version", "1").stdout == "def half(x):\n    return x / 2\n"
    assert json.loads(run("source", "half", "--json").stdout) == "def half(x):\n    return x // 2"
    for wrong in (["history", "nothing"], ["source", "half", "--version", "3"]):
        result = run(*wrong)
        assert (result.returncode, result.stdout) == (1, "")
    assert "it has versions 1 to 2" in result.stderr


def test_shell_shows_history_and_source(run: Run) -> None:
    run("eval", "def third(x): return x / 3")
    result = run("shell", input=":source third\n:history third\n:source third 1\n")
    assert result.returncode == 0
    assert result.stdout.count("def third(x): return x / 3") == 3
    assert run("shell", input=":source\n").returncode == 1


def test_folder_comes_back_as_it_was(own_server: Server, tmp_path: Path) -> None:
    def run(*arguments: str, input: str = "") -> str:
        result = run_command(arguments, own_server.address, tmp_path, input)
        assert result.returncode == 0, result.stderr
        return result.stdout

    run("eval", "import math\nfrom math import sqrt as root\nlimit = 3\n"
        "class Base:\n    n = 1\n\n\nclass Circle(Base):\n    def area(self, r=limit):\n        return math.pi * r\n"
        "def keep(function): return function\n@keep\ndef total(xs): return sum(xs)\n"
        "if limit:\n    def inner(x):\n        return '''a\nb''' + x\n")  # fmt: skip
    run("code", "export", "code")
    folder = tmp_path / "code"
    assert sorted(path.name for path in folder.iterdir()) == [
        "Base.py", "Circle.py", "_imports.py", "inner.py", "keep.py", "total.py",
    ]  # fmt: skip
    assert (folder / "_imports.py").read_text() == "import math\nfrom math import sqrt as root\n"
    assert (folder / "total.py").read_text() == "@keep\ndef total(xs): return sum(xs)\n"
    assert run("code", "diff", "code") == ""
    run("code", "import", "code")

    # Comments around a definition are left alone; a new class that others need is defined before them.
    circle = (folder / "Circle.py").read_text()
    (folder / "Circle.py").write_text("# round\n" + circle.replace("(Base)", "(Zero, Base)"))
    (folder / "Zero.py").write_text("class Zero:\n    z = 0\n")
    (folder / "keep.py").unlink()
    (folder / "_imports.py").write_text("from math import floor\n")
    shown = run("code", "diff", "code")
    assert "--- server/Circle.py\n+++ code/Circle.py\n@@ -1,3 +1,3 @@\n-class Circle(Base):\n" in shown
    assert "--- /dev/null\n+++ code/Zero.py\n" in shown
    assert run_command(["code", "diff", "code", "--exit-code"], own_server.address, tmp_path).returncode == 1
    assert run_command(["code", "import", "code"], own_server.address, tmp_path, "n\n").returncode == 1
    assert run("code", "diff", "code") == shown
    assert run("code", "import", "code", input="y\n") == shown
    assert run("query", "[Circle().z, Circle().n, floor(3.5), math.floor(3.5)]") == "[0, 1, 3, 3]\n"
    assert run("code", "diff", "code") == ""
    assert run("code", "import", "code", "--delete", "--yes").count("+++ /dev/null") == 3
    assert run_command(["query", "keep"], own_server.address, tmp_path).returncode == 1
    assert (folder / "Circle.py").read_text().startswith("# round\n")
    run("code", "export", "code")
    assert (folder / "Circle.py").read_text().startswith("# round\n")


def test_folder_goes_into_an_empty_server(own_server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "A.py").write_text("class A(B):\n    n = start()\n")
    (folder / "B.py").write_text("class B: pass\n")
    (folder / "start.py").write_text("def start(): return other()\n")
    (folder / "other.py").write_text("def other(): return 5\n")
    result = run_command(["code", "import", "code", "--yes"], own_server.address, tmp_path)
    assert (result.returncode, result.stderr) == (0, "4 defined: A, B, other, start\n")
    assert run_command(["query", "A.n"], own_server.address, tmp_path).stdout == "5\n"
    versions = json.loads(run_command(["history", "A", "--json"], own_server.address, tmp_path).stdout)
    assert [version["version"] for version in versions] == [1]


def test_import_is_all_or_nothing(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "aa.py").write_text("def aa(): pass\n")
    (folder / "bb.py").write_text("class bb:\n    n = 1 / 0\n")
    result = run("code", "import", "code", "--yes")
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr
    assert run("query", "aa").returncode == 1


def test_folder_that_is_not_one_is_refused_by_file(run: Run, tmp_path: Path) -> None:
    for name, text, message in [
        ("x.py", "def y(): pass\n", "x.py must hold the definition of 'x' and nothing else"),
        ("x.py", "def x(:\n", "x.py, line 1"),
        ("x.py", "class x(y): pass\nclass y(x): pass\n", "x.py must hold"),
        ("_imports.py", "import math\nx = 1\n", "_imports.py, line 2: only imports stand here"),
    ]:
        folder = tmp_path / "code"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        result = run("code", "import", "code", "--yes")
        assert (result.returncode, message in result.stderr) == (1, True), result.stderr
        (folder / name).unlink()
    (folder / "a.py").write_text("class a(b): pass\n")
    (folder / "b.py").write_text("class b(a): pass\n")
    assert "these need each other" in run("code", "import", "code", "--yes").stderr
    assert "code export" in run("code", "diff", "nothing").stderr
