CREATE SEQUENCE images;

CREATE TABLE worlds (
    name text COLLATE "C" PRIMARY KEY,
    image bigint NOT NULL,
    version bigint NOT NULL DEFAULT 1,
    incarnation bigint NOT NULL DEFAULT 0,
    ahead_ms bigint NOT NULL DEFAULT 0,
    frozen_at_ms bigint,
    settings text NOT NULL DEFAULT '{}',
    used_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

CREATE TABLE snapshots (
    world text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    image bigint NOT NULL,
    ahead_ms bigint NOT NULL,
    frozen_at_ms bigint,
    PRIMARY KEY (world, name)
);

CREATE TABLE unused_images (
    image bigint PRIMARY KEY,
    since timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE usage (
    world text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    tenant text COLLATE "C" NOT NULL,
    amount bigint NOT NULL,
    PRIMARY KEY (world, kind)
);

CREATE INDEX usage_by_tenant ON usage (kind, tenant);

CREATE UNLOGGED TABLE journals (
    image bigint PRIMARY KEY,
    last bigint NOT NULL DEFAULT 0,
    cleared_at bigint NOT NULL DEFAULT 0,
    entries bigint NOT NULL DEFAULT 0,
    held_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE journal (
    image bigint NOT NULL,
    number bigint NOT NULL,
    at_ms bigint NOT NULL,
    held_bytes bigint NOT NULL,
    record bytea NOT NULL,
    PRIMARY KEY (image, number)
);

CREATE UNLOGGED TABLE windows (
    image bigint NOT NULL,
    caller text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    ends_at_ms bigint NOT NULL,
    calls_left bigint NOT NULL,
    calls bigint NOT NULL,
    PRIMARY KEY (image, caller, name)
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE notices (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    world text COLLATE "C" NOT NULL,
    kind text NOT NULL,
    about text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);

CREATE UNLOGGED TABLE faults (
    image bigint PRIMARY KEY,
    planned bytea NOT NULL
);

CREATE UNLOGGED TABLE upload_samples (
    image bigint NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY,
    sample bytea NOT NULL,
    PRIMARY KEY (image, number)
);

CREATE TABLE ad_accounts (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    name TEXT COLLATE "C",
    business TEXT COLLATE "C",
    owner_id TEXT COLLATE "C",
    owner_username TEXT COLLATE "C",
    country TEXT COLLATE "C",
    currency TEXT COLLATE "C",
    time_zone TEXT COLLATE "C",
    permissions TEXT COLLATE "C",
    PRIMARY KEY (image, id)
);

ALTER TABLE ad_accounts ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON ad_accounts USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE apps (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (image, id)
);

ALTER TABLE apps ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON apps USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE FUNCTION next_key_of_audiences() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SET search_path FROM CURRENT AS $$
    BEGIN RETURN (SELECT coalesce(max(key), 0) + 1 FROM audiences); END $$;

CREATE TABLE audiences (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    key BIGINT DEFAULT next_key_of_audiences() NOT NULL,
    api TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C",
    definition TEXT COLLATE "C",
    created_by TEXT COLLATE "C",
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    ready_at_ms BIGINT NOT NULL,
    held_status TEXT COLLATE "C",
    policy TEXT COLLATE "C",
    people BIGINT NOT NULL,
    facebook_id TEXT COLLATE "C",
    user_type TEXT COLLATE "C",
    user_set BIGINT,
    opt_out_link TEXT COLLATE "C",
    origin_id TEXT COLLATE "C",
    retention_days BIGINT,
    facebook_object TEXT COLLATE "C",
    customer_list BIGINT,
    PRIMARY KEY (image, key),
    UNIQUE (image, api, number)
);

CREATE INDEX audiences_by_account ON audiences (image, api, account, number);

CREATE INDEX audiences_by_facebook_id ON audiences (image, facebook_id) WHERE facebook_id IS NOT NULL;

CREATE INDEX audiences_waiting ON audiences (image, api, ready_at_ms) WHERE api = 'pitchtarget' AND facebook_id IS NULL;

ALTER TABLE audiences ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON audiences USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE businesses (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, id)
);

ALTER TABLE businesses ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON businesses USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE customer_lists (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    number BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    list_type TEXT COLLATE "C" NOT NULL,
    is_nca BOOLEAN NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    ready_at_ms BIGINT NOT NULL,
    held_status TEXT COLLATE "C",
    batches BIGINT NOT NULL,
    uploaded_records BIGINT NOT NULL,
    removed_records BIGINT NOT NULL,
    people BIGINT NOT NULL,
    unnamed_people BIGINT NOT NULL,
    user_set BIGINT,
    link_set BIGINT,
    PRIMARY KEY (image, number)
);

CREATE INDEX customer_lists_by_account ON customer_lists (image, account, number);

ALTER TABLE customer_lists ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON customer_lists USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE customer_segments (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    number BIGINT NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    members TEXT COLLATE "C" NOT NULL,
    created_at_ms BIGINT NOT NULL,
    updated_at_ms BIGINT NOT NULL,
    PRIMARY KEY (image, number)
);

CREATE INDEX customer_segments_by_account ON customer_segments (image, account, number);

ALTER TABLE customer_segments ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON customer_segments USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE known_users (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    digest BYTEA NOT NULL,
    PRIMARY KEY (image, digest)
);

ALTER TABLE known_users ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON known_users USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE list_uploads (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    number BIGINT NOT NULL,
    customer_list BIGINT NOT NULL,
    operation TEXT COLLATE "C" NOT NULL,
    total_parts BIGINT NOT NULL,
    created_at_ms BIGINT NOT NULL,
    started_at_ms BIGINT,
    ready_at_ms BIGINT,
    valid BIGINT,
    invalid BIGINT,
    errors TEXT COLLATE "C",
    written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (image, number)
);

ALTER TABLE list_uploads ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON list_uploads USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE listed_accounts (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    digits BIGINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, digits, id)
);

ALTER TABLE listed_accounts ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON listed_accounts USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE next_facebook_ids (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    position BIGINT NOT NULL,
    facebook_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, position)
);

ALTER TABLE next_facebook_ids ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON next_facebook_ids USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE FUNCTION next_key_of_pixels() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SET search_path FROM CURRENT AS $$
    BEGIN RETURN (SELECT coalesce(max(key), 0) + 1 FROM pixels); END $$;

CREATE TABLE pixels (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    key BIGINT DEFAULT next_key_of_pixels() NOT NULL,
    facebook_id TEXT COLLATE "C" NOT NULL,
    account TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    tag TEXT COLLATE "C" NOT NULL,
    creator TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, key),
    UNIQUE (image, facebook_id)
);

