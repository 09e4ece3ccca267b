//! A MySQL database on the host itself, without containers: dumped before a release, proven whole, and put back by a
//! revert, against a real MariaDB server.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::support::{Host, Output, Scene, Service, lacks, wait_until};

/// A server of our own on a socket of our own. Dropped: shut down, with its data.
struct Server {
    folder: TempDir,
    child: Child,
}

/// Smaller and less careful than a server that keeps anything.
const SETTINGS: [&str; 6] = [
    "--skip-networking",
    "--innodb-buffer-pool-size=8M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
    "--skip-innodb-doublewrite",
    "--event-scheduler=OFF",
];

impl Server {
    /// Starts one; none: not here, and recorded as skipped.
    fn start() -> Option<Self> {
        if lacks(&["mariadbd", "mariadb-install-db", "mysqldump", "mysql"]) {
            return None;
        }
        let everybody = std::fs::Permissions::from_mode(0o755);
        let folder =
            tempfile::Builder::new().prefix("holdpoint-my-").permissions(everybody).tempdir().unwrap();
        let mut common = vec!["--no-defaults".to_owned()];
        if geteuid().is_root() {
            // Whoever owns Debian's own data folder is the one made for this.
            let home = std::fs::metadata("/var/lib/mysql").unwrap();
            chown(folder.path(), Some(home.uid()), Some(home.gid())).unwrap();
            common.push("--user=mysql".to_owned());
        }
        common.push(format!("--datadir={}", folder.path().join("data").display()));
        let mut make = clean("mariadb-install-db");
        make.args(&common).args([
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-log-bin",
        ]);
        Output::of(make).exits(0);
        let mut serve = clean("mariadbd");
        serve.args(&common).args(SETTINGS).stdout(Stdio::null()).stderr(Stdio::null());
        serve.arg(format!("--socket={}", folder.path().join("socket").display()));
        serve.arg(format!("--pid-file={}", folder.path().join("pid").display()));
        let server = Self { child: serve.spawn().unwrap(), folder };
        wait_until("the database answers", || server.sql("mysql", "select 1").code == Some(0));
        Some(server)
    }

    fn socket(&self) -> String {
        self.folder.path().join("socket").display().to_string()
    }

    fn client(&self, program: &str) -> Command {
        let mut command = clean(program);
        command.args(["--no-defaults", "--user=root", &format!("--socket={}", self.socket())]);
        command
    }

    fn sql(&self, database: &str, sql: &str) -> Output {
        let mut command = self.client("mysql");
        command.args([
            "--batch",
            "--skip-column-names",
            "--default-character-set=utf8mb4",
            "-e",
            sql,
            database,
        ]);
        Output::of(command)
    }

    /// Everything in a database as statements: tables, rows, views, triggers, routines, events.
    fn content(&self, database: &str) -> String {
        let mut command = self.client("mysqldump");
        command.args(["--routines", "--events", "--triggers", "--hex-blob", "--skip-dump-date", database]);
        Output::of(command).exits(0).stdout
    }

    /// A host whose service keeps its data here, reached as an operator's own client settings say.
    fn host(&self) -> Host {
        let backup = "[{ kind = \"mysql\", database = \"wiki\", user = \"root\" }]";
        let host = Scene::new().service(Service::new("wikijs").backup(backup)).build();
        let settings = format!("[client]\nsocket={}\n", self.socket());
        std::fs::write(host.root().join("home/.my.cnf"), settings).unwrap();
        host
    }

    fn fill(&self) {
        self.sql("mysql", "create database wiki character set utf8mb4").exits(0);
        let statements = [
            "create table page (id int auto_increment primary key, name varchar(80) unique, body longblob, seen int null)",
            "insert into page (name, body, seen) select concat('page ', seq), char(0, 13, 10, 39, 92, seq), seq from seq_1_to_1000",
            "insert into page (name, body, seen) values ('žluťoučký 🔑 \\'quoted\\' -- not a comment', null, null)",
            "create table log (what text)",
            "create view seen as select name from page where seen > 500",
            "create trigger note after delete on page for each row insert into log values (concat('gone: ', old.name))",
            "create function twice(n int) returns int deterministic return n * 2",
            "create event tidy on schedule every 1 day disable do delete from log",
        ];
        for statement in statements {
            self.sql("wiki", statement).exits(0);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let id = i32::try_from(self.child.id()).unwrap();
        // If it is gone already there is nothing to stop.
        let _ = kill_process(Pid::from_raw(id).unwrap(), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TZ", "UTC").current_dir("/");
    command.stdin(Stdio::null());
    command
}

/// The one file of the newest set of a service.
fn dump(host: &Host) -> std::path::PathBuf {
    let stamp = host.state("1234", "BACKUPS").strip_prefix("wikijs=").unwrap().to_owned();
    host.workspace(&format!("backups/wikijs/{stamp}/1-mysql/database.sql"))
}

fn truncate(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() - 60]).unwrap();
}

#[test]
fn a_database_on_the_host_comes_back_with_all_that_is_in_it() {
    let Some(server) = Server::start() else { return };
    server.fill();
    let before = server.content("wiki");
    let host = server.host();
    let ruin = "delete from page where seen > 100; drop view seen; drop function twice; drop event tidy; \
                create table added (n int); insert into page (name) values ('new')";
    host.script("1234", "ruin", &format!("mysql --user=root -e '{ruin}' wiki\nexit 3"));
    host.ships("1234", "wikijs", "2");

    host.run(["run", "1234"]).exits(1).shows("release-run failed in phase ticket. To roll back:");
    assert_ne!(server.content("wiki"), before, "the script ruined nothing: nothing is proven");
    assert!(std::fs::read_to_string(dump(&host)).unwrap().contains("-- Dump completed"));

    host.run(["revert", "1234", "--yes"]).exits(0).shows("safety copy of wikijs");
    assert_eq!(server.content("wiki"), before);
    assert_eq!(server.sql("wiki", "select count(*) from seen").exits(0).stdout.trim(), "500");
    assert_eq!(host.image("wikijs"), "wikijs:1");
    host.run(["backup", "verify", "wikijs"]).exits(0);
}

#[test]
fn a_database_that_cannot_be_dumped_whole_stops_the_release_before_anything_moves() {
    let Some(server) = Server::start() else { return };
    let host = server.host();
    host.ships("1234", "wikijs", "2");
    let base = host.head();
    host.run(["run", "1234"]).exits(1).shows("Unknown database").shows("Nothing was changed.");
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    // A view over a table that is gone: the dump ends in the middle of it.
    server.fill();
    server.sql("wiki", "rename table page to elsewhere").exits(0);
    host.run(["run", "1234"]).exits(1).shows("backup.wikijs.1").shows("Nothing was changed.");
    assert_eq!(host.calls(), [""; 0]);
    server.sql("wiki", "rename table elsewhere to page").exits(0);
    host.run(["run", "1234"]).exits(0);
}

#[test]
fn a_dump_that_lost_its_end_is_not_restored() {
    let Some(server) = Server::start() else { return };
    server.fill();
    let host = server.host();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let before = server.content("wiki");
    truncate(&dump(&host));
    host.run(["revert", "1234", "--yes"]).exits(4).shows("backup-unverified");
    assert_eq!(server.content("wiki"), before);
}
