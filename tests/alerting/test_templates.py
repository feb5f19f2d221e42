"""Go templates of rules: what they write, and what is refused when they are read."""

import pytest

from alerting.templates import Context, NotExpanded, NotRead, Sample, Template

FOUND = [Sample({"host": "b"}, 2.5), Sample({"host": "a"}, 1.0)]
ABOUT = Context(
    {"instance": "db.example.com:9100", "job": "db"},
    97.123456789,
    external_labels={"site": "east"},
    query=lambda text: FOUND if text == "up" else [],
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("no braces", "no braces"),
        ("{{ $labels.instance }} of {{.Labels.job}}", "db.example.com:9100 of db"),
        ("{{ $labels.nothing }}|{{ $externalLabels.site }}", "|east"),
        ("{{ $value }} {{ $value | humanize }} {{ printf `%.1f%%` $value }}",
         "97.123456789 97.12 97.1%"),
        ("a {{- /* gone */ -}} b", "ab"),
        ("a {{- 1 -}} b {{ 2 }}", "a1b 2"),
        ('{{ if gt $value 90.0 }}high{{ else if lt $value 10.0 }}low{{ end }}', "high"),
        ('{{ if and (eq $labels.job "db") (ne $labels.job "x") }}y{{ end }}', "y"),
        ("{{ with $x := 3 }}{{ . }}{{ $x }}{{ end }}", "33"),
        ('{{ with query "none" }}x{{ else }}nobody{{ end }}', "nobody"),
        ('{{ range query "up" }}{{ .Labels.host }}={{ .Value }} {{ end }}', "b=2.5 a=1 "),
        ('{{ range $i, $s := query "up" | sortByLabel "host" }}{{ $i }}{{ $s.Labels.host }}{{end}}',
         "0a1b"),
        ('{{ query "up" | first | value }} {{ query "up" | first | label "host" }}', "2.5 b"),
        ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" $labels.job }}', "<db>"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
        ("{{ reReplaceAll `(.*):.*` `$1` $labels.instance }}", "db.example.com"),
        ("{{ $labels.instance | stripPort | stripDomain | toUpper | title }}", "DB"),
        ("{{ match `^db` $labels.instance }}", "true"),
        ("{{ humanize 1234567.0 }} {{ humanize 0.00012 }} {{ humanize1024 1048576.0 }}",
         "1.235M 120u 1Mi"),
        ("{{ humanizeDuration 93784 }} {{ humanizeDuration 0.0451 }} {{ humanizeDuration 61 }}",
         "1d 2h 3m 4s 45.1ms 1m 1s"),
        ("{{ humanizePercentage 0.1234567 }} {{ humanizeTimestamp 1435065584.128 }}",
         "12.35% 2015-06-23 13:19:44.128 +0000 UTC"),
        ("{{ len $labels }} {{ index $labels `job` }} {{ print 1 2 `x` }}", "2 db 1 2x"),
        ("{{ range $k, $v := $labels }}{{ $k }};{{ break }}{{ end }}", "instance;"),
    ],
)  # fmt: skip
def test_a_template_writes_what_go_writes(text: str, written: str) -> None:
    assert Template(text).expand(ABOUT) == written


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{{ shout 1 }}", "function 'shout' not defined"),
        ("{{ $other }}", "undefined variable '\\$other'"),
        ("{{ if true }}", "has no end"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ .Labels.x", "unclosed action"),
        ('{{ "x }}', "unterminated"),
        ("{{ }}", "missing value"),
        ('{{ template "t" }}', "is not defined"),
        ("{{ 1 | 2 }}", "function only"),
        ("{{ break }}", "outside"),
        ('{{ block "x" . }}{{ end }}', "not supported"),
        ("{{ (1 }}", "unclosed left parenthesis"),
    ],
)
def test_what_is_not_known_is_refused_when_it_is_read(text: str, why: str) -> None:
    with pytest.raises(NotRead, match=why):
        Template(text)


@pytest.mark.parametrize(
    "text", ["{{ .Nothing }}", '{{ query "none" | first }}', "{{ humanize `x` }}", "{{ lt 1 2.5 }}"]
)
def test_what_cannot_be_filled_in_says_so(text: str) -> None:
    with pytest.raises(NotExpanded):
        Template(text).expand(ABOUT)
