#!/bin/sh
# Sets up the etcd that keeps the rollouts of a fleet. Read it, then run it where the certificates are to be made:
#
#   sh etcd-setup.sh certificates   an authority, a certificate for each member, coordinators and agents: in ./etcd
#   sh etcd-setup.sh member HOST    how that member is started, with the files that it needs
#   sh etcd-setup.sh users          once they run: users and roles; from then on nobody gets in without a password
#   sh etcd-setup.sh settings       what to write into fleet.toml; with a HOST: into agent.toml on that host
#   sh etcd-setup.sh status         who leads, and how large each member's data is
#   sh etcd-setup.sh defragment     gives room back to the disk, one member after the other
#
# What is there is never made anew: to renew a certificate take its files away and make it again.
set -eu
umask 077

members='ledger1 ledger2 ledger3' # HOST, or HOST:PORT:PORT with the ports for clients and for other members
hosts='' # hosts with agents, by their names in fleet.toml
prefix='holdpoint/'
folder=${ETCD_SETUP_FOLDER:-etcd}
files=${ETCD_SETUP_FILES:-/etc/holdpoint-etcd}   # where a member has its certificates
data=${ETCD_SETUP_DATA:-/var/lib/holdpoint-etcd} # where it keeps its data

fail() {
    echo "etcd-setup: $*" >&2
    exit 1
}

host_of() { echo "${1%%:*}"; }
client_port() { case $1 in *:*:*) rest=${1#*:} && echo "${rest%%:*}" ;; *) echo 2379 ;; esac; }
peer_port() { case $1 in *:*:*) echo "${1##*:}" ;; *) echo 2380 ;; esac; }
# No name may be an address twice: members on one machine differ by their port.
name_of() { echo "$(host_of "$1")-$(client_port "$1")"; }

endpoints() {
    list=''
    for member in $members; do list=$list${list:+,}https://$(host_of "$member"):$(client_port "$member"); done
    echo "$list"
}

quietly() { "$@" 2>"$folder/openssl.log" || { cat "$folder/openssl.log" >&2 && fail "\`$1\` failed"; }; }

# No certificate has a CN: etcd's gateway takes no user from it, and refuses one that has it once there are users.
certificate() { # name, what it is for, alternative names
    [ ! -e "$folder/$1.pem" ] || return 0
    quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/O=holdpoint/OU=$1" \
        -keyout "$folder/$1.key" -out "$folder/$1.csr"
    printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=%s\n%s\n' "$2" "${3:+subjectAltName=$3}" >"$folder/$1.ext"
    quietly openssl x509 -req -days 825 -in "$folder/$1.csr" -CA "$folder/ca.pem" -CAkey "$folder/ca.key" \
        -CAcreateserial -extfile "$folder/$1.ext" -out "$folder/$1.pem"
    rm "$folder/$1.csr" "$folder/$1.ext"
    echo "made $folder/$1.pem"
}

certificates() {
    mkdir -p "$folder"
    if [ ! -e "$folder/ca.pem" ]; then
        quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
            -subj /O=holdpoint/OU=authority -keyout "$folder/ca.key" -out "$folder/ca.pem"
        echo "made $folder/ca.pem; keep $folder/ca.key away from every machine that needs no new certificates"
    fi
    for member in $members; do
        host=$(host_of "$member")
        case $host in *[!0-9.]*) names=DNS:$host ;; *) names=IP:$host ;; esac
        # The gateway of a member is a client of the member itself.
        certificate "$(name_of "$member")" serverAuth,clientAuth "$names"
    done
    certificate coordinator clientAuth ''
    agents=''
    for host in $hosts; do
        certificate "agent-$host" clientAuth ''
        agents="$agents agent-$host"
    done
    for user in root coordinator $agents; do
        [ -e "$folder/$user.password" ] || openssl rand -hex 24 >"$folder/$user.password"
    done
    rm -f "$folder/openssl.log" "$folder/ca.srl"
}

