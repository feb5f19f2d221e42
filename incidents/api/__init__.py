"""Incidents over REST: their lists and what is done to them (`verbs`), their past (`history`)."""
