ALTER TABLE snapshots ADD COLUMN used_at timestamptz NOT NULL DEFAULT now();

DROP FUNCTION copy_image(bigint);

CREATE FUNCTION copy_image(source bigint, tables text[] DEFAULT NULL) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE made bigint := nextval('images');
    BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('copied', source));
    IF tables IS NULL OR 'ad_accounts' = ANY(tables) THEN
        INSERT INTO ad_accounts (image, "id", "created_at_ms", "updated_at_ms", "name", "business", "owner_id", "owner_username", "country", "currency", "time_zone", "permissions")
        SELECT made, "id", "created_at_ms", "updated_at_ms", "name", "business", "owner_id", "owner_username", "country", "currency", "time_zone", "permissions" FROM ad_accounts WHERE image = source;
    END IF;
    IF tables IS NULL OR 'apps' = ANY(tables) THEN
        INSERT INTO apps (image, "id", "digest")
        SELECT made, "id", "digest" FROM apps WHERE image = source;
    END IF;
    IF tables IS NULL OR 'audiences' = ANY(tables) THEN
        INSERT INTO audiences (image, "key", "api", "number", "account", "kind", "name", "description", "definition", "created_by", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "policy", "people", "facebook_id", "user_type", "user_set", "opt_out_link", "origin_id", "retention_days", "facebook_object", "customer_list")
        SELECT made, "key", "api", "number", "account", "kind", "name", "description", "definition", "created_by", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "policy", "people", "facebook_id", "user_type", "user_set", "opt_out_link", "origin_id", "retention_days", "facebook_object", "customer_list" FROM audiences WHERE image = source;
    END IF;
    IF tables IS NULL OR 'businesses' = ANY(tables) THEN
        INSERT INTO businesses (image, "id", "name")
        SELECT made, "id", "name" FROM businesses WHERE image = source;
    END IF;
    IF tables IS NULL OR 'customer_lists' = ANY(tables) THEN
        INSERT INTO customer_lists (image, "number", "account", "name", "list_type", "is_nca", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "batches", "uploaded_records", "removed_records", "people", "unnamed_people", "user_set", "link_set")
        SELECT made, "number", "account", "name", "list_type", "is_nca", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "batches", "uploaded_records", "removed_records", "people", "unnamed_people", "user_set", "link_set" FROM customer_lists WHERE image = source;
    END IF;
    IF tables IS NULL OR 'customer_segments' = ANY(tables) THEN
        INSERT INTO customer_segments (image, "number", "account", "name", "members", "created_at_ms", "updated_at_ms")
        SELECT made, "number", "account", "name", "members", "created_at_ms", "updated_at_ms" FROM customer_segments WHERE image = source;
    END IF;
    IF tables IS NULL OR 'known_users' = ANY(tables) THEN
        INSERT INTO known_users (image, "digest")
        SELECT made, "digest" FROM known_users WHERE image = source;
    END IF;
    IF tables IS NULL OR 'list_uploads' = ANY(tables) THEN
        INSERT INTO list_uploads (image, "number", "customer_list", "operation", "total_parts", "created_at_ms", "started_at_ms", "ready_at_ms", "valid", "invalid", "errors", "written_at")
        SELECT made, "number", "customer_list", "operation", "total_parts", "created_at_ms", "started_at_ms", "ready_at_ms", "valid", "invalid", "errors", "written_at" FROM list_uploads WHERE image = source;
    END IF;
    IF tables IS NULL OR 'listed_accounts' = ANY(tables) THEN
        INSERT INTO listed_accounts (image, "digits", "id")
        SELECT made, "digits", "id" FROM listed_accounts WHERE image = source;
    END IF;
    IF tables IS NULL OR 'next_facebook_ids' = ANY(tables) THEN
        INSERT INTO next_facebook_ids (image, "position", "facebook_id")
        SELECT made, "position", "facebook_id" FROM next_facebook_ids WHERE image = source;
    END IF;
    IF tables IS NULL OR 'pixels' = ANY(tables) THEN
        INSERT INTO pixels (image, "key", "facebook_id", "account", "name", "tag", "creator")
        SELECT made, "key", "facebook_id", "account", "name", "tag", "creator" FROM pixels WHERE image = source;
    END IF;
    IF tables IS NULL OR 'sequences' = ANY(tables) THEN
        INSERT INTO sequences (image, "name", "next")
        SELECT made, "name", "next" FROM sequences WHERE image = source;
    END IF;
    IF tables IS NULL OR 'shares' = ANY(tables) THEN
        INSERT INTO shares (image, "position", "audience_key", "recipient_kind", "recipient", "giver", "shared_at_ms")
        SELECT made, "position", "audience_key", "recipient_kind", "recipient", "giver", "shared_at_ms" FROM shares WHERE image = source;
    END IF;
    IF tables IS NULL OR 'tokens' = ANY(tables) THEN
        INSERT INTO tokens (image, "digest", "kind", "family", "app", "scopes", "ad_accounts", "expires_at_ms", "revoked")
        SELECT made, "digest", "kind", "family", "app", "scopes", "ad_accounts", "expires_at_ms", "revoked" FROM tokens WHERE image = source;
    END IF;
    IF tables IS NULL OR 'upload_parts' = ANY(tables) THEN
        INSERT INTO upload_parts (image, "upload", "part", "file", "size_bytes")
        SELECT made, "upload", "part", "file", "size_bytes" FROM upload_parts WHERE image = source;
    END IF;
    IF tables IS NULL OR 'upload_pieces' = ANY(tables) THEN
        INSERT INTO upload_pieces (image, "file", "piece", "content", "written_at")
        SELECT made, "file", "piece", "content", "written_at" FROM upload_pieces WHERE image = source AND file IN (SELECT file FROM upload_parts WHERE image = source);
    END IF;
    IF tables IS NULL OR 'uploads' = ANY(tables) THEN
        INSERT INTO uploads (image, "key", "audience_key", "received_at_ms", "user_type", "lines", "valid", "distinct", "added", "matched", "invalid", "invalid_lines")
        SELECT made, "key", "audience_key", "received_at_ms", "user_type", "lines", "valid", "distinct", "added", "matched", "invalid", "invalid_lines" FROM uploads WHERE image = source;
    END IF;
    IF tables IS NULL OR 'user_blocks' = ANY(tables) THEN
        INSERT INTO user_blocks (image, "user_set", "part", "digests", "written_at")
        SELECT made, "user_set", "part", "digests", "written_at" FROM user_blocks WHERE image = source AND user_set IN (SELECT user_set FROM audiences WHERE image = source AND user_set IS NOT NULL
        UNION ALL SELECT user_set FROM customer_lists WHERE image = source AND user_set IS NOT NULL
        UNION ALL SELECT link_set FROM customer_lists WHERE image = source AND link_set IS NOT NULL);
    END IF;
    IF tables IS NULL OR 'world_metadata' = ANY(tables) THEN
        INSERT INTO world_metadata (image, "name", "value")
        SELECT made, "name", "value" FROM world_metadata WHERE image = source;
    END IF;
    IF tables IS NULL OR 'list_uploads' = ANY(tables) THEN
        UPDATE list_uploads SET started_at_ms = NULL, ready_at_ms = NULL
        WHERE image = made AND started_at_ms IS NOT NULL AND valid IS NULL;
    END IF;
    RETURN made;
    END $$;

