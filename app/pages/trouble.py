"""What is wrong with the program itself, in the language of whoever looks at the board."""

import re
from datetime import timedelta

from app.pages.views import WarningView
from kit.i18n import t
from kit.wording import duration

KINDS = {
    "tick": r"the tick (?P<name>\S+) is late",
    "skew": r"our clock and PostgreSQL's differ .*",
    "behind": r"the rules are (?P<seconds>\d+) s behind the samples",
    "rule": r"the rule (?P<name>\S+) is not evaluated: (?P<why>.*)",
    "waiting_notification": r"the oldest notification has been due for (?P<seconds>\d+) s",
    "waiting_event": r"the oldest event has been due for (?P<seconds>\d+) s",
    "waiting_step": r"the oldest escalation step has been due for (?P<seconds>\d+) s",
    "forgotten": r"nothing will ever move incident (?P<number>\d+)",
    "parked": r"(?P<count>\d+) events wait for a person to look",
    "database": r"the database does not answer: (?P<why>.*)",
}
"""The sentences of `app.vigil`, which logs and the heartbeat carry as they are."""


def trouble(sentence: str, locale: str) -> WarningView:
    """Return a fault in words, with the incident it is about; one we do not know as it stands."""
    for kind, pattern in KINDS.items():
        found = re.fullmatch(pattern, sentence, re.DOTALL)
        if found is None:
            continue
        facts = found.groupdict()
        if "seconds" in facts:
            facts["length"] = duration(timedelta(seconds=int(facts.pop("seconds"))), locale)
        href = f"/incidents/{facts['number']}" if "number" in facts else None
        return WarningView(t(f"trouble.{kind}", locale, **facts), href)
    return WarningView(sentence)
