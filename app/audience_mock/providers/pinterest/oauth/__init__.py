"""/oauth/token and its revocation."""
