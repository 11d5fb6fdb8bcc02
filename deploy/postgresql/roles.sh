#!/bin/sh
# Runs in the image of PostgreSQL when its volume is empty: see compose.postgresql.yaml.
exec psql --username "$POSTGRES_USER" --set owner_password="$OWNER_PASSWORD" \
    --set serving_password="$SERVING_PASSWORD" --file /roles.sql
