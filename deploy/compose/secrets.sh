#!/bin/sh
# Make the secrets of this deployment once, readable by nobody else.
set -eu
cd "$(dirname "$0")"
if [ -e .env ]; then
    echo ".env exists already and is kept" >&2
    exit 0
fi
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }
umask 077
cat > .env <<END
POSTGRES_PASSWORD=$(random)
COLLEGIUM_API_TOKEN=$(random)
COLLEGIUM_WORKER_TOKEN=$(random)
END
echo "wrote .env" >&2