CREATE INDEX ix_pixels_account ON pixels (image, account);

ALTER TABLE pixels ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON pixels USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE sequences (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    next BIGINT NOT NULL,
    PRIMARY KEY (image, name)
);

ALTER TABLE sequences ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON sequences USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE shares (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    position BIGINT NOT NULL,
    audience_key BIGINT NOT NULL,
    recipient_kind TEXT COLLATE "C" NOT NULL,
    recipient TEXT COLLATE "C" NOT NULL,
    giver TEXT COLLATE "C",
    shared_at_ms BIGINT NOT NULL,
    PRIMARY KEY (image, position),
    UNIQUE (image, audience_key, recipient_kind, recipient)
);

CREATE INDEX shares_by_recipient ON shares (image, recipient_kind, recipient, position);

ALTER TABLE shares ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON shares USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE tokens (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    digest BYTEA NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    family BIGINT NOT NULL,
    app TEXT COLLATE "C",
    scopes TEXT COLLATE "C",
    ad_accounts TEXT COLLATE "C",
    expires_at_ms BIGINT,
    revoked BOOLEAN NOT NULL,
    PRIMARY KEY (image, digest)
);

CREATE INDEX ix_tokens_family ON tokens (image, family);

ALTER TABLE tokens ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON tokens USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE upload_parts (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    upload BIGINT NOT NULL,
    part BIGINT NOT NULL,
    file BIGINT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (image, upload, part)
);

ALTER TABLE upload_parts ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON upload_parts USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE upload_pieces (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    file BIGINT NOT NULL,
    piece BIGINT NOT NULL,
    content BYTEA NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (image, file, piece)
);

ALTER TABLE upload_pieces ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON upload_pieces USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE FUNCTION next_key_of_uploads() RETURNS bigint LANGUAGE plpgsql VOLATILE
    SET search_path FROM CURRENT AS $$
    BEGIN RETURN (SELECT coalesce(max(key), 0) + 1 FROM uploads); END $$;

CREATE TABLE uploads (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    key BIGINT DEFAULT next_key_of_uploads() NOT NULL,
    audience_key BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    user_type TEXT COLLATE "C" NOT NULL,
    lines BIGINT NOT NULL,
    valid BIGINT NOT NULL,
    "distinct" BIGINT NOT NULL,
    added BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    invalid BIGINT NOT NULL,
    invalid_lines TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, key)
);

CREATE INDEX ix_uploads_audience_key ON uploads (image, audience_key);

