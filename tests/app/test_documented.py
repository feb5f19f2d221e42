"""What the program can be told and what it says stands in the documents, and their links hold."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace, UnionType
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import AliasChoices, BaseModel

import app.wiring
from app.measures import Measures
from app.provisioning import DEFAULTS, Provision, load
from app.provisioning.sections import SECTIONS
from incidents.lifecycle import Tell
from incidents.schemas import IncidentOut
from kit.i18n import Locale, catalogue
from kit.outbox import Event
from kit.settings import ROOT, Settings
from notifications.channels.webhook import signature

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")
FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|md|toml|yml|html|css))`")
OF_AN_INSTALLATION = re.compile(r"NAME|\*|^samples/|^postgres/")


def text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def shapes_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, list, tuple, dict) or get_args(annotation):
        for part in get_args(annotation):
            yield from shapes_in(part)


def fields_of(shape: type[BaseModel]) -> Iterator[str]:
    for name, field in shape.model_fields.items():
        if field.exclude:
            continue
        alias = field.validation_alias
        others = alias.choices if isinstance(alias, AliasChoices) else [field.alias or name]
        yield from (str(other) for other in others)
        for inner in shapes_in(field.annotation):
            yield from fields_of(inner)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_manual_with_its_default(name: str) -> None:
    line = re.search(rf"^\| `LANGYAN_{name.upper()}` \|([^|]*)\|", text("configuration.md"), re.M)
    default = Settings.model_fields[name].default

    assert line, f"docs/configuration.md does not tell of LANGYAN_{name.upper()}"
    if isinstance(default, str | bool):
        assert f"`{str(default).lower()}`" in line[1].lower()


@pytest.mark.parametrize("section", SECTIONS)
def test_every_field_of_the_files_stands_in_the_manual(section: str) -> None:
    manual = text("configuration.md")
    told = manual.partition(f"### `{section}`\n")[2].partition("\n### ")[0]

    assert told, f"docs/configuration.md has no section about {section}"
    missing = [f for f in fields_of(SECTIONS[section]) if not re.search(rf"`{f}\W?[^`]*`", told)]
    assert missing == []


def test_the_example_of_the_manual_names_every_section_and_is_valid(tmp_path: Path) -> None:
    example = text("configuration.md").partition("```yaml\n")[2].partition("```")[0]
    (tmp_path / "example.yml").write_text(example, "utf-8")

    assert isinstance(load([DEFAULTS, tmp_path]), Provision)
    assert re.findall(r"^(\w+):", example, re.M) == list(SECTIONS)


def topics() -> list[str]:
    assert app.wiring.REACTIONS
    return [kind.topic for kind in Event.__subclasses__() if kind.__module__ != __name__]


@pytest.mark.parametrize("topic", topics())
def test_every_news_between_rooms_is_named(topic: str) -> None:
    assert f"`{topic}`" in text("architecture.md")


@pytest.mark.parametrize("event", Tell)
def test_every_event_of_webhooks_stands_in_their_manual(event: Tell) -> None:
    assert re.search(rf"^\| `{event}` \|", text("webhooks.md"), re.M)


def test_the_example_of_a_webhook_is_what_we_send() -> None:
    example = json.loads(text("webhooks.md").partition("```json\n")[2].partition("```")[0])
    shown = IncidentOut.model_validate(example["incident"]).model_dump(exclude={"message"})

    assert example["incident"].keys() == shown.keys()
    for clock in ("response", "recovery"):
        assert example["incident"]["sla"][clock].keys() == shown["sla"][clock].keys()
    for part in ("alerts", "timeline"):
        told = [one.keys() for one in example["incident"][part]]
        assert told == [one.keys() for one in shown[part]]
    assert example["alerts"] == example["incident"]["alerts"]
    assert example["idempotency_key"].startswith(example["incident"]["id"])


def test_the_signature_can_be_checked_as_the_manual_says() -> None:
    code = text("webhooks.md").partition("```python\n")[2].partition("```")[0]
    scope: dict[str, Any] = {}
    exec(compile(code, "webhooks.md", "exec"), scope)
    now = "1794180725"
    scope["time"] = SimpleNamespace(time=lambda: int(now))
    signed = {"X-Langyan-Timestamp": now, "X-Langyan-Signature": signature("s", now, b"{}")}

    assert scope["is_ours"]("s", signed, b"{}")
    assert not scope["is_ours"]("s", signed, b"{} ")
    assert not scope["is_ours"]("t", signed, b"{}")


@pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
def test_the_signature_can_be_made_in_a_shell_as_the_manual_says(tmp_path: Path) -> None:
    code = text("webhooks.md").partition("```sh\n")[2].partition("```")[0]
    (tmp_path / "body.json").write_bytes(b'{"event": "triggered"}')
    said = subprocess.run(
        ["sh", "-c", code],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "TIMESTAMP": "1794180725", "SECRET": "s"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == signature("s", "1794180725", b'{"event": "triggered"}')


def metrics() -> list[str]:
    kept = [family.name for family in Measures().registry.collect()]
    vigil = (ROOT / "app" / "vigil.py").read_text("utf-8")
    return [*kept, *(f"langyan_{name}" for name in re.findall(r'gauge\("(\w+)"', vigil))]


@pytest.mark.parametrize("name", metrics())
def test_every_metric_of_ours_stands_in_the_manual(name: str) -> None:
    assert re.search(rf"`{name}(_total)?(\{{\w+\}})?`", text("operating.md"))


TROUBLES = {key: words for key, words in catalogue(Locale.EN).items() if key.startswith("trouble.")}


@pytest.mark.parametrize("key", TROUBLES)
def test_every_trouble_that_we_tell_has_its_line_in_the_manual(key: str) -> None:
    said = re.split(r"\{\w+\}", TROUBLES[key].rpartition("|")[2])
    longest = max(said, key=len).strip(" :#")
    assert longest in text("operating.md").partition("### What `/healthz` can say")[2]


def test_every_tick_stands_in_the_manual() -> None:
    ticks = re.findall(r'Tick\("(\w+)"', (ROOT / "app" / "wiring.py").read_text("utf-8"))
    manual = text("operating.md")

    assert [tick for tick in ticks if f"`{tick}`" not in manual] == []
    assert len(ticks) > 5


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(page: Path) -> None:
    targets = [found[0] for found in LINK.findall(page.read_text("utf-8"))]
    broken = [t for t in targets if "://" not in t and not (page.parent / t).exists()]

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_documents_name_are_there(page: Path) -> None:
    named = [
        name
        for name in FILE.findall(page.read_text("utf-8"))
        if not OF_AN_INSTALLATION.search(name)
    ]

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_decision_has_a_number_of_its_own() -> None:
    pages = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]

    assert numbers == list(range(1, len(pages) + 1))
    for number, page in zip(numbers, pages, strict=True):
        assert page.read_text("utf-8").startswith(f"# {number}. ")
