//! Shows that the containers of these tests are real: pulled from the registry, well by their own health check, and
//! keeping data in a volume.

use super::engine::{Well, docker};
use super::stack::{Piece, Stack};
use super::{Generation, both, postgres};
use crate::support::{skip, wait_until};

both!(a_stack_runs_from_its_registry_and_keeps_data, |generation: Generation| {
    let stack = Stack::up(generation);
    assert_eq!(stack.get("web", "/version"), "web:1");
    assert_eq!(stack.get("db", "/cgi-bin/put?colour=green"), "kept");
    assert_eq!(stack.get("db", "/data/colour"), "green");
    assert_eq!(std::fs::read_to_string(stack.volume().join("colour")).unwrap(), "green\n");
    assert_eq!(stack.inside("web", "echo $0"), "/bin/sh");
    let by_name = docker(["inspect", "--format", "{{.Id}}", &stack.container_name("web")]);
    assert_eq!(by_name, stack.container("web"));
    stack.release("1234", "web", "2");
    stack.host.git(["pull", "-q"]).exits(0);
    stack.compose("web", &["pull", "web"]).fails().shows("manifest unknown");
    stack.publish("web", "2", Well::After(5));
    stack.compose("web", &["pull", "web"]).exits(0);
    stack.compose("web", &["up", "-d", "--no-deps", "--force-recreate", "web"]).exits(0);
    assert_eq!(stack.image("web"), stack.registry.name("web:2"));
    wait_until("it is unhealthy", || stack.health("web") == "unhealthy");
    wait_until("it is healthy", || stack.health("web") == "healthy");
});

both!(a_real_postgres_keeps_rows_in_its_volume, |generation: Generation| {
    if postgres::programs().is_none() {
        return skip("no PostgreSQL server");
    }
    let pg = Piece::other("pg", "/var/lib/postgresql", postgres::server)
        .backup("[{ kind = \"postgres\", in = \"pg\", database = \"wiki\", user = \"postgres\" }]");
    let stack = Stack::of(generation, "", vec![pg]);
    stack.inside(
        "pg",
        "createdb -U postgres wiki && psql -U postgres -qc 'create table page (name text)' wiki",
    );
    stack.inside("pg", "psql -U postgres -qc \"insert into page values ('home')\" wiki");
    stack.compose("pg", &["up", "-d", "--force-recreate"]).exits(0);
    wait_until("it is well", || stack.health("pg") == "healthy");
    assert_eq!(stack.inside("pg", "psql -U postgres -Atc 'select name from page' wiki"), "home");
    stack.inside(
        "pg",
        "pg_dump -U postgres -Fc wiki >/tmp/dump && pg_restore --list /tmp/dump | busybox grep -q page",
    );
});
