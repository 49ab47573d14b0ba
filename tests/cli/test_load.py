"""load: what is acknowledged is there, what is not there is named, and going on completes it."""

from __future__ import annotations

import itertools
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from objserver.client import RemoteError, connect

from .conftest import COMMAND, SECONDS_MAX, Run, Server, environment, run_command

CITIES = {
    str(n): {"name": f"city {n}", "alternatenames": [f"a{n}", "ö" * (n % 7)], "population": n} for n in range(1234)
}


def query(run: Run, source: str) -> Any:
    result = run("query", source, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def lines(values: Any) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def test_object_becomes_a_dict_under_its_own_keys_in_order(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cities.json").write_text(json.dumps(CITIES))
    result = run("load", "cities.json", "--into", "cities")
    assert result.returncode == 0, result.stderr
    assert re.fullmatch(r"1,234 records into cities in \d+\.\d s \([\d,]+/s\)\n", result.stdout)
    assert list(query(run, "cities").items()) == list(CITIES.items())


def test_lines_become_a_list(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(lines(CITIES.values()))
    assert run("load", "events.jsonl", "--into", "events").returncode == 0
    assert query(run, "events") == list(CITIES.values())


def test_key_makes_a_dict_of_lines(run: Run) -> None:
    result = run("load", "-", "--format", "jsonl", "--into", "by_name", "--key", "name", input=lines(CITIES.values()))
    assert result.returncode == 0, result.stderr
    assert query(run, "by_name") == {city["name"]: city for city in CITIES.values()}


def test_rows_are_texts_unless_numbers_are_asked_for(run: Run) -> None:
    table = "id,size,zip\n1,2.5,007\n2,x,9\n"
    arguments = ["load", "-", "--format", "csv", "--into"]
    assert run(*arguments, "texts", input=table).returncode == 0
    assert query(run, "texts") == [{"id": "1", "size": "2.5", "zip": "007"}, {"id": "2", "size": "x", "zip": "9"}]
    assert run(*arguments, "typed", "--key", "id", "--numbers", input=table).returncode == 0
    assert query(run, "typed[1]") == {"id": 1, "size": 2.5, "zip": "007"}
    assert query(run, "typed[2]") == {"id": 2, "size": "x", "zip": 9}


def test_value_keeps_one_field(run: Run) -> None:
    arguments = ["load", "-", "--format", "csv", "--into", "counts", "--key", "word", "--value", "count", "--numbers"]
    assert run(*arguments, input="word,count\na,1\nb,2\n").returncode == 0
    assert query(run, "counts") == {"a": 1, "b": 2}


def test_summary_as_json_counts_what_was_replaced(run: Run) -> None:
    records = lines([{"k": 1}, {"k": 2}, {"k": 1}])
    result = run("load", "-", "--format", "jsonl", "--into", "few", "--key", "k", "--json", input=records)
    figures = json.loads(result.stdout)
    assert (figures["records"], figures["replaced"]) == (3, 1)
    assert figures["seconds"] >= 0


def test_big_integers_and_odd_texts_arrive_exactly(run: Run) -> None:
    values = [2**70, -(2**63) - 1, "\u0000\u2028", {"$set": [1]}, {"$$": {"$ref": 3}}, 0.1, -0.0]
    assert run("load", "-", "--format", "json", "--into", "odd", input=json.dumps(values)).returncode == 0
    assert run("query", "odd").stdout == repr(values) + "\n"


def test_tagged_values_are_read_when_asked_for(run: Run) -> None:
    document = '{"$dict": [[1, {"$set": [2]}], [{"$tuple": [1, 2]}, {"$$x": null}]]}'
    result = run("load", "-", "--format", "json", "--tagged", "--into", "tagged", input=document)
    assert result.returncode == 0, result.stderr
    assert query(run, "tagged") == json.loads(document)


def test_tag_that_is_no_value_is_named_with_its_place(run: Run) -> None:
    result = run("load", "-", "--format", "jsonl", "--tagged", "--into", "no_root", input='1\n{"$class": "Queue"}\n')
    assert result.returncode == 1
    assert "line 2" in result.stderr


def test_root_that_exists_is_left_alone_unless_told(run: Run) -> None:
    run("eval", "taken = {'a': 1}")
    arguments = ["load", "-", "--format", "json", "--into", "taken"]
    refused = run(*arguments, input='{"b": 2}')
    assert refused.returncode == 1
    assert "--append" in refused.stderr
    assert "--replace" in refused.stderr
    assert query(run, "taken") == {"a": 1}
    assert run(*arguments, "--append", input='{"b": 2, "a": 3}').returncode == 0
    assert query(run, "taken") == {"a": 3, "b": 2}
    assert run(*arguments, "--replace", input='{"c": 4}').returncode == 0
    assert query(run, "taken") == {"c": 4}
    assert run(*arguments, "--append", input="[5]").returncode == 1
    assert run(*arguments, "--replace", input="[5]").returncode == 0
    assert run(*arguments, "--append", input="[6]").returncode == 0
    assert query(run, "taken") == [5, 6]


def test_file_without_records_makes_an_empty_root(run: Run) -> None:
    assert run("load", "-", "--format", "csv", "--into", "nothing", input="a,b\n").returncode == 0
    assert query(run, "nothing") == []


@pytest.mark.parametrize("name", ["batch", "records", "root", "count", "k0", "größe", "ﬁve"])
def test_any_root_name_works(run: Run, name: str) -> None:
    """Parameters of the loading snippets must not hide the root."""
    assert run("load", "-", "--format", "json", "--into", name, input="[1, 2]").returncode == 0
    assert query(run, name) == [1, 2]


def test_bad_record_is_named_and_the_rest_of_its_batch_is_not_sent(run: Run, tmp_path: Path) -> None:
    good = [{"k": n} for n in range(2600)]
    (tmp_path / "bad.jsonl").write_text(lines(good[:2550]) + "{oops\n" + lines(good[2550:]))
    result = run("load", "bad.jsonl", "--into", "partly", "--key", "k")
    assert result.returncode == 1
    assert "bad.jsonl, line 2551: " in result.stderr
    assert "2,000 records are acknowledged" in result.stderr
    assert query(run, "list(partly)") == list(range(2000))
    (tmp_path / "bad.jsonl").write_text(lines(good))
    assert run(*command_to_go_on(result.stderr)).returncode == 0
    assert query(run, "list(partly)") == list(range(2600))


@pytest.mark.parametrize(
    ("record", "reason"),
    [('{"x": 1}', "lacks 'k'"), ("[1]", "not an object"), ('{"k": null}', "the key is None"),
     ('{"k": [1]}', "the key is [1]"), ('{"k": true}', "the key is True")],
)  # fmt: skip
def test_record_without_a_usable_key_is_refused(run: Run, record: str, reason: str) -> None:
    result = run("load", "-", "--format", "jsonl", "--into", "unkeyed", "--key", "k", input='{"k": 1}\n' + record)
    assert result.returncode == 1
    assert "line 2" in result.stderr
    assert reason in result.stderr
    assert run("query", "unkeyed").returncode == 1


def test_record_too_large_for_a_frame_is_refused(run: Run) -> None:
    result = run("load", "-", "--format", "json", "--into", "large", input=json.dumps(["x", "y" * 17_000_000]))
    assert result.returncode == 1
    assert "-, record 2 and what follows: " in result.stderr
    assert "0 records are acknowledged" in result.stderr


def test_skip_leaves_out_the_first_records(run: Run) -> None:
    arguments = ["load", "-", "--format", "json", "--into", "skipped", "--skip", "3"]
    assert run(*arguments, input="[0, 1, 2, 3, 4]").returncode == 0
    assert query(run, "skipped") == [3, 4]


def test_progress_is_shown_on_a_terminal(server: Server, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [*COMMAND, "load", "-", "--format", "jsonl", "--into", "shown"], input=lines(map(record, range(5000))),
            stdout=subprocess.PIPE, stderr=slave, text=True, timeout=SECONDS_MAX,
            cwd=tmp_path, env={**environment(server.address, tmp_path), "TERM": "xterm"},
        )  # fmt: skip
        shown = os.read(master, 65536)
    finally:
        os.close(slave)
        os.close(master)
    assert done.returncode == 0
    assert b"records" in shown
    assert done.stdout.startswith("5,000 records into shown")


def command_to_go_on(stderr: str) -> list[str]:
    found = re.search(r"go on with:\n  objserver (.*)", stderr)
    assert found, stderr
    return shlex.split(found[1])


def record(number: int) -> dict[str, Any]:
    return {"k": number, "text": "x" * (number % 300)}


class EndlessLoad:
    """A load whose input never ends, so that whatever happens to it happens in the middle."""

    def __init__(self, server: Server, home: Path, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "load", "-", "--format", "jsonl", "--into", "fed", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=home, env=environment(server.address, home),
        )  # fmt: skip
        self._feeder = threading.Thread(target=self._feed)
        self._feeder.start()

    def _feed(self) -> None:
        assert self.process.stdin
        try:
            for start in itertools.count(0, 100):
                self.process.stdin.write(lines(map(record, range(start, start + 100))))
        except BrokenPipeError:
            pass

    def end(self) -> tuple[int, int, str]:
        """Return the status, the count of acknowledged records it names, and its last words."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.process.wait(SECONDS_MAX)
        self._feeder.join(SECONDS_MAX)
        stderr = self.process.stderr.read()
        self.process.stdout.close()
        self.process.stderr.close()
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass  # what was written last is still in the buffer, and nobody reads it
        found = re.search(r"([\d,]+) records are acknowledged", stderr)
        assert found, stderr
        return self.process.returncode, int(found[1].replace(",", "")), stderr


def wait_for(server: Server, condition: str) -> None:
    """Ask until `condition` is true on the server; a load is under way and every question takes its turn in it."""
    deadline = time.monotonic() + SECONDS_MAX
    with connect(server.address) as client:
        while time.monotonic() < deadline:
            try:
                if client.query(condition):
                    return
            except RemoteError:
                pass  # the root is not there yet
    raise AssertionError(f"{condition} never became true")


def ask(server: Server, source: str) -> Any:
    with connect(server.address) as client:
        return client.query(source)


def go_on_to(total: int, arguments: list[str], server: Server, home: Path) -> None:
    done = run_command(arguments, server.address, home, lines(map(record, range(total))))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("options", [(), ("--key", "k")], ids=["list", "dict"])
def test_killed_server_keeps_every_acknowledged_batch_and_none_in_half(
    own_server: Server, tmp_path: Path, options: tuple[str, ...]
) -> None:
    load = EndlessLoad(own_server, tmp_path, *options)
    wait_for(own_server, "len(fed) >= 5000")
    own_server.kill()
    status, acknowledged, stderr = load.end()
    assert status == 1

    own_server.start()
    keys = ask(own_server, "list(fed)" if options else "[r['k'] for r in fed]")
    assert keys == list(range(len(keys)))
    assert len(keys) >= acknowledged
    assert len(keys) % 500 == 0

    arguments = command_to_go_on(stderr)
    if not options:  # requests under way may have run: the message says how to count them
        question = re.search(r"objserver query .*'(.*)'", stderr)
        assert question
        arguments[-1] = str(ask(own_server, question[1]))
    total = len(keys) + 1234
    go_on_to(total, arguments, own_server, tmp_path)
    assert ask(own_server, "list(fed)" if options else "[r['k'] for r in fed]") == list(range(total))


@pytest.mark.parametrize("options", [(), ("--key", "k")], ids=["list", "dict"])
def test_interrupted_load_says_exactly_what_is_there(
    own_server: Server, tmp_path: Path, options: tuple[str, ...]
) -> None:
    load = EndlessLoad(own_server, tmp_path, *options)
    wait_for(own_server, "len(fed) >= 5000")
    load.process.send_signal(signal.SIGINT)
    status, acknowledged, stderr = load.end()
    assert status == 130
    assert ask(own_server, "len(fed)") == acknowledged
    go_on_to(acknowledged + 1234, command_to_go_on(stderr), own_server, tmp_path)
    assert ask(own_server, "len(fed)") == acknowledged + 1234
