"""/ad_accounts/{ad_account_id}/customer_lists."""
