"""/oauth/authorize."""
