#!/bin/sh
# Runs once, on an empty data volume: the role the service logs in with owns nothing and bypasses nothing.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
  --set password="$PARLEY_DB_PASSWORD" <<'SQL'
CREATE ROLE parley LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT CONNECT ON DATABASE parley TO parley;
CREATE EXTENSION IF NOT EXISTS vector;
SQL