member() {
    found='' all=''
    for member in $members; do
        all=$all${all:+,}$(name_of "$member")=https://$(host_of "$member"):$(peer_port "$member")
        [ "$member" != "${1:-}" ] || found=$member
    done
    [ -n "$found" ] || fail "name one of: $members"
    host=$(host_of "$found") name=$(name_of "$found")
    # etcd listens on addresses, not on names.
    case $host in *[!0-9.]*) here=0.0.0.0 ;; *) here=$host ;; esac
    cat <<END
# On $host: ca.pem, $name.pem and $name.key in $files, readable by the user that runs this.
etcd --name $name --data-dir $data/$name \\
  --listen-client-urls https://$here:$(client_port "$found") --advertise-client-urls https://$host:$(client_port "$found") \\
  --listen-peer-urls https://$here:$(peer_port "$found") --initial-advertise-peer-urls https://$host:$(peer_port "$found") \\
  --initial-cluster $all --initial-cluster-state new --initial-cluster-token holdpoint \\
  --client-cert-auth --trusted-ca-file $files/ca.pem --cert-file $files/$name.pem --key-file $files/$name.key \\
  --peer-client-cert-auth --peer-trusted-ca-file $files/ca.pem --peer-cert-file $files/$name.pem --peer-key-file $files/$name.key \\
  --auto-compaction-mode periodic --auto-compaction-retention 1h --max-request-bytes 8388608
END
}

ctl() {
    # Without most of its members etcd leaves a question open for ever.
    ETCDCTL_API=3 timeout 60 etcdctl --endpoints "$(endpoints)" --cacert "$folder/ca.pem" --cert "$folder/coordinator.pem" \
        --key "$folder/coordinator.key" "$@"
}

# Passwords are in files and in the environment, never on a command line that others see.
as_root() {
    ETCDCTL_USER=root:$(cat "$folder/root.password")
    export ETCDCTL_USER
}

user() { # name, role
    ctl user get "$1" >/dev/null 2>&1 || ctl user add "$1" --interactive=false <"$folder/$1.password"
    ctl user grant-role "$1" "$2" >/dev/null
}

# Of each host a user that reads its own orders, answers them, and says that it is there: nothing else, not even of itself.
agent() {
    ctl role get "agent-$1" >/dev/null 2>&1 || ctl role add "agent-$1"
    ctl role grant-permission "agent-$1" --prefix=true read "${prefix}agents/$1/order" >/dev/null
    ctl role grant-permission "agent-$1" --prefix=true readwrite "${prefix}agents/$1/answer" >/dev/null
    ctl role grant-permission "agent-$1" --prefix=true readwrite "${prefix}agents/$1/alive" >/dev/null
    user "agent-$1" "agent-$1"
}

users() {
    ctl user list >/dev/null 2>&1 || as_root
    ctl user list >/dev/null || fail "no member lets us in: do they run? \`sh etcd-setup.sh member HOST\` says how"
    ctl role get coordinator >/dev/null 2>&1 || ctl role add coordinator
    ctl role grant-permission coordinator --prefix=true readwrite "$prefix" >/dev/null
    user root root
    user coordinator coordinator
    for host in $hosts; do agent "$host"; done
    [ -n "${ETCDCTL_USER:-}" ] || ctl auth enable
    as_root
    ctl user list
}

ledger() { # user, folder of its files
    cat <<END
[ledger.etcd]
endpoints = ["$(endpoints | sed 's/,/", "/g')"]
ca = "$2ca.pem"
cert = "$2$1.pem"
key = "$2$1.key"
user = "$1"
password_file = "$2$1.password"
prefix = "$prefix"
END
}

settings() {
    [ -n "$1" ] || { ledger coordinator "$folder/" && return; }
    case " $hosts " in *" $1 "*) ;; *) fail "name one of: $hosts" ;; esac
    cat <<END
# On $1: /etc/holdpoint/agent.toml, with ca.pem, agent-$1.pem, agent-$1.key and agent-$1.password beside it.
host = "$1"
folder = "/srv/site" # its project folder, as fleet.toml has it

END
    ledger "agent-$1" ''
}

case ${1:-} in
    certificates) certificates ;;
    member) member "${2:-}" ;;
    users) users ;;
    settings) settings "${2:-}" ;;
    status) as_root && ctl endpoint status --write-out table ;;
    defragment) as_root && ctl --command-timeout 60s defrag ;;
    *) sed -n '4,9s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
