"""Folders of one process: kept while it lives, removed by the next one when it was killed."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys

import pytest

from xai.core.claimed import claimed_folder
from xai.core.errors import InputError

HOLDS = (
    "import pathlib, sys, time\n"
    "from xai.core.claimed import claimed_folder\n"
    "folder = claimed_folder(pathlib.Path(sys.argv[1]), 'process-')\n"
    "(folder / 'file').write_text('x')\n"
    "print(folder, flush=True)\n"
    "time.sleep(60)\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="no such locks")
def test_a_killed_process_leaves_nothing_for_long(tmp_path):
    base = tmp_path / "base"
    with subprocess.Popen([sys.executable, "-c", HOLDS, base], stdout=subprocess.PIPE, text=True) as other:
        theirs = other.stdout.readline().strip()
        mine = claimed_folder(base, "process-")
        assert {str(path) for path in base.glob("process-*")} == {theirs, str(mine)}
        other.send_signal(signal.SIGKILL)
    again = claimed_folder(base, "process-")
    assert set(base.glob("process-*")) == {mine, again}
    assert stat.S_IMODE(base.stat().st_mode) == 0o700


def test_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="link is no folder of this account"):
        claimed_folder(tmp_path / "link", "process-")
