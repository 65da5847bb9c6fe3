"""How far long work is: one line on a terminal, a line now and then in a file."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from memlab import progress

LONG = "remove_people@1(fill=harmonic,margin=3.0)[people without faces]:round-trip"
WORK = f"""
import time
from memlab.progress import progress
with progress("Changed images", 12960) as advance:
    advance(0, "blur@2")
    for _ in range(8):
        time.sleep(0.15)
        advance(1000, "{LONG}")
"""


@pytest.mark.parametrize("columns", [80, 120])
def test_a_terminal_shows_one_line_with_rate_time_left_and_what_is_done(columns: int) -> None:
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    environment = {name: text for name, text in os.environ.items() if name != "COLUMNS"}
    environment |= {"TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WORK], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # Linux's end of file
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0, shown
    text = shown.decode()
    first, last = text.index("Changed"), text.rindex("Changed")
    assert "\n" not in text[first:last]
    frames = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", one) for one in text[:last].split("\r")]
    frames = [one for one in frames if "Changed" in one]
    assert max(map(len, frames)) <= columns
    assert any("blur@2" in one for one in frames)
    assert re.search(r"Changed images ━+.* \d000/12960 \d{3,4}/s 0:00:0\d remove_peo", frames[-1])


def test_a_file_gets_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter([0.0, 10.0, 31.0, 40.0, 62.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(moments))
    with progress.progress("Changed images", 100) as advance:
        for _ in range(4):
            advance(10, "blur@2")
    assert capsys.readouterr().err.splitlines() == [
        "memlab: Changed images: 20 of 100, 0.65/s, 0:02:04 left (blur@2)",
        "memlab: Changed images: 40 of 100, 0.65/s, 0:01:33 left (blur@2)",
    ]
    with progress.progress("Changed images", 100, shown=False) as advance:
        advance(10)
    assert capsys.readouterr().err == ""
