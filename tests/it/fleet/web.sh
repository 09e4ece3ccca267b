#!/bin/sh
# A small service of a host in a fleet: its state lies beside the checkout, in the host's own folder.
#   web.sh start|stop|recreate|status|image|logs|well
set -eu
root=$(cd "${0%/*}/.." && pwd -P)
run=${root%/*}/run
mkdir -p "$run"
case $1 in
    start | recreate)
        head -n 1 "$root/packages/web/image" >"$run/image"
        cat "$run/image" >>"$run/calls"
        ;;
    stop) rm -f "$run/image" ;;
    status)
        [ -s "$run/image" ] || { echo stopped; exit 3; }
        echo running
        ;;
    image | logs) cat "$run/image" ;;
    well)
        until [ ! -e "$run/wait" ]; do sleep 0.02; done
        if grep -sqxF "$(cat "$run/image")" "$run/trouble"; then
            echo "$(cat "$run/image") is not well"
            exit 1
        fi
        ;;
    *) exit 2 ;;
esac
