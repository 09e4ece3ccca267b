#!/usr/bin/env bash
# Everything that must hold, in one command. `--quick` is the loop while writing: no installing, no containers.
#
#   ./test.sh                 installs what is missing (as root or with sudo), then checks and tests everything
#   ./test.sh --quick         formatting, lints, and the tests that need nothing but git
#   ./test.sh --no-install    everything, with what is here; what cannot run is skipped and named at the end
#   ./test.sh --faults        every kill, every failing call, every power cut, instead of a part of them: hours, on its own
#   ./test.sh --faults NAME…  one or more of: errors kills power disks racing shapes terminals model inputs records roles
#                             planted rest; NAME=K/N: the K-th of N parts of it
#   ./test.sh --counts        what the names and parts of --faults that were run here have counted, and at which commit
#
# HOLDPOINT_FORBID_SKIPS=1 makes a skipped test a failure (the gate in .ci/run does).
set -euo pipefail
cd "$(dirname "$0")"

every_name=(planted kills errors power disks racing shapes terminals model inputs records roles rest)
quick=0 install=1 faults=0 counts_only=0 names=()
for argument in "$@"; do
    case $argument in
        --quick) quick=1 install=0 ;;
        --no-install) install=0 ;;
        --faults) faults=1 ;;
        --counts) counts_only=1 install=0 ;;
        -h | --help) sed -n '2,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
        [a-z]*)
            if [ $faults = 0 ] || [[ ! " ${every_name[*]} " == *" ${argument%%=*} "* ]] ||
                [[ $argument == *=* && ! $argument =~ ^[a-z]+=[1-9][0-9]*/[1-9][0-9]*$ ]]; then
                echo "test.sh: unknown argument \`$argument\`: try ./test.sh --help" >&2
                exit 2
            fi
            names+=("$argument")
            ;;
        *) echo "test.sh: unknown argument \`$argument\`: try ./test.sh --help" >&2; exit 2 ;;
    esac
done

tools=$PWD/target/tools
skips=$PWD/target/skipped-tests
counts=$PWD/target/fault-counts
counted=$PWD/target/faults-counted
mkdir -p "$tools" "$counted"
# What is only shown takes nothing from a run that goes on beside it.
[ $counts_only = 0 ] && : >"$skips" || counts=$counts.shown
: >"$counts"
export HOLDPOINT_TEST_SKIPS=$skips HOLDPOINT_FAULT_RESULTS=$counts
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}

step() { printf '\n== %s  (%d s)\n' "$*" "$SECONDS"; }
has() { command -v "$1" >/dev/null 2>&1; }
# Administration programs are not always on an ordinary user's path.
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# ---------------------------------------------------------------- what the tests need

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif has sudo; then
        sudo -- "$@"
    else
        echo "test.sh: \`$1\` needs root: run ./test.sh as root, install sudo, or go without: ./test.sh --no-install" >&2
        exit 1
    fi
}

