"""The Go templates of Prometheus's rules, as far as its documents go: text in, a `Template` out.

What is not known is refused when a template is read, never passed over when it is needed.
"""

from alerting.templates.context import Context, Found, Sample
from alerting.templates.execution import Template
from alerting.templates.refusals import NotExpanded, NotRead

__all__ = ["Context", "Found", "NotExpanded", "NotRead", "Sample", "Template"]
