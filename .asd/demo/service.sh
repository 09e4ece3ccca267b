#!/usr/bin/env bash
# Starts, stops and looks at a service of the demo: what a host writes for a service that no container runs.
#   service.sh start NAME IMAGE | stop NAME | status NAME | image NAME | logs NAME
set -euo pipefail

verb=$1 name=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
conf=$root/packages/$name/service.conf
if [ ! -r "$conf" ]; then
    echo "$name is not here: \`holdpoint demo --keep\` makes a host that has it" >&2
    exit 3
fi
# PORT, DATA and what this version of the service is like.
. "$conf"
pid_file=$DATA.pid image_file=$DATA.image log=$DATA.log

# A process that has ended and that nobody has asked about yet (a zombie) does not count.
alive() { kill -0 "$1" 2>/dev/null && ! grep -qs '^State:[[:space:]]*Z' "/proc/$1/status"; }
running() { [ -s "$pid_file" ] && alive "$(cat "$pid_file")"; }

case $verb in
start)
    running && exit 0
    mkdir -p "$DATA"
    echo "$3" >"$image_file"
    echo "$(date -u +%FT%TZ) $3 starts on port $PORT" >>"$log"
    holdpoint __demo-service --name "$name" --image "$3" --port "$PORT" --data "$DATA" --pid-file "$pid_file" \
        --page "$root/packages/$name/page.txt" --health "${HEALTH:-ok}" --rewrite "${REWRITE:-no}" \
        </dev/null >>"$log" 2>&1 &
    for _ in $(seq 100); do
        running && exit 0
        sleep 0.05
    done
    echo "$name did not start; its last words:" >&2
    tail -n 5 "$log" >&2
    exit 1
    ;;
stop)
    running || exit 0
    pid=$(cat "$pid_file")
    kill "$pid"
    for _ in $(seq 100); do
        alive "$pid" || { rm -f "$pid_file"; exit 0; }
        sleep 0.05
    done
    echo "$name (process $pid) does not stop" >&2
    exit 1
    ;;
status) running || { echo "$name is stopped"; exit 3; }; echo "$name is running" ;;
image) running && cat "$image_file" ;;
logs) tail -n 50 "$log" ;;
*) echo "$0: no verb \`$verb\`" >&2; exit 2 ;;
esac
