"""The lines of a timeline in words: what happened and its facts, from the catalogue."""

from collections.abc import Mapping, Sequence

from kit.i18n import Locale, catalogue, placeholders, t
from kit.wording import percent, quantity
from notifications.lifecycle import Kind

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
    for counted in ("rounds", "count"):
        if isinstance(facts.get(counted), int):
            known["n"] = facts[counted]
    wanted = placeholders(texts[key])
    return t(key, locale, **{name: known.get(name, MISSING) for name in wanted})


def channel_title(channel: str, locale: str) -> str:
    """Return a channel's name in the language, or the name it goes by."""
    return catalogue(Locale(locale)).get(f"channel.{channel}", channel)


def failure(outcome: str, code: int | None, detail: str, locale: str) -> str:
    """Return why a message did not arrive: how it ended in words, and what the other side said."""
    key = f"failure.{outcome}"
    said = t(key, locale) if key in catalogue(Locale(locale)) else outcome
    heard = f"{code or ''} {detail}".strip()
    return t("failure.with", locale, why=said, said=heard) if heard else said


def reading(value: float | None, unit: str, locale: str) -> str | None:
    """Return what an alert read; None for a bare yes or no, whose title says it all."""
    if value is None or (not unit and value in (0, 1)):
        return None
    return quantity(value, unit, locale)


def listed(words: Sequence[object], locale: str) -> str:
    """Return words one after the other, as the language lists them."""
    return t("unit.list", locale).join(str(each) for each in words)


def step_title(label: str, locale: str) -> str:
    """Return how people count a step: `0.1` is the second step of the first round."""
    round_, dot, step = label.partition(".")
    if not dot or not (round_ + step).isdigit():
        return label
    facts = {"step": int(step) + 1, "round": int(round_) + 1}
    return t("timeline.step_again" if int(round_) else "timeline.step", locale, **facts)


def _said(name: str, fact: object, locale: str) -> object:
    if fact is None:
        return MISSING
    if name in ("priority", "before") and f"priority.{fact}" in catalogue(Locale(locale)):
        return t(f"priority.{fact}", locale)
    if name == "clock" and f"clock.{fact}" in catalogue(Locale(locale)):
        return t(f"clock.{fact}", locale)
    if name == "channel":
        return channel_title(str(fact), locale)
    if name == "step":
        return step_title(str(fact), locale)
    if name == "why":
        return _why(str(fact), locale)
    if name == "percent" and isinstance(fact, (int, float)):
        return percent(fact if fact <= 1 else fact / 100, locale)
    return listed(fact, locale) if isinstance(fact, (list, tuple)) else str(fact)


def _why(stored: str, locale: str) -> str:
    """Return a stored reason, `refused: 404 gone`, in words."""
    outcome, colon, heard = stored.partition(": ")
    if not colon or outcome not in set(Kind):
        return stored
    return failure(outcome, None, heard, locale)
