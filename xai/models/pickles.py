"""What a pickle would import, found by reading it as text, never by running it."""

from __future__ import annotations

import pickletools
from typing import Any

from ..core.errors import ModelError


def imports(pickled: bytes, name: str) -> set[str]:
    """Full names of everything a pickle names for import; what cannot be followed is listed as ``"?"``.

    Good for telling people what is inside. No proof: whoever wants to hide an import from such a look can.

    Raises
    ------
    ModelError
        If it cannot be read to its end.
    """
    stack = _Texts()
    try:
        for code, argument, _ in pickletools.genops(pickled):
            stack.take(code.name, argument)
    except Exception as error:
        # pickletools raises whatever struct, codecs and int do on damaged bytes.
        raise ModelError(f"{name} is damaged: the pickle in it cannot be read to its end ({error}).") from error
    return stack.found


class _Texts:
    """The texts a pickle has put down so far, by which a name is called that is not written out."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._texts: list[str] = []
        self._memo: dict[int, str] = {}

    def take(self, code: str, argument: Any) -> None:
        """One step of the pickle."""
        if code in {"GLOBAL", "INST"}:
            self.found.add(str(argument).replace(" ", ".", 1))
        elif code == "STACK_GLOBAL":
            self.found.add(".".join(["?", "?", *self._texts][-2:]))
        elif code.startswith("EXT"):
            self.found.add(f"copyreg extension {argument}")
        elif "UNICODE" in code or "STRING" in code:
            self._texts.append(str(argument))
        elif code == "MEMOIZE":
            self._memo[len(self._memo)] = self._texts[-1] if self._texts else "?"
        elif code.endswith("PUT"):
            self._memo[int(argument)] = self._texts[-1] if self._texts else "?"
        elif code.endswith("GET"):
            self._texts.append(self._memo.get(int(argument), "?"))
