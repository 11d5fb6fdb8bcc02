"""/ad_accounts/{ad_account_id}/audiences."""
