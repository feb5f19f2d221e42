"""Ground floor without a domain word: database, clock, outbox, errors, settings, languages."""