CREATE FUNCTION filled_tables(of_image bigint) RETURNS text[] LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$ SELECT array_remove(ARRAY[
    CASE WHEN EXISTS (SELECT FROM ad_accounts WHERE image = of_image) THEN 'ad_accounts' END,
    CASE WHEN EXISTS (SELECT FROM apps WHERE image = of_image) THEN 'apps' END,
    CASE WHEN EXISTS (SELECT FROM audiences WHERE image = of_image) THEN 'audiences' END,
    CASE WHEN EXISTS (SELECT FROM businesses WHERE image = of_image) THEN 'businesses' END,
    CASE WHEN EXISTS (SELECT FROM customer_lists WHERE image = of_image) THEN 'customer_lists' END,
    CASE WHEN EXISTS (SELECT FROM customer_segments WHERE image = of_image) THEN 'customer_segments' END,
    CASE WHEN EXISTS (SELECT FROM known_users WHERE image = of_image) THEN 'known_users' END,
    CASE WHEN EXISTS (SELECT FROM list_uploads WHERE image = of_image) THEN 'list_uploads' END,
    CASE WHEN EXISTS (SELECT FROM listed_accounts WHERE image = of_image) THEN 'listed_accounts' END,
    CASE WHEN EXISTS (SELECT FROM next_facebook_ids WHERE image = of_image) THEN 'next_facebook_ids' END,
    CASE WHEN EXISTS (SELECT FROM pixels WHERE image = of_image) THEN 'pixels' END,
    CASE WHEN EXISTS (SELECT FROM sequences WHERE image = of_image) THEN 'sequences' END,
    CASE WHEN EXISTS (SELECT FROM shares WHERE image = of_image) THEN 'shares' END,
    CASE WHEN EXISTS (SELECT FROM tokens WHERE image = of_image) THEN 'tokens' END,
    CASE WHEN EXISTS (SELECT FROM upload_parts WHERE image = of_image) THEN 'upload_parts' END,
    CASE WHEN EXISTS (SELECT FROM upload_pieces WHERE image = of_image) THEN 'upload_pieces' END,
    CASE WHEN EXISTS (SELECT FROM uploads WHERE image = of_image) THEN 'uploads' END,
    CASE WHEN EXISTS (SELECT FROM user_blocks WHERE image = of_image) THEN 'user_blocks' END,
    CASE WHEN EXISTS (SELECT FROM world_metadata WHERE image = of_image) THEN 'world_metadata' END], NULL) $$;

