//! Tokens, and the units that serve.

use std::path::Path;

use chrono::{DateTime, Utc};

use crate::model::access::{NewToken, TokenRow};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Ink, age, clean, moment, seconds_since};

/// A token that was just made.
pub fn made(made: &NewToken) -> String {
    let row = &made.row;
    let head = format!("`{}` is {} until {}\n", row.name, row.role, moment(row.expires_at));
    match (&made.token, &made.curl_config) {
        (Some(value), _) => {
            format!(
                "{head}\n    {value}\n\nIt is shown this once. A request brings it along:\n    Authorization: Bearer …\n"
            )
        }
        (None, Some(file)) => format!("{head}It is in {}:\n    curl -K {} …\n", clean(file), clean(file)),
        (None, None) => head,
    }
}

/// `token list`
pub fn list(rows: &[TokenRow], now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return "nobody has a token: `holdpoint token create NAME --role viewer`\n".to_owned();
    }
    let mut columns = Columns::headed(["name", "role", "standing", "made by", "made", "good until"]);
    for row in rows {
        let ink = if row.standing == "good" { Ink::Good } else { Ink::Faint };
        columns.row([
            Cell::new(row.name.as_str()),
            Cell::new(row.role.word()),
            Cell::new(row.standing).ink(ink),
            Cell::new(clean(&row.created_by)),
            Cell::new(format!("{} ago", age(seconds_since(row.created_at, now)))),
            Cell::new(moment(row.expires_at)),
        ]);
    }
    columns.render()
}

/// A unit file that serves with these options. Stopping it ends the server alone: a release that it began goes on.
pub fn unit(binary: &Path, root: &Path, options: &[String]) -> String {
    let root = root.display().to_string();
    let words = ["-C", &root, "serve"].into_iter().chain(options.iter().map(String::as_str));
    service("releases of this host over HTTP", binary, words, "on-failure")
}

/// A unit file that runs the agent with this configuration. Stopping it ends the agent alone, too.
pub fn agent_unit(binary: &Path, config: &Path) -> String {
    let config = config.display().to_string();
    // A ledger that has no user for it yet is asked again.
    service("does what rollouts order on this host", binary, ["agent", "--config", &config], "always")
}

fn service<'a>(what: &str, binary: &Path, words: impl IntoIterator<Item = &'a str>, restart: &str) -> String {
    let quoted = |text: &str| {
        format!(
            "\"{}\"",
            text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$")
        )
    };
    let binary = quoted(&binary.display().to_string());
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    format!(
        "[Unit]
Description=holdpoint: {what}
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={binary} {}
Restart={restart}
RestartSec=2
# A release that was begun here is a process of its own, and goes on when this one is stopped or replaced.
KillMode=process
# This one itself needs no more than its workspace; what a release needs (the container engine, the services' own
# files) decides what can be taken away here, so nothing is that a release may want.
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
SystemCallArchitectures=native
UMask=0027
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
",
        words.join(" ")
    )
}
