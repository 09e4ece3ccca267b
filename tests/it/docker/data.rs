//! Data of containers, saved before a release and put back by its revert, byte for byte.

use std::process::Command;

use super::both;
use super::engine::{Generation, Well};
use super::postgres;
use super::stack::{Piece, Stack};
use crate::support::{Output, manifest, skip};

both!(a_volume_comes_back_byte_for_byte_with_owners_and_modes, |generation: Generation| {
    let stack = Stack::up(generation);
    stack.get("db", "/cgi-bin/put?colour=green");
    stack.inside(
        "db",
        "cd /data && busybox mkdir -p deep/er && busybox head -c 300000 /dev/urandom >deep/er/random \
         && : >empty && busybox ln -s deep/er/random link && busybox ln colour twin \
         && busybox chown 4242:4343 colour && busybox chmod 0640 colour && busybox chmod 2750 deep \
         && busybox touch -d '2020-02-02 02:02:02' deep/er/random && echo odd >'a name with spaces'",
    );
    let before = manifest(&stack.volume());
    stack.publish("db", "2", Well::AtOnce);
    let container = stack.container_name("db");
    stack.host.script(
        "1234",
        "wreck",
        &format!(
            "docker exec {container} /bin/sh -c 'cd /data && busybox rm -r deep link && echo red >colour \
             && busybox chmod 0777 empty && echo new >added'\necho 'no such column: theme' >&2\nexit 3",
        ),
    );
    stack.release("1234", "db", "2");

    stack.host.run(["run", "1234"]).exits(1).shows("release-run failed in phase ticket. To roll back:");
    assert_ne!(manifest(&stack.volume()), before);
    stack.host.run(["revert", "1234", "--yes"]).exits(0);

    assert_eq!(manifest(&stack.volume()), before);
    assert_eq!(stack.get("db", "/data/colour"), "green");
    assert_eq!(stack.get("db", "/version"), "db:1");
    assert_eq!(stack.host.state("1234", "STATUS"), "reverted");
    stack.host.run(["revert", "1234", "--yes"]).exits(0).shows("already reverted");
});

both!(a_database_comes_back_with_its_rows, |generation: Generation| {
    if postgres::programs().is_none() {
        return skip("no PostgreSQL server");
    }
    let pg = Piece::other("pg", "/var/lib/postgresql", postgres::server)
        .backup("[{ kind = \"postgres\", in = \"pg\", database = \"wiki\", user = \"postgres\" }]");
    let stack = Stack::of(generation, "", vec![pg]);
    let ask =
        |sql: &str| stack.inside("pg", &format!("psql -U postgres -At -v ON_ERROR_STOP=1 -c \"{sql}\" wiki"));
    stack.inside("pg", "createdb -U postgres wiki");
    ask("create table page (name text primary key, views int)");
    ask("insert into page select 'page ' || n, n from generate_series(1, 1000) n");
    stack.registry.publish("pg:2", postgres::server);
    let container = stack.container_name("pg");
    stack.host.script(
        "1234",
        "drop",
        &format!("docker exec {container} psql -U postgres -c 'drop table page' wiki\nexit 3"),
    );
    stack.release("1234", "pg", "2");

    stack.host.run(["run", "1234"]).exits(1).shows("release-run failed in phase ticket. To roll back:");
    let sets = stack.host.prod().join(".asd/workspace/backups/pg");
    let mut list = Command::new("sh");
    list.args(["-c", "for dump in */1-postgres/*; do pg_restore --list \"$dump\"; done"]).current_dir(sets);
    Output::of(list).exits(0).shows("TABLE DATA public page");
    assert_eq!(ask("select count(*) from pg_tables where tablename = 'page'"), "0");

    stack.host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(ask("select count(*), sum(views) from page"), "1000|500500");
    assert_eq!(stack.image("pg"), stack.registry.name("pg:1"));
});
