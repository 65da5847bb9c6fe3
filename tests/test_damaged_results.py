"""Results, tables and configurations that are damaged: one line, or computed again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from memlab.errors import MemlabError
from memlab.reading import read_json, read_yaml
from memlab.reports.tested import read_tested
from tests.builders.commands import QUIET

TEST = [*QUIET, "--data.num_workers=0", "--ablation", "none", "--maps", "0"]

LOOP = "data: &d {root: *d}\n"

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]\n" for n in range(1, 12)
)

MERGED = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 8)}]}}\n" for n in range(1, 12)
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LOOP, "it refers to itself"),
        (BOMB, "its aliases stand for more than 1000000 values"),
        (MERGED, "its aliases stand for more than 1000000 values"),
        ("[" * 1200, "nested too deep"),
        ("a: [", "not YAML"),
        ("\ud800", "not text in UTF-8"),
        ("!!python/object/apply:os.system ['touch RUN']", "not YAML"),
        ("", "not a configuration"),
        ("- a", "not a configuration"),
        ("model: 5", "model is 5"),
        ("model: {}\ndata: [1]", r"data is \[1\]"),
        ("trainer: {1: 2}\nmodel: {}\ndata: {}", "the key 1 is no name"),
    ],
)
def test_a_damaged_configuration_is_named(
    content: str, message: str, finished: Path, failing: Callable[..., str]
) -> None:
    path = finished / "fit" / "config.yaml"
    for place in (path, Path("own.yaml")):
        place.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(MemlabError, match=message):
        read_yaml(path) if content and content[0] not in "-mt" else _fail(path)
    assert f"{path}: " in failing("test", "--run", str(finished))
    assert "own.yaml: " in failing("fit", "--config", "own.yaml")
    assert not Path("RUN").exists()


def _fail(path: Path) -> None:
    from memlab.reading import read_config

    read_config(path, recorded=True)


def test_a_value_in_a_runs_configuration_is_named_with_the_file(
    finished: Path, failing: Callable[..., str]
) -> None:
    path = finished / "fit" / "config.yaml"
    tree = yaml.safe_load(path.read_text())
    tree["data"]["batch_size"] = "many"
    path.write_text(yaml.safe_dump(tree))
    said = failing("test", "--run", str(finished), *TEST)
    assert said == f"memlab: {path}: --data.batch_size: expected int, got 'many'"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "where fields were expected"),
        ('{"schema": 2}', "no 'command' in it"),
        ('{"schema": 1}', "damaged results of schema 1: no 'data' in it"),
        ({"metrics": []}, r"metrics is \[\], not a mapping"),
        ({"metrics": {"spearman": {"value": "x"}}}, "metrics.spearman.value is 'x', not a number"),
        ({"conditions": [5]}, "conditions.0 is 5, not a mapping"),
        ({"conditions": [{"condition": "blur"}]}, "no 'conditions.blur.ablation' in it"),
        ({"n": "many"}, "n is 'many', not a whole number"),
        ({"schema": 99}, "schema 99, this memlab reads 1 and 2"),
    ],
)
def test_damaged_results_are_named(
    content: str | dict, message: str, finished: Path, run: Path
) -> None:
    path = finished / "fit" / "results.json"
    whole = json.loads(path.read_text())
    path.write_text(content if isinstance(content, str) else json.dumps(whole | content))
    with pytest.raises(MemlabError, match=message) as raised:
        read_tested(finished)
    assert str(raised.value).startswith(f"{path}: ")


def test_results_that_lack_an_entry_are_a_line(
    finished: Path, run: Path, failing: Callable[..., str]
) -> None:
    path = finished / "fit" / "results.json"
    whole = json.loads(path.read_text())
    path.write_text(json.dumps(whole | {"model": {}}))
    for command in (["compare", str(finished), str(run)], ["attributes", str(finished)]):
        assert "damaged: no 'model.class_path' in it" in failing(*command)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "used"),
    [
        ("rows", ["id", "score", "predicted"]),
        ("conditions", ["condition", "role", "id", "eligible", "predicted"]),
    ],
)
def test_a_flipped_byte_in_rows_is_found(name: str, used: list[str], finished: Path) -> None:
    path = finished / "fit" / f"{name}.parquet"
    whole = path.read_bytes()
    frame = pd.read_parquet(path)
    for place in range(4, len(whole), len(whole) // 40):
        changed = bytearray(whole)
        changed[place] ^= 16
        path.write_bytes(bytes(changed))
        try:
            read_tested(finished)
        except MemlabError:
            continue
        else:  # a byte of the footer that changes no value that memlab reads
            pd.testing.assert_frame_equal(pd.read_parquet(path)[used], frame[used])
    path.unlink()
    (path.with_suffix(".csv")).write_text("id\n1\n")
    with pytest.raises(MemlabError, match=rf"{name}\.csv: damaged: no column"):
        read_tested(finished)


def test_other_json_files_are_named(failing: Callable[..., str]) -> None:
    Path("many").mkdir()
    for content, message in (
        ("[1]", "where fields were expected"),
        ('{"over": "seed", "members": "x", "arguments": []}', "members is 'x', not a list"),
        ('{"over": "x", "members": [1], "arguments": []}', "over is 'x'"),
        ("{", "not JSON"),
    ):
        Path("many/repeat.json").write_text(content)
        assert message in failing("repeat", "--run", "many")
        Path("many/asked.json").write_text(content)
        assert "many/asked.json: " in failing("study", "--out", "many")
    Path("x.json").write_bytes(b"\xef\xbb\xbf{}")  # as Windows editors write it
    assert read_json(Path("x.json")) == {}
