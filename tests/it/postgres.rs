//! A database on the host itself, without containers: dumped before a release, proven readable, and put back by a
//! revert, against a real PostgreSQL server.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::support::{Output, Port, Scene, Service, lacks, skip, wait_until};

/// A server of our own on a socket of our own. Dropped: shut down, with its data.
struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: Port,
    child: Child,
    /// Whom the server runs as; it refuses to be root.
    user: Option<(u32, u32)>,
}

impl Server {
    /// Starts one; none: not here, and recorded as skipped.
    fn start() -> Option<Self> {
        if lacks(&["pg_dump", "pg_restore", "psql"]) {
            return None;
        }
        let Some(programs) = newest_programs() else {
            skip("no PostgreSQL server");
            return None;
        };
        let everybody = std::fs::Permissions::from_mode(0o755);
        let folder =
            tempfile::Builder::new().prefix("holdpoint-pg-").permissions(everybody).tempdir().unwrap();
        let user = geteuid().is_root().then(|| {
            // Whoever owns Debian's own data folder is the one made for this.
            let home = std::fs::metadata("/var/lib/postgresql").unwrap();
            chown(folder.path(), Some(home.uid()), Some(home.gid())).unwrap();
            (home.uid(), home.gid())
        });
        let data = folder.path().join("data");
        let port = Port::free();
        let mut make = as_user(&programs.join("initdb"), user);
        make.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--locale=C",
            "--encoding=UTF8",
            "-D",
        ]);
        Output::of(with(make, &data)).exits(0);
        let mut serve = as_user(&programs.join("postgres"), user);
        serve.args(["-c", "listen_addresses=", "-p", &port.number().to_string(), "-k"]).arg(folder.path());
        serve.stdout(Stdio::null()).stderr(Stdio::null()).arg("-D").arg(&data);
        let child = serve.spawn().unwrap();
        let server = Self { programs, folder, port, child, user };
        wait_until("the database answers", || server.psql("postgres", "select 1").code == Some(0));
        Some(server)
    }

    fn socket(&self) -> &Path {
        self.folder.path()
    }

    fn psql(&self, database: &str, sql: &str) -> Output {
        let mut command = as_user(&self.programs.join("psql"), self.user);
        command.args(["-U", "postgres", "-At", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        command.args(["-p", &self.port.number().to_string(), "-h"]);
        Output::of(with(command, self.socket()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).unwrap();
        // INT is its fast shutdown; if it is gone already there is nothing to stop.
        let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::INT);
        let _ = self.child.wait();
    }
}

fn newest_programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("postgres").is_file()).max()
}

fn as_user(program: &Path, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC").current_dir("/").stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}

fn with(mut command: Command, last: &Path) -> Command {
    command.arg(last);
    command
}

#[test]
fn a_database_on_the_host_comes_back_with_its_rows() {
    let Some(server) = Server::start() else { return };
    server.psql("postgres", "create database wiki").exits(0);
    server.psql("wiki", "create table page (name text primary key, views int)").exits(0);
    server.psql("wiki", "insert into page select 'page ' || n, n from generate_series(1, 1000) n").exits(0);
    let (socket, port) = (server.socket().display().to_string(), server.port.number());
    let backup = format!(
        "[{{ kind = \"postgres\", database = \"wiki\", user = \"postgres\", host = \"{socket}\", port = {port} }}]"
    );
    let host = Scene::new().service(Service::new("wikijs").backup(&backup)).build();
    let drop = format!("psql -U postgres -h {socket} -p {port} -c 'drop table page' wiki\nexit 3");
    host.script("1234", "drop", &drop);
    host.bump("1234", "wikijs", "2");
    host.push();

    host.run(["run", "1234"]).exits(1).shows("release-run failed in phase ticket. To roll back:");
    server.psql("wiki", "select count(*) from page").fails();
    let mut list = host.command("sh", &host.prod().join(".asd/workspace/backups/wikijs"));
    list.args(["-c", "for dump in */1-postgres/*; do pg_restore --list \"$dump\"; done"]);
    Output::of(list).exits(0).shows("TABLE DATA public page");

    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(
        server.psql("wiki", "select count(*), sum(views) from page").exits(0).stdout.trim(),
        "1000|500500"
    );
    assert_eq!(host.image("wikijs"), "wikijs:1");
}
