#!/bin/sh
# A small real service for the tests: an HTTP server with an image, data and a health page, and troubles to order.
#
#   service.sh NAME start|stop|recreate|status|image|logs|pull
#
# It lives outside the checkout, as a host's own tool would. Its image is the first line of packages/NAME/image.
set -eu
host=$(cd "${0%/*}" && pwd -P)
name=$1 verb=$2
run=$host/run/$name trouble=$host/trouble/$name
read -r port <"$run/port" || [ -n "$port" ]

# Shell built-ins where they do: this is started many times in every test.
intended() {
    read -r line <"$host/prod/packages/$name/image" || [ -e "$host/prod/packages/$name/image" ]
    echo "$line"
}
# A process that ended but was not yet collected by its parent no longer runs.
running() {
    [ -s "$run/pid" ] || return 1
    read -r pid <"$run/pid"
    read -r _ _ state _ 2>/dev/null <"/proc/$pid/stat" || return 1
    [ "$state" != Z ] && [ "$state" != X ]
}
ordered() { [ -e "$trouble/$1" ] && { [ ! -s "$trouble/$1" ] || [ "$(cat "$trouble/$1")" = "$image" ]; }; }

start() {
    image=$(intended)
    if ordered start-fails; then
        echo "$name: cannot start $image: exec format error" | tee -a "$run/log" >&2
        exit 1
    fi
    if [ ! -e "$host/images/$image" ]; then
        echo "No such image: $image" >&2
        exit 1
    fi
    echo "$image" >"$run/image"
    rm -f "$run/www/healthz"
    wait=0
    ! ordered healthy-after || wait=$(cat "$run/healthy-after")
    if ordered unhealthy; then wait=never; fi
    echo "$name: starting $image" >>"$run/log"
    # A session of its own, so that the server outlives the step that starts it and stops as a whole.
    # shellcheck disable=SC2016  # the inner shell's own arguments
    setsid sh -c '
        case $3 in
            never) ;;
            0) echo ok >"$2/www/healthz" ;;
            *) (sleep "$3"; echo ok >"$2/www/healthz") & ;;
        esac
        if command -v busybox >/dev/null; then
            exec busybox httpd -f -p "127.0.0.1:$1" -h "$2/www"
        fi
        exec python3 -m http.server "$1" --bind 127.0.0.1 --directory "$2/www"
    ' sh "$port" "$run" "$wait" >>"$run/log" 2>&1 </dev/null &
    echo $! >"$run/pid"
}

stop() {
    running || return 0
    kill -TERM "-$(cat "$run/pid")" 2>/dev/null || true
    tries=0
    while running; do
        tries=$((tries + 1))
        [ $tries -lt 250 ] || kill -KILL "-$(cat "$run/pid")" 2>/dev/null || true
        [ $tries -lt 300 ] || { echo "$name: does not stop" >&2; exit 1; }
        sleep 0.01
    done
    echo "$name: stopped" >>"$run/log"
    rm -f "$run/pid"
}

case $verb in
    status | image | logs) ;;
    *) echo "$name $verb $(intended)" >>"$host/calls" ;;
esac
case $verb in
    start) running || start ;;
    stop) stop ;;
    recreate)
        stop
        start
        ;;
    status)
        running || { echo stopped; exit 3; }
        echo running
        ;;
    image) cat "$run/image" ;;
    logs) tail -n 50 "$run/log" ;;
    pull)
        image=$(intended)
        if ordered pull-denied; then
            echo "Error response from daemon: pull access denied for ${image%%:*}, repository does not exist or may require 'docker login'" >&2
            exit 1
        fi
        : >"$host/images/$image"
        echo "pulled $image"
        ;;
    *)
        echo "$name: no such verb: $verb" >&2
        exit 2
        ;;
esac
