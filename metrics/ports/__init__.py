"""Ways in for samples: one file for each wire format, each a decoder and its HTTP door."""
