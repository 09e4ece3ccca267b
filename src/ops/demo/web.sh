#!/bin/sh
# The service of a host in the fleet demo: what it runs lies beside the checkout.
#   web.sh start|stop|status|image|logs|well
set -eu
root=$(cd "${0%/*}/.." && pwd -P)
run=${root%/*}/run
mkdir -p "$run"
case $1 in
    start) head -n 1 "$root/packages/web/image" >"$run/image" ;;
    stop) rm -f "$run/image" ;;
    status)
        [ -s "$run/image" ] || { echo stopped; exit 3; }
        echo running
        ;;
    image | logs) cat "$run/image" ;;
    well)
        if grep -q 'HEALTH=failing' "$root/packages/web/service.conf"; then
            echo "$(cat "$run/image") answers with errors"
            exit 1
        fi
        echo "$(cat "$run/image") is well"
        ;;
    *) exit 2 ;;
esac
