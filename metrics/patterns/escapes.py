"""What a backslash or a [:name:] stands for in Go's regular expressions."""

import re

from metrics.patterns.nodes import Letters, Where

_DIGITS = ((48, 57),)
_WORD = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE = ((9, 10), (12, 13), (32, 32))
_PERL = {"d": _DIGITS, "w": _WORD, "s": _SPACE}
_SINGLE = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_PLACES = {
    "A": Where.TEXT_START,
    "z": Where.TEXT_END,
    "b": Where.WORD_EDGE,
    "B": Where.NO_WORD_EDGE,
}
_NAMED: dict[str, tuple[tuple[int, int], ...]] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": _DIGITS,
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": _WORD,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
_CATEGORIES = "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps "
_CATEGORIES += "S Sc Sk Sm So Z Zl Zp Zs"
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|(0[0-7]{0,2}|[1-7][0-7]{1,2})")
_CLASS = re.compile(r"\[:(\^?)(\w+):\]")
_UNICODE = re.compile(r"([pP])(?:\{(\^?)(\w+)\}|(\w))")


def escape(text: str, at: int) -> tuple[Letters | Where | None, int]:
    """Return what stands after a backslash that ends at `at`, and where it ends itself."""
    letter = text[at : at + 1]
    if letter in _PLACES:
        return _PLACES[letter], at + 1
    if letter.lower() in _PERL:
        return Letters(_PERL[letter.lower()], negated=letter.isupper()), at + 1
    if letter in _SINGLE:
        return _one(_SINGLE[letter]), at + 1
    if letter in ("p", "P"):
        return _unicode(text, at)
    code = _CODE.match(text, at)
    if code:
        number = int(code[3], 8) if code[3] else int(code[1] or code[2], 16)
        return (_one(number) if number <= 0x10FFFF else None), code.end()
    plain = letter.isascii() and not letter.isalnum() and letter.isprintable()
    return (_one(ord(letter)) if letter and plain else None), at + 1


def named_class(text: str, at: int) -> tuple[Letters | None, int]:
    """Return the letters of the [:name:] that begins at `at`, and where it ends."""
    found = _CLASS.match(text, at)
    if not found or found[2] not in _NAMED:
        return None, at
    return Letters(_NAMED[found[2]], negated=bool(found[1])), found.end()


def _one(code: int) -> Letters:
    return Letters(((code, code),))


def _unicode(text: str, at: int) -> tuple[Letters | None, int]:
    found = _UNICODE.match(text, at)
    if not found or (found[3] or found[4]) not in _CATEGORIES.split():
        return None, at  # scripts, like \p{Greek}, are not told apart here
    wanted = (found[1] == "p") is not bool(found[2])
    return Letters(categories=((found[3] or found[4], wanted),)), found.end()
