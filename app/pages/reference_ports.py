"""The ports on the page /docs: they stand before all routing and so in no OpenAPI document."""

from app.pages.reference_view import AnswerView, FieldView, KindView, RouteView

TEXT, NUMBER, TIME = KindView("text"), KindView("number"), KindView("time")
BEARER = FieldView("Authorization", TEXT, True, "Bearer …, or Basic with the token", "header")
NEVER_AGAIN = "Some or all samples were refused; the others are kept. Do not send it again"
KEPT = (
    AnswerView("204", "Every sample is in the journal and in memory"),
    AnswerView("400", NEVER_AGAIN),
    AnswerView("401, 403", "No token, or one without the right ingest"),
    AnswerView("413, 415", "Larger than 32 MB unpacked; another form of body"),
    AnswerView("503", "Not now: keep it and come again after Retry-After seconds"),
)
TEXT_FORMAT = "text/plain; version=0.0.4"
PUSHED = (FieldView("metrics", TEXT, True, "the text format, or protobuf, delimited"),)
CHECKED = (
    AnswerView("200", "Kept, and written"),
    AnswerView("400", "No such path, a bad line, a timestamp, or another kind in another group"),
    *KEPT[2:],
)
PUSH = """echo 'rows_copied 1234' | curl -s -X POST -H "Authorization: Bearer $TOKEN" \\
  --data-binary @- '{url}/pushgateway/metrics/job/nightly/instance/db1'"""

