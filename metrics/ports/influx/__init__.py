"""InfluxDB's line protocol, as Telegraf and InfluxDB's clients write it. Start at `decoder.py`."""
