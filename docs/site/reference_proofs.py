"""The test that proves each operation of the emulated APIs, by the file of the test."""

PROOFS: dict[str, dict[str, str]] = {
    "tests/api/pinterest/test_audiences.py": {
        "audiences/create": "test_a_created_audience_has_every_key_in_the_recorded_order",
        "audiences/create_custom": "test_a_custom_audience_is_typed_by_its_rule",
        "audiences/get": "test_status_follows_the_clock",
        "audiences/update": "test_what_is_not_sent_keeps_its_value",
    },
    "tests/api/pinterest/test_bookmarks.py": {
        "audiences/list": "test_bookmarks_lead_through_the_list",
    },
    "tests/api/pinterest/test_ad_accounts.py": {
        "ad_accounts/create": "test_a_created_account_is_listed_and_read",
        "ad_accounts/list": "test_the_accounts_that_hold_something_are_listed",
        "ad_accounts/get": "test_an_empty_account_can_be_read",
    },
    "tests/api/pinterest/test_oauth.py": {
        "oauth/token": "test_a_code_gives_tokens_once",
        "token/revoke": "test_a_revoked_token_is_rejected",
    },
    "tests/api/pinterest/test_sharing.py": {
        "ad_accounts_audiences_shared_accounts/list": "test_the_owner_lists_who_has_an_audience",
        "update_ad_account_to_ad_account_shared_audience": "test_a_shared_audience_is_read_by_its_recipient",
        "update_ad_account_to_business_shared_audience": "test_an_ad_account_shares_with_businesses",
        "shared_audiences_for_business/list": "test_received_audiences_are_listed_by_the_time_of_sharing",
        "business_account_audiences_shared_accounts/list": "test_a_business_passes_on_what_it_received",
        "update_business_to_ad_account_shared_audience": "test_a_business_shares_what_its_ad_accounts_own",
        "update_business_to_business_shared_audience": "test_a_business_shares_what_its_ad_accounts_own",
    },
    "tests/api/pinterest/test_insights.py": {
        "audience_insights/get": "test_insights_have_every_key",
        "audience_insights_scope_and_type/get": "test_scopes_and_types",
    },
    "tests/api/pinterest/test_sizing.py": {
        "ad_groups/audience_sizing": "test_each_key_narrows",
    },
    "tests/api/pinterest/test_customer_lists.py": {
        "customer_lists/create": "test_a_created_list_has_every_key_in_the_recorded_order",
        "customer_lists/list": "test_lists_are_listed_page_by_page",
        "customer_lists/get": "test_the_status_of_a_list_follows_the_clock",
        "customer_lists/update": "test_each_batch_counts_what_was_sent",
    },
    "tests/api/pinterest/test_customer_segments.py": {
        "customer_segment/create": "test_a_created_segment_has_every_key_in_the_recorded_order",
        "customer_segment/list": "test_segments_are_listed_page_by_page",
        "customer_segment/update": "test_an_update_replaces_the_audiences",
    },
    "tests/api/pinterest/test_customer_list_uploads.py": {
        "customer_list_uploads/create": "test_an_upload_has_a_url_for_each_part",
        "customer_list_uploads/get": "test_an_upload_that_is_run_is_done_by_the_clock",
        "customer_list_uploads/run": "test_an_upload_is_run_once_and_whole",
    },
    "tests/api/pitchtarget/test_creates.py": {
        "custom_audiences/create": "test_the_two_documented_requests_give_the_documented_answers",
    },
    "tests/api/pitchtarget/test_reads.py": {
        "lookalikeaudiences/create": "test_the_legacy_paths_create_too",
        "websitecustomaudiences/create": "test_the_legacy_paths_create_too",
        "custom_audiences/add_users": "test_users_are_added_in_the_shape_of_may",
        "custom_audiences/sync": "test_sync_lets_facebook_take_an_accounts_audiences_at_once",
        "custom_audiences/list": "test_the_list_of_may_has_pages_of_ten",
        "customaudiences/list": "test_april_reads_facebooks_own_object",
        "custom_audiences/get": "test_an_audience_of_may_is_read_and_deleted_by_either_id",
        "customaudiences/get": "test_april_reads_facebooks_own_object",
        "custom_audiences/delete": "test_april_deletes_with_the_audience_that_was",
        "remarketing_pixel/get": "test_the_remarketing_pixel",
        "remarketing_pixel/get_2014_04": "test_the_remarketing_pixel",
        "offsite_pixels/create": "test_offsite_pixels_are_made_and_read",
        "offsite_pixels/list": "test_offsite_pixels_are_made_and_read",
        "offsite_pixels/get": "test_offsite_pixels_are_made_and_read",
        "oauth/authorize": "test_anyone_gets_a_token",
    },
    "tests/api/pitchtarget/test_revisions.py": {
        "offsitepixels/create": "test_offsite_pixels_of_april",
        "offsitepixels/list": "test_offsite_pixels_of_april",
        "offsitepixels/get": "test_offsite_pixels_of_april",
    },
}
"""By file, the test that proves each operation."""
