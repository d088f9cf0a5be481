#!/usr/bin/env bash
# Runs once, when the volume is empty: a user for the monitor that owns its database and nothing else, and one for
# Grafana that may only read, and not for long.
set -euo pipefail

monitor=$(cat /run/secrets/tapewatch_database_password)
grafana=$(cat /run/secrets/grafana_database_password)

psql --set ON_ERROR_STOP=1 --set monitor="$monitor" --set grafana="$grafana" --username "${POSTGRES_USER:-postgres}" <<'SQL'
CREATE ROLE tapewatch LOGIN PASSWORD :'monitor' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE ROLE grafana LOGIN PASSWORD :'grafana' NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT 10;
CREATE DATABASE tapewatch OWNER tapewatch;
REVOKE ALL ON DATABASE tapewatch FROM PUBLIC;
GRANT CONNECT ON DATABASE tapewatch TO grafana;
ALTER ROLE grafana SET default_transaction_read_only = on;
ALTER ROLE grafana SET statement_timeout = '15s';
\connect tapewatch
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO tapewatch;
GRANT USAGE ON SCHEMA public TO grafana;
ALTER DEFAULT PRIVILEGES FOR ROLE tapewatch IN SCHEMA public GRANT SELECT ON TABLES TO grafana;
SQL
