#!/bin/sh
# Writes random passwords into secrets/, once: those that exist remain. Names of gateways as arguments get an account at the broker.
set -eu
cd "$(dirname "$0")"
# The containers read the files as users of their own: the folder protects them, not their modes.
mkdir -p secrets
chmod 700 secrets
umask 022
random() { head -c 24 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }
for name in database_password grafana_admin grafana_password mqtt; do
  [ -e "secrets/$name" ] || random > "secrets/$name"
done
touch secrets/broker_passwords
grep -q '^telegraf:' secrets/broker_passwords || echo "telegraf:$(cat secrets/mqtt)" >> secrets/broker_passwords
for gateway in "$@"; do
  grep -q "^$gateway:" secrets/broker_passwords || echo "$gateway:$(random)" >> secrets/broker_passwords
done
