"""The program put together: wiring, the main path, ticks, commands. Start at pipeline.py."""
