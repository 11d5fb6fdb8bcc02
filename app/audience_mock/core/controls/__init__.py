"""What a test controls in a world: faults, the request journal, rate limits. All of it is in memory."""
