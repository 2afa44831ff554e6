"""The command ``xai``: a thin layer over the functions of the package."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from ..core.errors import XaiError
from .parser import build_parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0; 2 for an error of the input; 3 if a batch had to leave out rows or files; 130 when interrupted.
    """
    arguments = build_parser().parse_args(argv)
    try:
        code = arguments.run(arguments)
        sys.stdout.flush()
    except XaiError as error:
        print(f"xai: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output has left, e.g. `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python complains at its end
        return 0
    return int(code or 0)
