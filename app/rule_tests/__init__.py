"""promtool's unit tests of rules: `langyan check --tests`. Start at `running.py`."""

from app.rule_tests.running import Verdict, judge

__all__ = ["Verdict", "judge"]
