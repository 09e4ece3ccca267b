# `just` lists everything. The operators' recipes are the very file that `holdpoint init` writes on a host.

import 'release.just'

_list:
    @just --list --unsorted

# Formatting, lints and the tests that need nothing but git
[group('development')]
quick:
    ./test.sh --quick

# Everything; installs what is missing
[group('development')]
test *flags:
    ./test.sh {{ flags }}

# What the gate runs: nothing skipped, dependencies checked
[group('development')]
ci:
    .ci/run

# Put the source in the agreed form
[group('development')]
fmt:
    cargo fmt

# Accept or refuse what the tests saw a person see
[group('development')]
review:
    INSTA_UPDATE=always cargo nextest run
    git diff --stat -- '*.snap' '*.rs'

# Write the schemas and the API's document again, as the types and routes are now
[group('development')]
schemas:
    HOLDPOINT_TEST_WRITE=1 cargo nextest run --lib -E 'test(every_schema_is_what) | test(the_document_is_what)'
    git diff --stat -- '*.json'

# What is shipped: the binary, what is in it, and their hashes; `--twice` builds it in two folders and compares
[group('development')]
dist *flags:
    .ci/dist {{ flags }}
