#!/usr/bin/env bash
# Prints how many notes each service has after the release: a script that only looks.
# holdpoint: idempotent
set -euo pipefail

for name in wiki tickets; do
    . "packages/$name/service.conf"
    echo "$name has $(wc -l <"$DATA/notes.txt") notes"
done
