"""Templates compile, nothing breaks the content policy, and text can be read."""

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from kit.i18n import Locale
from kit.pages import Pages, own_pages
from kit.settings import ROOT

NOW = datetime(2026, 11, 23, 19, 12, 5, tzinfo=UTC)
PAGES = own_pages()
FILES = sorted((ROOT / "templates").rglob("*.html"))
TOKENS = (ROOT / "static" / "langyan.css").read_text("utf-8")


@pytest.fixture
def small(tmp_path: Path) -> Pages:
    (tmp_path / "templates").mkdir()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("a {}")
    (tmp_path / "templates" / "a.html").write_text("{{ moment(now) }} {{ words }}")
    (tmp_path / "templates" / "a.txt").write_text("{{ words }}")
    return Pages(tmp_path)


def test_every_template_compiles() -> None:
    assert PAGES.environment.loader
    for name in PAGES.environment.loader.list_templates():
        PAGES.environment.get_template(name)


def test_what_people_wrote_is_escaped_in_pages_and_plain_in_mail(small: Pages) -> None:
    page = small.render("a.html", Locale.ZH, "Asia/Shanghai", now=NOW, words="<b>")

    assert page == "03:12:05 &lt;b&gt;"
    assert small.render("a.txt", Locale.ZH, "UTC", now=NOW, words="<b>") == "<b>"


def test_what_is_missing_is_an_error(small: Pages) -> None:
    with pytest.raises(UndefinedError):
        small.render("a.html", Locale.EN, "UTC", now=NOW)


def test_the_address_of_a_file_changes_with_its_content(tmp_path: Path, small: Pages) -> None:
    before = small.static("a.css")

    (tmp_path / "static" / "a.css").write_text("b {}")

    assert re.fullmatch(r"/static/a\.css\?v=[0-9a-f]{12}", before)
    assert Pages(tmp_path).static("a.css") != before


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_pages_have_nothing_inline_that_the_policy_forbids(path: Path) -> None:
    source = path.read_text("utf-8")

    if path.parent.name != "mail":  # mail has no other place for its styles
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|<script(?! src=)", source)


def test_vendored_files_are_what_their_readme_says() -> None:
    folder = ROOT / "static" / "vendor"
    promised = dict(re.findall(r"`([\w.-]+\.js)` \|.*`([0-9a-f]{64})`", readme(folder)))

    found = {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.glob("*.js")}
    assert found == promised


def readme(folder: Path) -> str:
    return (folder / "README.md").read_text("utf-8")


def themes() -> dict[str, dict[str, str]]:
    blocks = {
        "light": TOKENS.split(":root {", 1)[1].split("}", 1)[0],
        "dark": TOKENS.split(':root[data-theme="dark"] {', 1)[1].split("}", 1)[0],
        "system": TOKENS.split(':root:not([data-theme="light"]) {', 1)[1].split("}", 1)[0],
    }
    return {name: dict(re.findall(r"--([\w-]+): (#\w{3,6});", b)) for name, b in blocks.items()}


def contrast(one: str, other: str) -> float:
    lights = sorted(luminance(colour) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_by_everybody(theme: str) -> None:
    colours = themes()[theme]
    texts = ["ink", "muted", "accent", "good", "drill", *(f"p{n}" for n in range(1, 5))]
    grounds = ["card", "paper"]
    pairs = [(text, ground) for text in texts for ground in grounds]
    pairs += [(text, "sunk") for text in ("ink", "muted", "p1", "p2", "p3", "p4", "good")]
    pairs += [("on-p", f"f{n}") for n in range(1, 5)] + [("on-accent", "accent")]
    pairs += [("card", "drill"), ("ink", "warn-wash"), ("accent", "warn-wash")]
    pairs += [("card", f"h{n}") for n in range(8)]

    poor = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: round(c, 2) for pair, c in poor.items() if c < 4.5} == {}


def test_the_dark_chosen_by_hand_is_the_dark_of_the_system() -> None:
    assert themes()["dark"] == themes()["system"]
