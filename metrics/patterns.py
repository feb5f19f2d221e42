"""Regular expressions as Prometheus has them: re2's dialect, the whole value, linear time."""

import re
from functools import lru_cache

import re2

from kit.errors import Invalid

MOST_REMEMBERED = 2_000
_PLAIN_CHOICE = re.compile(r"[^\\.+*?()\[\]{}^$|]*(?:\|[^\\.+*?()\[\]{}^$|]*)*")


class Pattern:
    """One expression; `literals` are all the texts it matches, if it is a choice of plain ones."""

    def __init__(self, text: str) -> None:
        plain = _PLAIN_CHOICE.fullmatch(text)
        self.literals = frozenset(text.split("|")) if plain else None
        self._anything = text in (".*", ".+")
        options = re2.Options()
        options.dot_nl, options.log_errors = True, False  # a dot means newlines too since 3.0
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            raise Invalid("error parsing regexp {text!r}: {why}", text=text, why=why) from None
        self._least = 1 if text == ".+" else 0

    def matches(self, text: str) -> bool:
        """Tell whether the expression matches all of `text`."""
        if self.literals is not None:
            return text in self.literals
        if self._anything:
            return len(text) >= self._least
        return self._compiled.fullmatch(text) is not None

    def groups(self, text: str) -> dict[str, str] | None:
        """Return what each group took of `text`, by number and by name, if all of it matches."""
        found = self._compiled.fullmatch(text)
        if found is None:
            return None
        taken = {str(number): found.group(number) or "" for number in range(found.re.groups + 1)}
        named: dict[str, int] = found.re.groupindex
        return taken | {name: taken[str(number)] for name, number in named.items()}


@lru_cache(maxsize=MOST_REMEMBERED)
def compiled(text: str) -> Pattern:
    """Return the pattern that `text` writes, or refuse."""
    return Pattern(text)


def literally(text: str) -> str:
    """Return the expression that matches this very text and no other."""
    return re.sub(r"[^\w:]", lambda found: "\\" + found[0], text, flags=re.ASCII)
