"""One good example of each kind, as it is sent over REST: a thing, and a change of some of it."""

from typing import Any

EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "clients": (
        {
            "name": "shop",
            "title": "街角小店",
            "locale": "zh-CN",
            "timezone": "Asia/Shanghai",
            "sla": "standard",
            "overrides": {"host-load": {"P2": {"above": 92}, "P4": None}},
        },
        {"escalation": "default", "version": 3},
    ),
    "systems": (
        {
            "client": "shop",
            "name": "pos",
            "title": "收银系统",
            "core": True,
            "match": {"job": "pos-.*"},
        },
        {"match": {"job": "pos-.*|tills"}, "version": 3},
    ),
    "schedules": (
        {
            "name": "primary",
            "timezone": "Asia/Shanghai",
            "layers": [
                {
                    "rotation": "weekly",
                    "handoff": "Mon 09:00",
                    "people": ["li", "han"],
                    "start": "2026-11-02",
                },
                {
                    "rotation": {"every": "12h"},
                    "handoff": "20:00",
                    "people": ["han"],
                    "only": [{"days": ["Sat", "Sun"], "from": "20:00", "to": "08:00"}],
                },
            ],
        },
        {"timezone": "Europe/Berlin", "version": 3},
    ),
    "escalations": (
        {
            "name": "shop",
            "steps": [
                {"notify": ["schedule:primary"], "wait": "5m"},
                {"notify": ["person:li", "role:admin"], "wait": "10m"},
            ],
            "repeat": 2,
        },
        {"repeat": 3, "version": 3},
    ),
    "slas": (
        {
            "name": "gold",
            "P1": {"response": "10m", "recovery": "1h"},
            "P2": {"response": "20m", "recovery": "2h"},
            "P3": {"response": "1h", "recovery": "8h", "hours": "business"},
            "P4": {"response": "4h", "recovery": "24h", "hours": "business"},
        },
        {"P1": {"response": "5m", "recovery": "1h"}, "version": 3},
    ),
    "targets": (
        {
            "client": "shop",
            "name": "pos-db",
            "system": "pos",
            "kind": "scrape",
            "url": "http://10.0.0.5:9100/metrics",
            "interval": "15s",
            "timeout": "10s",
            "labels": {"zone": "shanghai-1"},
            "user": "prometheus",
            "secret": "shown to the target alone",
        },
        {"interval": "30s", "version": 3},
    ),
    "thresholds": (
        {
            "name": "queue-length",
            "title": {"zh": "队列长度", "en": "Queue length"},
            "expr": "rabbitmq_queue_messages",
            "P2": {"above": 1000, "for": "5m"},
            "P3": {"above": 500, "for": "10m"},
            "recover": {"below": 100, "for": "2m"},
            "absent": {"for": "10m", "priority": "P3"},
            "clients": ["shop"],
        },
        {"P2": {"above": 2000, "for": "5m"}, "P3": None, "version": 3},
    ),
}
