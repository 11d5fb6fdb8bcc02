-- Run once by a superuser, before `audience-mock migrate`:
--
--   psql --set owner_password=… --set serving_password=… --file deploy/postgresql/roles.sql
--
-- mock_owner makes the tables and owns them. Servers connect as mock_serving, which owns nothing: row policies,
-- which keep worlds apart, do not apply to an owner.
\set ON_ERROR_STOP on
CREATE ROLE mock_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE mock_serving LOGIN PASSWORD :'serving_password';
CREATE DATABASE mock OWNER mock_owner;
REVOKE ALL ON DATABASE mock FROM PUBLIC;
GRANT CONNECT ON DATABASE mock TO mock_serving;
