#!/bin/sh
# In the container of the database, once: the user of Grafana, who can only read.
set -eu
psql --no-psqlrc --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" \
  --set=password="$(cat /run/secrets/grafana_password)" <<'SQL'
CREATE ROLE grafana LOGIN PASSWORD :'password';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO grafana;
SQL
