#!/usr/bin/env bash
# Writes the first note on the wiki's new welcome page.
#
# A ticket's script is plain bash. It runs after the services are new, once, with TICKET, BASE_SHA, MERGE_SHA, SERVICES
# and BACKUPS in its environment, and with the values of `.env`.
# holdpoint: timeout=1m
set -euo pipefail
. packages/wiki/service.conf

note="welcome to the new wiki (ticket $TICKET)"
if ! grep -qxF "$note" "$DATA/notes.txt" 2>/dev/null; then
    echo "$note" >>"$DATA/notes.txt"
fi
echo "the welcome page has $(wc -l <"$DATA/notes.txt") notes"
