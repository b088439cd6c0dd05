"""diff: two files of rows side by side, and a diff applied."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

OLD = 'id,name,amount\n1,Oslo,1.5\n2,Lima,2\n3,"a, b",\n'
NEW = "id,name,amount\n4,new,7\n1,Oslo ,1.5\n2,Lima,2.001\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    paths = tmp_path / "old.csv", tmp_path / "new.csv"
    for path, text in zip(paths, (OLD, NEW), strict=True):
        path.write_text(text)
    return str(paths[0]), str(paths[1])


def run(*args: str, **options: Any) -> tuple[int, str]:
    """The exit code and what was printed."""
    printed = StringIO()
    try:
        call_command("diff", *args, stdout=printed, stderr=StringIO(), **options)
    except SystemExit as ended:
        return int(ended.code or 0), printed.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, printed.getvalue()


def test_a_difference_is_told_cell_by_cell_and_in_the_exit_code(files):
    code, text = run(*files, "--key", "id")
    assert code == 1
    assert "2 changed, 1 missing, 1 unexpected" in text
    assert "'Oslo '" in text  # the space at the end is seen
    assert run(files[0], files[0], "--key", "id") == (0, "actual equals expected: 3 rows\n")


def test_options_say_what_is_the_same(files):
    assert run(*files, "--key", "id", "--tolerance", "0.01", "--ignore", "name", "--class", "changed")[1].startswith(
        "actual differs from expected: 1 missing, 1 unexpected\n"
    )
    options = json.dumps({"matchers": [{"attribute": "amount", "matcher": {"$any": True}}], "mode": "subset"})
    assert "1 changed, 1 missing" in run(*files, "--key", "id", "--options", options)[1]


def test_every_form_has_the_same_rows(files, tmp_path):
    document = json.loads(run(*files, "--key", "id", "--output", "json")[1])
    lines = run(*files, "--key", "id", "--output", "ndjson")[1].splitlines()
    assert [row["class"] for row in document["rows"]] == [json.loads(line)["class"] for line in lines]
    assert not document["rows_truncated"]
    assert len(run(*files, "--key", "id", "--output", "csv")[1].splitlines()) == 1 + len(lines)
    target = tmp_path / "rows.parquet"
    assert run(*files, "--key", "id", "--output", "parquet", "--file", str(target))[0] == 1
    assert target.read_bytes().startswith(b"PAR1")


def test_formats_may_differ(files, tmp_path):
    rows = [{"amount": 2.0, "id": 2, "name": "Lima"}, {"id": 1, "name": "Oslo", "amount": 1.5}]
    (tmp_path / "rows.ndjson").write_text("\n".join(map(json.dumps, [*rows, {"id": 3, "name": "a, b"}])))
    assert run(files[0], str(tmp_path / "rows.ndjson"))[0] == 0


@pytest.mark.parametrize("file_format", ["csv", "ndjson", "parquet"])
def test_the_diff_applied_gives_the_other_file(files, tmp_path, file_format):
    patch, target = tmp_path / "patch.ndjson", tmp_path / f"made.{file_format}"
    run(*files, "--key", "id", "--output", "ndjson", "--file", str(patch))
    assert run(files[0], "--patch", str(patch), "--output", file_format, "--file", str(target))[0] == 0
    assert run(files[1], str(target), "--key", "id")[0] == 0
    code, text = run(files[1], "--patch", str(patch))
    assert (code, "row 1 is not as the patch found it" in text) == (1, True)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--key", "idd"], "did you mean 'id'"),
        (["--class", "gone"], "allowed: changed, missing"),
        (["--limit", "0"], "at least 1"),
        (["--options", "{"], "no JSON"),
        (["--options", "[]"], "an object"),
        (["--tolerance", "-1"], "minimum is 0"),
        (["--tolerance", "nan"], "finite"),
        (["--output", "parquet"], "--file"),
        (["--patch", "p"], "one and --patch"),
    ],
)
def test_wrong_usage_is_told(files, args, words):
    code, text = run(*files, *args)
    assert (code, words in text) == (2, True), text


def test_a_file_that_is_not_there_is_told(files):
    assert run(files[0], "nowhere.csv")[0] == 2
    assert run(files[0])[0] == 2
