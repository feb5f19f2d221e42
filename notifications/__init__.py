"""Promises to tell somebody: claims, attempts, receipts, channels. Start at sender.py."""