postgres_server() { compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
busybox_static() { has busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

missing_packages() {
    has git || echo git
    has cc || echo build-essential
    has strace || echo strace
    has ssh-keygen || echo openssh-client
    [ -x /usr/sbin/sshd ] || echo openssh-server
    has jq || echo jq
    has perl || echo perl
    has shellcheck || echo shellcheck
    has mkfs.ext4 || echo e2fsprogs
    has mkfs.xfs || echo xfsprogs
    has sshfs || echo sshfs
    [ -x /usr/lib/openssh/sftp-server ] || echo openssh-sftp-server
    has fuse-overlayfs || echo fuse-overlayfs
    has docker || echo docker.io
    has dockerd || echo docker.io
    has docker-compose || echo docker-compose
    has docker-registry || echo docker-registry
    has mariadbd || echo mariadb-server
    has podman || echo podman
    has runc || echo runc
    /usr/bin/python3 -c 'import dotenv, yaml' 2>/dev/null || printf '%s\n' python3-dotenv python3-yaml
    busybox_static || echo busybox-static
    has pg_restore || echo postgresql-client
    postgres_server || echo postgresql
    python3 -c 'import pip' 2>/dev/null || echo python3-pip
    python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
    has chromium || echo chromium
    has curl || echo curl
    has openssl || echo openssl
    has nginx || echo nginx
    has prometheus || echo prometheus
    has etcd || echo etcd-server
    has etcdctl || echo etcd-client
    has ip || echo iproute2
}

install_packages() {
    local missing
    mapfile -t missing < <(missing_packages | sort -u)
    [ ${#missing[@]} -gt 0 ] || return 0
    if ! has apt-get; then
        echo "test.sh: missing: ${missing[*]} (Debian's names): install them, or go without: ./test.sh --no-install" >&2
        exit 1
    fi
    step "installing ${missing[*]}"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends -y "${missing[@]}"
}

start_engine() {
    docker info >/dev/null 2>&1 && return 0
    step "starting a container engine"
    if has systemctl && [ -d /run/systemd/system ]; then
        as_root systemctl start docker
    else
        as_root sh -c "setsid dockerd >'$tools/dockerd.log' 2>&1 </dev/null &"
    fi
    for _ in $(seq 60); do
        docker info >/dev/null 2>&1 && return 0
        sleep 1
    done
    echo "test.sh: the container engine does not answer: see $tools/dockerd.log, \`docker info\`" >&2
    exit 1
}

# Debian 12 has compose v1, and a podman-compose that cannot show its configuration. What follows them is Debian 13's,
# unpacked beside them and never installed. apt reads the other suite into folders of ours, from the mirror that this
# machine uses, and checks its signature.
fetch_newer() {
    local mirror scratch package
    has apt-get || return 0
    step "fetching $*"
    # shellcheck disable=SC2016  # apt's own placeholder
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Component: main' | grep -v security | head -n 1)
    scratch=$(mktemp -d "$tools/apt.XXXXXX")
    mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial" "$scratch/etc"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$scratch/list"
    local apt=(
        apt-get -qq -o "Dir::Etc::SourceList=$scratch/list" -o Dir::Etc::SourceParts=- -o Dir::Etc::Preferences=/dev/null
        -o Dir::Etc::PreferencesParts=/dev/null -o "Dir::State::Lists=$scratch/lists" -o "Dir::Cache=$scratch/cache"
        -o APT::Sandbox::User=
    )
    "${apt[@]}" update
    (cd "$scratch" && "${apt[@]}" download "$@")
    for package in "$@"; do
        rm -rf "$tools/$package.new"
        dpkg-deb --extract "$scratch/$package"_*.deb "$tools/$package.new"
        mv "$tools/$package.new" "$tools/$package"
    done
    rm -rf "$scratch"
}

fetch_composes() {
    local wanted=()
    [ -n "${HOLDPOINT_TEST_COMPOSE_V2:-}" ] || [ -d "$tools/docker-compose" ] || wanted+=(docker-compose)
    [ -n "${HOLDPOINT_TEST_PODMAN_COMPOSE:-}" ] || [ -d "$tools/podman-compose" ] || wanted+=(podman-compose)
    [ ${#wanted[@]} = 0 ] || fetch_newer "${wanted[@]}"
}

# It runs with the machine's own Python, from where it was unpacked.
podman_compose() {
    local program=$tools/podman-compose/podman-compose
    printf '#!/bin/sh\nPYTHONPATH=%s exec /usr/bin/python3 -m podman_compose "$@"\n' \
        "$tools/podman-compose/usr/lib/python3/dist-packages" >"$program"
    chmod +x "$program"
    echo "$program"
}

fetch_just() {
    has just && return 0
    [ ! -x "$tools/just/bin/just" ] || return 0
    step "fetching just"
    python3 -m pip install --quiet --no-deps --target "$tools/just" rust-just==1.59.0
}

# What drives the browser and what tries the API, in an environment of its own: these very versions, for a newer one finds
# other faults on another day. The marker names what is in it.
fetch_browser() {
    local whole=$tools/browser/with-schemathesis-4.32.5
    [ -z "${HOLDPOINT_TEST_BROWSER_PYTHON:-}" ] && [ ! -e "$whole" ] || return 0
    step "fetching playwright, axe and schemathesis"
    python3 -m venv --clear "$tools/browser"
    "$tools/browser/bin/python" -m pip install --quiet 'playwright==1.65.2' 'axe-playwright-python==0.1.8' 'schemathesis==4.32.5'
    touch "$whole"
}

install_nextest() {
    cargo nextest --version >/dev/null 2>&1 && return 0
    step "installing cargo-nextest"
    cargo install --locked cargo-nextest
}

if [ $install = 1 ]; then
    install_packages
    start_engine
    fetch_composes
    fetch_just
    fetch_browser
    install_nextest
fi
plugin=$tools/docker-compose/usr/libexec/docker/cli-plugins/docker-compose
if [ -x "$plugin" ]; then
    export HOLDPOINT_TEST_COMPOSE_V2=${HOLDPOINT_TEST_COMPOSE_V2:-$plugin}
fi
if [ -d "$tools/podman-compose" ]; then
    export HOLDPOINT_TEST_PODMAN_COMPOSE=${HOLDPOINT_TEST_PODMAN_COMPOSE:-$(podman_compose)}
fi
[ ! -x "$tools/just/bin/just" ] || export PATH=$PATH:$tools/just/bin

# ---------------------------------------------------------------- what must hold

# The build in which bugs can be planted is another file; then the true one is made again.
build_planted() {
    local built=target/$1/holdpoint profile=${1/debug/dev}
    step "the build to plant bugs in"
    mkdir -p target/planted
    cargo build --quiet --profile "$profile" --features faults
    cp "$built" target/planted/holdpoint.new
    mv target/planted/holdpoint.new target/planted/holdpoint
    cargo build --quiet --profile "$profile"
    export HOLDPOINT_TEST_PLANTED=$PWD/target/planted/holdpoint
}

# Hosts live in memory: a release syncs dozens of times, and whatever is about a disk brings one of its own.
hosts_in_memory() {
    [ -z "${TMPDIR:-}" ] && [ "$(id -u)" = 0 ] || return 0
    memory=$(mktemp -d /tmp/holdpoint-faults.XXXXXX)
    if mount -t tmpfs -o size=8g,mode=1777 tmpfs "$memory" 2>/dev/null; then
        export TMPDIR=$memory
    else
        rmdir "$memory"
        memory=
    fi
}

tests_of() {
    case $1 in
        errors) echo 'test(/^faults::errors::/)' ;;
        kills) echo 'test(/^faults::sweeps::/)' ;;
        power) echo 'test(/^faults::power::/)' ;;
        disks) echo 'test(/^faults::full::/)' ;;
        racing) echo 'test(/^faults::racing::/)' ;;
        shapes) echo 'test(/^faults::shapes::/)' ;;
        terminals) echo 'test(/^faults::terminal::/)' ;;
        model) echo 'test(/^faults::model::/)' ;;
        inputs) echo 'test(/^faults::corpus::|canaries/) | kind(lib)' ;;
        records) echo 'test(/^records::/)' ;;
        planted) echo 'test(/^faults::planted::/)' ;;
        roles) echo 'test(/^http::(matrix|outlives)::/)' ;;
        rest) echo 'test(/^faults::/) - test(/^faults::(errors|sweeps|power|full|racing|shapes|terminal|model|corpus|planted)::/)' ;;
    esac
}

