"""The lines of a timeline in words: what happened and its facts, from the catalogue."""

from collections.abc import Mapping

from kit.i18n import Locale, catalogue, placeholders, t
from kit.wording import percent

MISSING = "–"


def timeline_text(
    what: str, facts: Mapping[str, object], *, locale: str, who: str | None = None
) -> str:
    """Return one line; a kind or a fact that we do not know never keeps the page from showing."""
    texts = catalogue(Locale(locale))
    key = f"timeline.{what}"
    if who and f"{key}_by" in texts:
        key += "_by"
    if key not in texts:
        return what
    known = {"who": who or MISSING} | {k: _said(k, v, locale) for k, v in facts.items()}
    wanted = placeholders(texts[key])
    return t(key, locale, **{name: known.get(name, MISSING) for name in wanted})


def channel_title(channel: str, locale: str) -> str:
    """Return a channel's name in the language, or the name it goes by."""
    return catalogue(Locale(locale)).get(f"channel.{channel}", channel)


def _said(name: str, fact: object, locale: str) -> str:
    if name in ("priority", "before") and f"priority.{fact}" in catalogue(Locale(locale)):
        return t(f"priority.{fact}", locale)
    if name == "clock" and f"clock.{fact}" in catalogue(Locale(locale)):
        return t(f"clock.{fact}", locale)
    if name == "channel":
        return channel_title(str(fact), locale)
    if name == "percent" and isinstance(fact, (int, float)):
        return percent(fact if fact <= 1 else fact / 100, locale)
    if isinstance(fact, (list, tuple)):
        return t("unit.list", locale).join(str(each) for each in fact)
    return str(fact)
