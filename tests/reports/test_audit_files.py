"""Files and printed answer of an audit: one result behind all of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from memlab.audit.assessment import audit_result
from memlab.audit.protocol import read_protocol
from memlab.audit.result import AuditResult
from memlab.audit.result_file import read_result
from memlab.reports.audit import write_audit
from memlab.reports.audit_text import print_audit, tau_text
from memlab.stats.measures import Statistic
from tests.builders.audit_tables import audit_tables

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of an audit of 80 of 200 images; objects are not run, one swap is out of range."""
    protocol = replace(read_protocol(), resamples=200)
    strength = {"face": 0.2, "colour_background": 0.8}
    rows, conditions, records = audit_tables(
        protocol, strength, 80, table=200, fills=2, draws=3, skip=frozenset({"object"})
    )
    wild = conditions["condition"] == "swap_background@1:swap"
    conditions.loc[wild, "predicted"] += 25
    folder = tmp_path_factory.mktemp("audit")
    result = audit_result(rows, conditions, records, protocol, 0)
    write_audit(result, folder, rows, conditions, records)
    return folder


@pytest.fixture(scope="module")
def result(folder: Path) -> AuditResult:
    return read_result(folder)


def test_the_page_is_one_file_with_the_answer(folder: Path, result: AuditResult) -> None:
    page = (folder / "audit.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert all(re.search(r'alt="[^"]+"', image) for image in re.findall(r"<img[^>]*>", page))
    assert result.verdict.shows in page
    assert "out of distribution" in page
    for one in result.features:
        assert one.label in page


def test_every_number_of_the_table_is_in_the_file(folder: Path, result: AuditResult) -> None:
    table = pd.read_csv(folder / "features.csv").set_index("name")
    for one in result.features:
        line = table.loc[one.name]
        assert line["claim"] == one.claim.claim
        if one.variance_share.value is None:
            assert pd.isna(line["variance_share"])
            assert one.variance_share.reason in line["reason"]
        else:
            assert line["variance_share"] == one.variance_share.value
    assert {"target", "swap"} <= set(pd.read_csv(folder / "effects.csv")["role"])


def test_what_is_printed_fits_and_names_what_is_missing(
    folder: Path, result: AuditResult, capsys: pytest.CaptureFixture[str]
) -> None:
    print_audit(result, folder)
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 100 + len(str(folder))
    assert f"verdict: {result.verdict.verdict}" in text
    assert "no T: objects: not run" in text
    assert "P(rank 1)" in text


def test_the_page_ends_its_sentences_once_and_names_features_by_label(folder: Path) -> None:
    page = (folder / "audit.html").read_text(encoding="utf-8")
    text = re.sub(r"<[^>]+>", "", page)
    assert not re.search(r"[^.]\.\.(\s|$)", text)
    assert "Faces: " in text
    assert not re.search(r"^(face|person|text): ", text, re.MULTILINE)


def test_an_order_that_no_resample_changes_is_said_in_words() -> None:
    fixed = Statistic(-0.17, 50, -0.17, -0.17)
    assert tau_text(fixed) == "-.17 (the same order in all resamples)"
    assert "[" in tau_text(replace(fixed, low=-0.5))
    assert tau_text(Statistic(None, 0, reason="no order")) == "none: no order"


def test_control_characters_of_a_result_do_not_reach_the_terminal(
    result: AuditResult, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "clear \x1b[2J\x1b]0;title\x07\x9b1m"
    first = replace(result.features[0], label=evil)
    foreign = replace(result, notes=[evil], features=[first, *result.features[1:]])
    print_audit(foreign)
    out = capsys.readouterr().out
    assert "clear ?[2J" in out
    assert not any(one in out for one in "\x1b\x07\x9b")