# One name, or a part of it; what it counts is kept, in place of what an earlier run of the same counted.
try_name() {
    local name=${1%%=*} part='' kept commit began=$SECONDS ended="to its end"
    [[ $1 != *=* ]] || part=${1#*=}
    kept=$counted/$name${part:+.${part//\//-}}
    step "$1"
    [ "$name" != planted ] || build_planted faults
    # Parts of one name add up; anything else that was counted of it does not.
    find "$counted" -maxdepth 1 -name "$name*" ! -name "$name.*-${part#*/}" -delete
    : >"$kept.new"
    commit=$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- src tests recovery Cargo.lock || echo ' with changes')
    HOLDPOINT_FAULTS=full HOLDPOINT_FAULTS_PART=${part:-1/1} HOLDPOINT_FAULT_RESULTS=$kept.new \
        cargo nextest run --cargo-profile faults --profile faults -E "$(tests_of "$name")" || ended="and failed" failed=1
    printf '#\t%s\tat %s, %s, in %d min %02d s, %s\n' "$1" "$commit" "$(date -u +%F)" \
        $(((SECONDS - began) / 60)) $(((SECONDS - began) % 60)) "$ended" >>"$kept.new"
    mv "$kept.new" "$kept"
    cat "$kept" >>"$counts"
}

# How many cases of each promise were tried and held, and which planted bugs were found.
show_faults() {
    [ -s "$counts" ] || return 0
    printf '\n%-8s %-52s %9s\n' promise "what was tried" "held"
    sort -V "$counts" | awk -F '\t' '
        $1 == "#" { runs[++r] = sprintf("%-12s %s", $2, $3); next }
        # One bug may be looked for in several ways.
        $1 == "planted" { if (!($2 in bugs)) planted++; bugs[$2]; if ($3 && !($2 in found)) caught++; if ($3) found[$2]; next }
        { key = $1 FS $2; if (!(key in of)) order[++n] = key; held[key] += $3; of[key] += $4; h[$1] += $3; o[$1] += $4
          if (!(($1) in o2)) { o2[$1] = 1; promises[++m] = $1 } }
        END {
            for (i = 1; i <= n; i++) { split(order[i], part, FS)
                printf "%-8s %-52s %4d of %d\n", part[1], part[2], held[order[i]], of[order[i]] }
            for (i = 1; i <= m; i++) { all += o[promises[i]]; ok += h[promises[i]]
                printf "%-8s %-52s %4d of %d\n", promises[i], "together", h[promises[i]], o[promises[i]] }
            printf "%-8s %-52s %4d of %d\n", "all", "", ok, all
            if (planted) printf "planted bugs caught: %d of %d\n", caught, planted
            for (i = 1; i <= r; i++) print runs[i]
        }'
}
at_end() {
    show_faults
    [ -z "$memory" ] || { umount -R -l "$memory"; rmdir "$memory"; }
}
memory=
trap at_end EXIT

show_skips() {
    if [ -s "$skips" ]; then
        printf '\nskipped, and why:\n'
        sort "$skips" | uniq -c
    else
        printf '\nnothing was skipped\n'
    fi
}

if [ $counts_only = 1 ]; then
    cat "$counted"/* >"$counts" 2>/dev/null || echo "nothing was counted yet: ./test.sh --faults"
    exit
fi

if [ $faults = 1 ]; then
    [ ${#names[@]} -gt 0 ] || names=("${every_name[@]}")
    hosts_in_memory
    failed=0
    for name in "${names[@]}"; do try_name "$name"; done
    show_skips
    exit $failed
fi

step "formatting"
cargo fmt --check

if has shellcheck; then
    step "shell scripts"
    git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run .ci/dist | xargs -0 shellcheck
fi

step "lints"
cargo clippy --quiet --all-targets -- -D warnings
if grep -q '^\[features\]' Cargo.toml; then
    cargo clippy --quiet --all-targets --all-features -- -D warnings
fi

if [ $quick = 1 ]; then
    step "tests that need nothing but git"
    cargo nextest run
else
    step "documentation"
    RUSTDOCFLAGS='-D warnings' cargo doc --quiet --no-deps
    cargo test --quiet --doc
    build_planted debug
    step "tests"
    # Much of a test's time is waiting for programs, deadlines and disks: half as many again as there are processors.
    cargo nextest run --profile ci --test-threads $(($(nproc) * 3 / 2))
fi

show_skips
printf 'all of it held, in %d min %02d s\n' $((SECONDS / 60)) $((SECONDS % 60))
