"""What an audience is, and the world it lives in. Nothing in here knows HTTP or a provider's wire."""
