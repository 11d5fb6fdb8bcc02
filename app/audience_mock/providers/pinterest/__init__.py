"""Pinterest's REST API v5, the audience family."""
