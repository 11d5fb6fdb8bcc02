"""/ad_accounts."""
