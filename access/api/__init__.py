"""Access over REST: clients and systems, people, tokens, the audit trail."""
