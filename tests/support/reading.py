"""Pages as people read them: the words without the markup, and links and buttons by their name."""

import re
from dataclasses import dataclass
from html import unescape

import httpx

from tests.support.world import World

LANGUAGES = {"zh": "zh-CN", "en": "en"}


@dataclass(frozen=True)
class Page:
    """One answer: its markup, and its words with single spaces between them."""

    status: int
    markup: str

    @property
    def words(self) -> str:
        """What is read."""
        return words_of(self.markup)

    def part(self, id: str) -> "Page":
        """Return the element of this id, up to the next one at its level that has an id."""
        begin = self.markup.index(f'id="{id}"')
        begin = self.markup.rindex("<", 0, begin)
        tag = re.match(r"<(\w+)", self.markup[begin:])
        assert tag is not None
        depth = 0
        for found in re.finditer(rf"<(/?){tag[1]}\b[^>]*>", self.markup[begin:]):
            depth += -1 if found[1] else 1
            if not depth:
                return Page(self.status, self.markup[begin : begin + found.end()])
        return Page(self.status, self.markup[begin:])

    def before(self, first: str, *others: str) -> bool:
        """Tell whether these words stand in this order."""
        places = [self.words.index(word) for word in (first, *others)]
        return places == sorted(places)


def words_of(markup: str) -> str:
    """Return what a person reads of some markup."""
    text = re.sub(r"<(script|style|title)\b.*?</\1>", " ", markup, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", text)).split())


def page_of(answer: httpx.Response) -> Page:
    """Return an answer as a page."""
    return Page(answer.status_code, answer.text)


async def read(world: World, path: str, language: str = "en") -> Page:
    """Return a page in a language."""
    headers = {"accept-language": LANGUAGES[language], "accept": "text/html"}
    return page_of(await world.http.get(path, headers=headers))


async def press(world: World, path: str, language: str = "en") -> Page:
    """Press a button of a page that scripts are at work in."""
    headers = {"accept-language": LANGUAGES[language], "accept": "text/html", "hx-request": "true"}
    return page_of(await world.http.post(path, headers=headers))
