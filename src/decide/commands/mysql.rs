//! MySQL and MariaDB: dump, proof of the dump, restore.
//!
//! The official images keep the root password only in the container's environment, under one of several names, and newer
//! MariaDB images have the clients only under their own names. So the client is started by a fixed line of the container's
//! own shell; what varies (user, database) stays an argument and is never joined into it.

/// Starts `$0` (or its MariaDB name) with the arguments, with the password that the server itself was given.
const CLIENT: &str = "\
: \"${MYSQL_PWD:=${MYSQL_ROOT_PASSWORD:-${MARIADB_ROOT_PASSWORD:-}}}\"; export MYSQL_PWD; \
case $0 in mysqldump) other=mariadb-dump ;; *) other=mariadb ;; esac; \
if command -v \"$0\" >/dev/null 2>&1; then exec \"$0\" \"$@\"; else exec \"$other\" \"$@\"; fi";

/// Where the clients run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::decide) enum Place {
    /// In the database's container.
    Container,
    /// On this host.
    Host,
}

fn client(place: Place, program: &str, user: Option<&str>, rest: &[String]) -> Vec<String> {
    let mut argv: Vec<String> = match place {
        Place::Container => ["sh", "-c", CLIENT, program].map(str::to_owned).to_vec(),
        Place::Host => vec![program.to_owned()],
    };
    argv.push(format!("--user={}", user.unwrap_or("root")));
    argv.extend(rest.iter().cloned());
    argv
}

/// Writes the whole database to standard output, with the statements that drop and make it again. Text is read as what it
/// may be (older clients would turn four-byte characters into question marks), and bytes are written as digits.
pub(in crate::decide) fn dump(place: Place, user: Option<&str>, database: &str) -> Vec<String> {
    let flags = [
        "--default-character-set=utf8mb4",
        "--hex-blob",
        "--single-transaction",
        "--routines",
        "--triggers",
        "--events",
        "--no-tablespaces",
        "--add-drop-database",
        "--databases",
        "--",
        database,
    ];
    client(place, "mysqldump", user, &flags.map(str::to_owned))
}

/// Reads a finished dump on standard input: the line that mysqldump writes last must be there.
pub(in crate::decide) fn check() -> Vec<String> {
    ["grep", "--quiet", "^-- Dump completed"].map(str::to_owned).to_vec()
}

/// Reads a dump on standard input and makes the database anew from it.
pub(in crate::decide) fn restore(place: Place, user: Option<&str>) -> Vec<String> {
    client(place, "mysql", user, &["--batch".to_owned()])
}
