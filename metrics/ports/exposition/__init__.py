"""What exporters say and jobs push: text, OpenMetrics and protobuf, read as samples."""
