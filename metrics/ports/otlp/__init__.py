"""OTLP metrics over HTTP (opentelemetry-proto: docs/specification.md). Start at `decoder.py`."""
