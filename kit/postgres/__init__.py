"""An embedded PostgreSQL of our own, from the wheel's binaries. Start at `server.py`."""