ALTER TABLE uploads ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON uploads USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE user_blocks (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    user_set BIGINT NOT NULL,
    part BIGINT NOT NULL,
    digests BYTEA NOT NULL,
    written_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    PRIMARY KEY (image, user_set, part)
);

ALTER TABLE user_blocks ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON user_blocks USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE TABLE world_metadata (
    image BIGINT DEFAULT current_setting('audience_mock.image')::bigint NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (image, name)
);

ALTER TABLE world_metadata ENABLE ROW LEVEL SECURITY;

CREATE POLICY one_image ON world_metadata USING (image = current_setting('audience_mock.image')::bigint) WITH CHECK (image = current_setting('audience_mock.image')::bigint);

CREATE FUNCTION instr(within text, part text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT
    AS $$ SELECT position(part IN within) $$;

CREATE FUNCTION copy_image(source bigint) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE made bigint := nextval('images');
    BEGIN
    INSERT INTO ad_accounts (image, "id", "created_at_ms", "updated_at_ms", "name", "business", "owner_id", "owner_username", "country", "currency", "time_zone", "permissions")
        SELECT made, "id", "created_at_ms", "updated_at_ms", "name", "business", "owner_id", "owner_username", "country", "currency", "time_zone", "permissions" FROM ad_accounts WHERE image = source;
    INSERT INTO apps (image, "id", "digest")
        SELECT made, "id", "digest" FROM apps WHERE image = source;
    INSERT INTO audiences (image, "key", "api", "number", "account", "kind", "name", "description", "definition", "created_by", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "policy", "people", "facebook_id", "user_type", "user_set", "opt_out_link", "origin_id", "retention_days", "facebook_object", "customer_list")
        SELECT made, "key", "api", "number", "account", "kind", "name", "description", "definition", "created_by", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "policy", "people", "facebook_id", "user_type", "user_set", "opt_out_link", "origin_id", "retention_days", "facebook_object", "customer_list" FROM audiences WHERE image = source;
    INSERT INTO businesses (image, "id", "name")
        SELECT made, "id", "name" FROM businesses WHERE image = source;
    INSERT INTO customer_lists (image, "number", "account", "name", "list_type", "is_nca", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "batches", "uploaded_records", "removed_records", "people", "unnamed_people", "user_set", "link_set")
        SELECT made, "number", "account", "name", "list_type", "is_nca", "created_at_ms", "updated_at_ms", "ready_at_ms", "held_status", "batches", "uploaded_records", "removed_records", "people", "unnamed_people", "user_set", "link_set" FROM customer_lists WHERE image = source;
    INSERT INTO customer_segments (image, "number", "account", "name", "members", "created_at_ms", "updated_at_ms")
        SELECT made, "number", "account", "name", "members", "created_at_ms", "updated_at_ms" FROM customer_segments WHERE image = source;
    INSERT INTO known_users (image, "digest")
        SELECT made, "digest" FROM known_users WHERE image = source;
    INSERT INTO list_uploads (image, "number", "customer_list", "operation", "total_parts", "created_at_ms", "started_at_ms", "ready_at_ms", "valid", "invalid", "errors", "written_at")
        SELECT made, "number", "customer_list", "operation", "total_parts", "created_at_ms", "started_at_ms", "ready_at_ms", "valid", "invalid", "errors", "written_at" FROM list_uploads WHERE image = source;
    INSERT INTO listed_accounts (image, "digits", "id")
        SELECT made, "digits", "id" FROM listed_accounts WHERE image = source;
    INSERT INTO next_facebook_ids (image, "position", "facebook_id")
        SELECT made, "position", "facebook_id" FROM next_facebook_ids WHERE image = source;
    INSERT INTO pixels (image, "key", "facebook_id", "account", "name", "tag", "creator")
        SELECT made, "key", "facebook_id", "account", "name", "tag", "creator" FROM pixels WHERE image = source;
    INSERT INTO sequences (image, "name", "next")
        SELECT made, "name", "next" FROM sequences WHERE image = source;
    INSERT INTO shares (image, "position", "audience_key", "recipient_kind", "recipient", "giver", "shared_at_ms")
        SELECT made, "position", "audience_key", "recipient_kind", "recipient", "giver", "shared_at_ms" FROM shares WHERE image = source;
    INSERT INTO tokens (image, "digest", "kind", "family", "app", "scopes", "ad_accounts", "expires_at_ms", "revoked")
        SELECT made, "digest", "kind", "family", "app", "scopes", "ad_accounts", "expires_at_ms", "revoked" FROM tokens WHERE image = source;
    INSERT INTO upload_parts (image, "upload", "part", "file", "size_bytes")
        SELECT made, "upload", "part", "file", "size_bytes" FROM upload_parts WHERE image = source;
    INSERT INTO upload_pieces (image, "file", "piece", "content", "written_at")
        SELECT made, "file", "piece", "content", "written_at" FROM upload_pieces WHERE image = source AND file IN (SELECT file FROM upload_parts WHERE image = source);
    INSERT INTO uploads (image, "key", "audience_key", "received_at_ms", "user_type", "lines", "valid", "distinct", "added", "matched", "invalid", "invalid_lines")
        SELECT made, "key", "audience_key", "received_at_ms", "user_type", "lines", "valid", "distinct", "added", "matched", "invalid", "invalid_lines" FROM uploads WHERE image = source;
    INSERT INTO user_blocks (image, "user_set", "part", "digests", "written_at")
        SELECT made, "user_set", "part", "digests", "written_at" FROM user_blocks WHERE image = source AND user_set IN (SELECT user_set FROM audiences WHERE image = source AND user_set IS NOT NULL
        UNION ALL SELECT user_set FROM customer_lists WHERE image = source AND user_set IS NOT NULL
        UNION ALL SELECT link_set FROM customer_lists WHERE image = source AND link_set IS NOT NULL);
    INSERT INTO world_metadata (image, "name", "value")
        SELECT made, "name", "value" FROM world_metadata WHERE image = source;
    UPDATE list_uploads SET started_at_ms = NULL, ready_at_ms = NULL
        WHERE image = made AND started_at_ms IS NOT NULL AND valid IS NULL;
    RETURN made;
    END $$;

CREATE FUNCTION keep_numbers_of_writers(old bigint, made bigint) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    UPDATE sequences SET next = greatest(sequences.next, before.next)
    FROM sequences AS before
    WHERE sequences.image = made AND before.image = old AND before.name = sequences.name
        AND sequences.name IN ('user_set', 'uploaded_file') $$;

CREATE FUNCTION drop_image(dropped bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
    IF EXISTS (SELECT FROM worlds WHERE image = dropped)
        OR EXISTS (SELECT FROM snapshots WHERE image = dropped) THEN
        RAISE EXCEPTION 'image % is in use', dropped;
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

CREATE FUNCTION image_bytes(counted bigint) RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT
    AS $$ SELECT (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM ad_accounts AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM apps AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM audiences AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM businesses AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM customer_lists AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM customer_segments AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM known_users AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM list_uploads AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM listed_accounts AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM next_facebook_ids AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM pixels AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM sequences AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM shares AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM tokens AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM upload_parts AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM upload_pieces AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM uploads AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM user_blocks AS t WHERE image = counted)
        + (SELECT coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM world_metadata AS t WHERE image = counted) $$;

CREATE FUNCTION measure_worlds() RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO usage (world, kind, tenant, amount)
    SELECT w.name, counted.kind, split_part(w.name, '.', 1), counted.amount
    FROM worlds AS w CROSS JOIN LATERAL (VALUES ('worlds', 1::bigint), ('audiences', (SELECT count(*) FROM audiences AS t WHERE t.image = w.image)::bigint), ('lists', (SELECT count(*) FROM customer_lists AS t WHERE t.image = w.image)::bigint), ('uploads', (SELECT count(*) FROM list_uploads AS t WHERE t.image = w.image AND t.started_at_ms IS NULL)::bigint), ('tokens', (SELECT count(*) FROM tokens AS t WHERE t.image = w.image)::bigint), ('bytes', image_bytes(w.image)::bigint), ('journal', (SELECT coalesce(sum(held_bytes), 0) FROM journals AS t WHERE t.image = w.image)::bigint), ('snapshots', (SELECT coalesce(sum(image_bytes(t.image)), 0) FROM snapshots AS t WHERE t.world = w.name)::bigint)) AS counted(kind, amount)
    WHERE w.name NOT LIKE '@%'
    ON CONFLICT (world, kind) DO UPDATE SET amount = excluded.amount $$;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN NEW.written_at := now(); RETURN NEW; END $$;

CREATE TRIGGER touch BEFORE UPDATE ON list_uploads FOR EACH ROW EXECUTE FUNCTION touch();

CREATE FUNCTION delete_unowned(older_than interval) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
    DELETE FROM user_blocks AS t USING (
            SELECT image, user_set FROM user_blocks GROUP BY image, user_set
            HAVING max(written_at) < now() - older_than
        ) AS old
        WHERE t.image = old.image AND t.user_set = old.user_set
            AND NOT EXISTS (SELECT FROM (SELECT user_set FROM audiences WHERE image = old.image AND user_set IS NOT NULL
        UNION ALL SELECT user_set FROM customer_lists WHERE image = old.image AND user_set IS NOT NULL
        UNION ALL SELECT link_set FROM customer_lists WHERE image = old.image AND link_set IS NOT NULL) AS owned(of)
                WHERE owned.of = old.user_set);
    DELETE FROM upload_pieces AS t USING (
            SELECT image, file FROM upload_pieces GROUP BY image, file
            HAVING max(written_at) < now() - older_than
        ) AS old
        WHERE t.image = old.image AND t.file = old.file
            AND NOT EXISTS (SELECT FROM (SELECT file FROM upload_parts WHERE image = old.image) AS owned(of)
                WHERE owned.of = old.file);
    UPDATE list_uploads SET started_at_ms = NULL, ready_at_ms = NULL
        WHERE started_at_ms IS NOT NULL AND valid IS NULL AND written_at < now() - older_than;
    END $$;

CREATE FUNCTION count_call(
        of_image bigint, of_caller text, names text[], most bigint[], lengths_ms bigint[], now_ms bigint,
        OUT tightest integer, OUT calls_left bigint, OUT resets_in_ms bigint, OUT is_within boolean
    ) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    #variable_conflict use_column
    DECLARE
        least bigint := 9223372036854775807;
        counted record;
    BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(of_caller, of_image));
    FOR place IN 1 .. array_length(names, 1) LOOP
        INSERT INTO windows AS w (image, caller, name, ends_at_ms, calls_left, calls)
        VALUES (of_image, of_caller, names[place], now_ms + lengths_ms[place], most[place] - 1, most[place])
        ON CONFLICT (image, caller, name) DO UPDATE SET
            ends_at_ms = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.ends_at_ms ELSE excluded.ends_at_ms END,
            calls_left = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.calls_left - 1 ELSE excluded.calls_left END,
            calls = CASE WHEN w.ends_at_ms - now_ms BETWEEN 1 AND lengths_ms[place]
                THEN w.calls ELSE excluded.calls END
        RETURNING w.ends_at_ms, w.calls_left INTO counted;
        IF counted.calls_left < least THEN
            tightest := place - 1;
            least := counted.calls_left;
            resets_in_ms := counted.ends_at_ms - now_ms;
        END IF;
    END LOOP;
    is_within := least >= 0;
    calls_left := greatest(least, 0);
    IF NOT is_within THEN
        UPDATE windows SET calls_left = windows.calls_left + 1
        WHERE image = of_image AND caller = of_caller AND name = ANY(names);
    END IF;
    END $$;

CREATE FUNCTION trim_journal(of_image bigint, max_entries bigint, max_bytes bigint)
    RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        counted journals;
        dropped_bytes bigint;
    BEGIN
    SELECT * INTO counted FROM journals WHERE image = of_image FOR UPDATE;
    WHILE counted.entries > max_entries OR (counted.held_bytes > max_bytes AND counted.entries > 0) LOOP
        DELETE FROM journal WHERE image = of_image AND number = counted.last - counted.entries + 1
        RETURNING journal.held_bytes INTO dropped_bytes;
        counted.entries := counted.entries - 1;
        counted.held_bytes := counted.held_bytes - coalesce(dropped_bytes, 0);
    END LOOP;
    UPDATE journals SET entries = counted.entries, held_bytes = counted.held_bytes WHERE image = of_image;
    END $$;

CREATE FUNCTION clear_journal(of_image bigint) RETURNS void
    LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
    UPDATE journals SET cleared_at = last, entries = 0, held_bytes = 0 WHERE image = of_image;
    DELETE FROM journal WHERE image = of_image;
    END $$;

CREATE FUNCTION add_to_journal(
        of_image bigint, of_at_ms bigint, of_bytes bigint, of_record bytea, max_entries bigint,
        max_bytes bigint
    ) RETURNS bigint LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    DECLARE
        counted journals;
    BEGIN
    INSERT INTO journals AS j (image, last, entries, held_bytes) VALUES (of_image, 1, 1, of_bytes)
    ON CONFLICT (image) DO UPDATE
        SET last = j.last + 1, entries = j.entries + 1, held_bytes = j.held_bytes + of_bytes
    RETURNING j.* INTO counted;
    INSERT INTO journal (image, number, at_ms, held_bytes, record)
    VALUES (of_image, counted.last, of_at_ms, of_bytes, of_record);
    IF counted.entries > max_entries OR counted.held_bytes > max_bytes THEN
        PERFORM trim_journal(of_image, max_entries, max_bytes);
    END IF;
    RETURN counted.last;
    END $$;
