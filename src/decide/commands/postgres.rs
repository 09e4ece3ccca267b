//! PostgreSQL: dump, proof of the dump, and restore into a fresh database that is then swapped in by name.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// How a database is reached, as arguments of every PostgreSQL client.
#[derive(Debug, Clone)]
pub(in crate::decide) struct Database<'a> {
    pub(in crate::decide) name: &'a str,
    pub(in crate::decide) user: Option<&'a str>,
    pub(in crate::decide) host: Option<&'a str>,
    pub(in crate::decide) port: Option<u16>,
}

impl Database<'_> {
    fn client(&self, program: &str, flags: &[&str]) -> Vec<String> {
        let mut argv = vec![program.to_owned()];
        argv.extend(flags.iter().map(|flag| (*flag).to_owned()));
        argv.push("--no-password".to_owned());
        argv.extend(self.user.iter().map(|user| format!("--username={user}")));
        argv.extend(self.host.iter().map(|host| format!("--host={host}")));
        argv.extend(self.port.iter().map(|port| format!("--port={port}")));
        argv
    }

    pub(in crate::decide) fn dump(&self) -> Vec<String> {
        let mut argv = self.client("pg_dump", &["--format=custom"]);
        argv.push(format!("--dbname={}", self.name));
        argv
    }

    /// Reads a finished dump on standard input and lists it: a truncated or foreign file fails.
    pub(in crate::decide) fn check() -> Vec<String> {
        vec!["pg_restore".to_owned(), "--list".to_owned()]
    }

    /// Restores in order: fresh database, fill it, swap it in. A failure before the swap leaves the present data as it
    /// is; a second go after the swap keeps the data that was there first under its aside name. `mark` makes the names of
    /// the fresh and the kept database: it is the same for every go at one restore.
    pub(in crate::decide) fn restore(&self, mark: &str, present: Present) -> Vec<Restore> {
        let fresh = self.derived(mark, "new");
        let trash = self.derived(mark, "drop");
        let aside = self.aside(mark);
        let mut fill = self.client("pg_restore", &["--exit-on-error"]);
        fill.push(format!("--dbname={fresh}"));
        let drop = |name: &str| format!("DROP DATABASE IF EXISTS {}", identifier(name));
        let gone = (present == Present::Goes).then(|| drop(&aside));
        vec![
            Restore::Run(
                self.sql(&[
                    drop(&fresh),
                    format!("CREATE DATABASE {} TEMPLATE template0", identifier(&fresh)),
                ]),
            ),
            Restore::Read(fill),
            Restore::Run(
                self.sql(
                    &[
                        vec![
                            drop(&trash),
                            self.close_doors(),
                            format!(
                                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}",
                                literal(self.name)
                            ),
                            self.swap(&fresh, &aside, &trash),
                            drop(&trash),
                        ],
                        gone.into_iter().collect(),
                    ]
                    .concat(),
                ),
            ),
        ]
    }

    /// Name under which the data that was there before a restore stays.
    pub(in crate::decide) fn aside(&self, mark: &str) -> String {
        self.derived(mark, "before")
    }

    fn sql(&self, statements: &[String]) -> Vec<String> {
        let mut argv = self.client("psql", &["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]);
        let maintenance = if self.name == "postgres" { "template1" } else { "postgres" };
        argv.push(format!("--dbname={maintenance}"));
        argv.extend(statements.iter().map(|statement| format!("--command={statement}")));
        argv
    }

    /// No new client gets in while names change.
    fn close_doors(&self) -> String {
        let close = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false", identifier(self.name));
        format!("DO $do$ BEGIN {} END $do$", if_there(self.name, &execute(&close)))
    }

    /// One statement, so that all of it happens or none: owner of the present database to the fresh one, present aside
    /// (to be dropped when an earlier go has already kept the first), fresh in its place.
    fn swap(&self, fresh: &str, aside: &str, trash: &str) -> String {
        let rename = |from: &str, to: &str| {
            let (from, to) = (identifier(from), identifier(to));
            execute(&format!("ALTER DATABASE {from} RENAME TO {to}"))
        };
        let open =
            |name: &str| execute(&format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true", identifier(name)));
        let owner = format!(
            "EXECUTE format('ALTER DATABASE {} OWNER TO %I', (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE \
             datname = {}));",
            identifier(fresh).replace('\'', "''").replace('%', "%%"),
            literal(self.name)
        );
        let put_away = format!(
            "IF EXISTS (SELECT 1 FROM pg_database WHERE datname = {}) THEN {} ELSE {} {} END IF;",
            literal(aside),
            rename(self.name, trash),
            rename(self.name, aside),
            open(aside)
        );
        let present = if_there(self.name, &format!("{owner} {put_away}"));
        format!("DO $do$ BEGIN {present} {} END $do$", rename(fresh, self.name))
    }

    /// A name of at most 63 bytes, PostgreSQL's limit, that nobody else makes.
    fn derived(&self, mark: &str, what: &str) -> String {
        let digest = Sha256::digest(format!("{mark}/{}", self.name).as_bytes());
        let short = digest.iter().take(4).fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let head: String = self.name.chars().take(40).collect();
        format!("{head}_{what}_{short}")
    }
}

/// What becomes of the data that was there before a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decide) enum Present {
    /// It stays under its aside name: there is no other copy of it.
    Stays,
    /// It goes: a verified copy was taken before.
    Goes,
}

/// One command of a restore.
#[derive(Debug)]
pub(in crate::decide) enum Restore {
    /// It reads nothing.
    Run(Vec<String>),
    /// It reads the backup on standard input.
    Read(Vec<String>),
}

fn if_there(name: &str, then: &str) -> String {
    format!("IF EXISTS (SELECT 1 FROM pg_database WHERE datname = {}) THEN {then} END IF;", literal(name))
}

fn execute(statement: &str) -> String {
    format!("EXECUTE {};", literal(statement))
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