DROP FUNCTION keep_numbers_of_writers(bigint, bigint);

CREATE FUNCTION switch_world(
        of_name text, made bigint, of_ahead_ms bigint, of_frozen_at_ms bigint
    ) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE old bigint;
    BEGIN
    SELECT image INTO old FROM worlds WHERE name = of_name FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE sequences SET next = greatest(sequences.next, before.next)
    FROM sequences AS before
    WHERE sequences.image = made AND before.image = old AND before.name = sequences.name
        AND sequences.name IN ('user_set', 'uploaded_file');
    UPDATE worlds SET image = made, ahead_ms = of_ahead_ms, frozen_at_ms = of_frozen_at_ms,
        version = version + 1, incarnation = incarnation + 1
    WHERE name = of_name;
    INSERT INTO unused_images (image) VALUES (old) ON CONFLICT DO NOTHING;
    RETURN true;
    END $$;

CREATE OR REPLACE FUNCTION drop_image(dropped bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
    IF EXISTS (SELECT FROM worlds WHERE image = dropped)
        OR EXISTS (SELECT FROM snapshots WHERE image = dropped) THEN
        RAISE EXCEPTION 'image % is in use', dropped;
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended('copied', dropped)) THEN
        RETURN;
    END IF;
    DELETE FROM ad_accounts WHERE image = dropped;
    DELETE FROM apps WHERE image = dropped;
    DELETE FROM audiences WHERE image = dropped;
    DELETE FROM businesses WHERE image = dropped;
    DELETE FROM customer_lists WHERE image = dropped;
    DELETE FROM customer_segments WHERE image = dropped;
    DELETE FROM known_users WHERE image = dropped;
    DELETE FROM list_uploads WHERE image = dropped;
    DELETE FROM listed_accounts WHERE image = dropped;
    DELETE FROM next_facebook_ids WHERE image = dropped;
    DELETE FROM pixels WHERE image = dropped;
    DELETE FROM sequences WHERE image = dropped;
    DELETE FROM shares WHERE image = dropped;
    DELETE FROM tokens WHERE image = dropped;
    DELETE FROM upload_parts WHERE image = dropped;
    DELETE FROM upload_pieces WHERE image = dropped;
    DELETE FROM uploads WHERE image = dropped;
    DELETE FROM user_blocks WHERE image = dropped;
    DELETE FROM world_metadata WHERE image = dropped;
    DELETE FROM journals WHERE image = dropped;
    DELETE FROM journal WHERE image = dropped;
    DELETE FROM windows WHERE image = dropped;
    DELETE FROM faults WHERE image = dropped;
    DELETE FROM upload_samples WHERE image = dropped;
    DELETE FROM unused_images WHERE image = dropped;
    END $$;