PORTS: tuple[RouteView, ...] = (
    RouteView(
        method="POST",
        path="/prometheus/api/v1/write",
        summary="Prometheus remote write 1.0 and 2.0.",
        about="The sender's own label client counts only with a token for "
        "all clients; a token of one client sets it. Content-Type says which of the two it is: "
        "2.0 has proto=io.prometheus.write.v2.Request, and is told how much was written in "
        "X-Prometheus-Remote-Write-Samples-Written. Exemplars are left out; native histograms "
        "are refused.",
        parameters=(
            BEARER,
            FieldView("Content-Type", KindView("application/x-protobuf"), True, "", "header"),
            FieldView("Content-Encoding", KindView("snappy or zstd"), True, "", "header"),
        ),
        body=(
            FieldView("WriteRequest", KindView("protobuf"), False, "prometheus.WriteRequest"),
            FieldView("Request", KindView("protobuf"), False, "io.prometheus.write.v2.Request"),
        ),
        body_kind="application/x-protobuf",
        answers=KEPT,
        example="""# prometheus.yml
remote_write:
  - url: {url}/prometheus/api/v1/write
    authorization: {{credentials: <a token with the right ingest>}}""",
    ),
    RouteView(
        method="POST",
        path="/api/v1/samples",
        summary="Samples as JSON, for scripts.",
        about="A body that is not of this form is refused as a whole.",
        parameters=(
            BEARER,
            FieldView("Content-Type", KindView("application/json"), False, "", "header"),
        ),
        body=(
            FieldView("samples", KindView("list"), True),
            FieldView("samples[].name", TEXT, True, "the name of the metric"),
            FieldView("samples[].labels", KindView("map of text"), False),
            FieldView("samples[].value", NUMBER, True, "or NaN, +Inf, -Inf as text"),
            FieldView("samples[].at", TIME, False, "RFC 3339 with a zone; without: its arrival"),
        ),
        body_kind="application/json",
        answers=KEPT,
        example="""curl -s -X POST '{url}/api/v1/samples' \\
  -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{{"samples": [{{"name": "queue_length", "labels": {{"queue": "orders"}}, "value": 7}}]}}'""",
    ),
    RouteView(
        method="POST",
        path="/otlp/v1/metrics",
        summary="OpenTelemetry metrics (OTLP over HTTP).",
        about="Gauges, cumulative sums and histograms, and summaries become the series that "
        "Prometheus makes of them. Delta and exponential histograms are rejected: the answer is "
        "a 200 whose partial success says how many data points, and why.",
        parameters=(
            BEARER,
            FieldView(
                "Content-Type",
                KindView("application/x-protobuf or application/json"),
                True,
                "the answer has the same",
                "header",
            ),
            FieldView("Content-Encoding", KindView("gzip"), False, "or none", "header"),
        ),
        body=(FieldView("ExportMetricsServiceRequest", KindView("protobuf or JSON"), True),),
        body_kind="application/x-protobuf",
        answers=(
            AnswerView("200", "Taken; partial success says what was rejected"),
            AnswerView("400", "Not such a request. Do not send it again"),
            AnswerView("401, 403", "No token, or one without the right ingest"),
            AnswerView("413, 415", "Larger than 32 MB (JSON: 4 MB); another form of body"),
            AnswerView("503", "Not now: come again after Retry-After seconds"),
        ),
        example="""# of any OpenTelemetry SDK
OTEL_EXPORTER_OTLP_METRICS_ENDPOINT={url}/otlp/v1/metrics
OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/protobuf
OTEL_EXPORTER_OTLP_METRICS_HEADERS="Authorization=Bearer%20<a token with the right ingest>"
OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative""",
    ),
    *(
        RouteView(
            method="POST",
            path=path,
            summary=f"InfluxDB line protocol, version {version}.",
            about="Each field is a series called measurement_field, its tags are labels, and "
            "so is db. Text is left out, true is 1. A bad line is told by its number; the "
            "others are kept.",
            parameters=(
                FieldView("Authorization", TEXT, False, "Token …, Bearer … or Basic", "header"),
                *parameters,
                FieldView("precision", TEXT, False, "ns, us, ms, s, m or h; ns without", "query"),
                FieldView("Content-Encoding", KindView("gzip"), False, "or none", "header"),
            ),
            body=(FieldView("lines", TEXT, True, "measurement,tag=x field=1 time"),),
            body_kind="text/plain",
            answers=KEPT,
            example=example,
        )
        for version, path, parameters, example in (
            (
                1,
                "/influx/write",
                (
                    FieldView("db", TEXT, False, "becomes the label db", "query"),
                    FieldView("p", TEXT, False, "the token, where no header can be set", "query"),
                ),
                """# telegraf.conf
[[outputs.influxdb]]
  urls = ["{url}/influx"]
  database = "telegraf"
  username = "any"
  password = "<a token with the right ingest>\"""",
            ),
            (
                2,
                "/influx/api/v2/write",
                (FieldView("bucket", TEXT, False, "becomes the label db", "query"),),
                """# telegraf.conf
[[outputs.influxdb_v2]]
  urls = ["{url}/influx"]
  token = "<a token with the right ingest>"
  organization = "any"
  bucket = "telegraf\"""",
            ),
        )
    ),
    RouteView(
        method="POST",
        path="/influx/query",
        summary="CREATE DATABASE, as Telegraf asks before it writes.",
        about="There are no databases to make, so the answer is yes. Other questions are "
        "refused: ask /prometheus/api/v1/query.",
        parameters=(
            FieldView("Authorization", TEXT, False, "Token …, Bearer … or Basic", "header"),
            FieldView("q", TEXT, True, "in the address or in a form", "query"),
        ),
        answers=(AnswerView("200", "Yes"), AnswerView("400", "Another question")),
        example="""curl -s '{url}/influx/query' -u "any:$TOKEN" \\
  --data-urlencode 'q=CREATE DATABASE "telegraf"'""",
    ),
    RouteView(
        method="GET",
        path="/influx/ping",
        summary="Tells clients of InfluxDB that somebody is there.",
        about="Anybody may ask.",
        answers=(AnswerView("204", "Somebody is there"),),
        example="curl -s -i '{url}/influx/ping'",
    ),
    *(
        RouteView(
            method=method,
            path="/pushgateway/metrics/{path}",
            summary=summary,
            about="The path is job/<job>, and /<label>/<value> for each further label; "
            "<label>@base64/<value> for values with slashes, = for an empty one. " + about,
            parameters=(BEARER,),
            body=body,
            body_kind=TEXT_FORMAT if body else "",
            answers=answers,
            example=example,
        )
        for method, summary, about, body, answers, example in (
            (
                "PUT",
                "Pushgateway: replaces a group.",
                "What is pushed is written again every 15 seconds, until the group is deleted.",
                PUSHED,
                CHECKED,
                PUSH.replace("POST", "PUT"),
            ),
            (
                "POST",
                "Pushgateway: replaces the metrics of a group that have the same names.",
                "The other metrics of the group stay as they are.",
                PUSHED,
                CHECKED,
                PUSH,
            ),
            (
                "DELETE",
                "Pushgateway: takes a group away.",
                "Exactly this group: one with a further label is another.",
                (),
                (AnswerView("202", "It is gone, if it was there"),),
                """curl -s -X DELETE -H "Authorization: Bearer $TOKEN" \\
  '{url}/pushgateway/metrics/job/nightly'""",
            ),
        )
    ),
    *(
        RouteView(
            method=method,
            path=f"/pushgateway/{path}",
            summary=f"Pushgateway: {what}.",
            about="A client sees and wipes its own groups alone.",
            parameters=(BEARER,),
            answers=(AnswerView("202" if method == "PUT" else "200", answer),),
            example=f"""curl -s -X {method} -H "Authorization: Bearer $TOKEN" \\
  '{{url}}/pushgateway/{path}'""",
        )
        for method, path, what, answer in (
            ("GET", "metrics", "all groups in the text format", "The groups"),
            ("GET", "api/v1/metrics", "all groups as JSON", "The groups"),
            ("PUT", "api/v1/admin/wipe", "takes all groups away", "They are gone"),
        )
    ),
    *(
        RouteView(
            method="GET",
            path=f"/pushgateway/-/{word}",
            summary="Tells clients of a Pushgateway that somebody is there.",
            about="Anybody may ask.",
            answers=(AnswerView("200", "OK"),),
            example=f"curl -s '{{url}}/pushgateway/-/{word}'",
        )
        for word in ("healthy", "ready")
    ),
)
"""The ports that stand before all routing and so in no OpenAPI document."""
