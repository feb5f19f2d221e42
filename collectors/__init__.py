"""What we go and fetch: this host, scrapes, probes. Knows samples, not alerts."""
