"""What a test controls: faults, request journal, rate limits, agenda, overrides."""
