//! What sets up the etcd that keeps rollouts: a script that a person reads and runs, for these members and agents.

use crate::model::rollout::HostName;
use crate::ops::error::OpsError;

/// The script, for members that nobody has.
const SCRIPT: &str = include_str!("etcd-setup.sh");

/// The lines in it that say which members, which hosts with agents, and under which prefix.
const MEMBERS: &str = "members='ledger1 ledger2 ledger3'";
const HOSTS: &str = "hosts=''";
const PREFIX: &str = "prefix='holdpoint/'";

/// The script for these members, each `HOST` or `HOST:PORT:PORT`; for hosts with agents; and for keys that begin so.
///
/// # Errors
/// A usage error for what is no member or no prefix.
pub fn etcd_setup(members: &[String], hosts: &[HostName], prefix: &str) -> Result<String, OpsError> {
    let usage = |what: String, hint: &str| OpsError::Usage { what, hint: hint.to_owned() };
    if members.len().is_multiple_of(2) {
        let what = format!("{} members survive no more losses than one less", members.len());
        return Err(usage(
            what,
            "three members survive the loss of one, five of two: `--member HOST` for each",
        ));
    }
    if let Some(wrong) = members.iter().find(|member| !is_member(member)) {
        let what = format!("`{}` is no member", wrong.escape_debug());
        return Err(usage(what, "write `--member HOST`, or `--member HOST:CLIENTPORT:PEERPORT`"));
    }
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if !prefix.ends_with('/') || !prefix.chars().all(good) {
        let what = format!("`{}` is no prefix of keys", prefix.escape_debug());
        return Err(usage(what, "write letters, digits and `-_./`, ending with `/`"));
    }
    let members = format!("members='{}'", members.join(" "));
    // A host's name has no character that a shell makes anything of.
    let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
    let hosts = format!("hosts='{}'", hosts.join(" "));
    let script = SCRIPT.replacen(MEMBERS, &members, 1).replacen(HOSTS, &hosts, 1);
    Ok(script.replacen(PREFIX, &format!("prefix='{prefix}'"), 1))
}

fn is_member(text: &str) -> bool {
    let mut pieces = text.split(':');
    let host = pieces.next().unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let host = !host.is_empty() && !host.starts_with('-') && host.chars().all(good);
    let given: Vec<Option<u16>> = pieces.map(|port| port.parse().ok().filter(|port| *port > 0)).collect();
    host && matches!(given[..], [] | [Some(_), Some(_)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_for_the_members_that_were_named() {
        let names = ["a.example", "10.0.0.2", "c:2379:2380"].map(str::to_owned);
        let hosts = ["web1", "web2"].map(|name| name.parse().unwrap());
        let script = etcd_setup(&names, &hosts, "fleet/").unwrap();
        assert!(script.contains("\nmembers='a.example 10.0.0.2 c:2379:2380' #"), "{script}");
        assert!(script.contains("\nprefix='fleet/'\n"), "{script}");
        assert!(script.contains("\nhosts='web1 web2' #"), "{script}");
        for wrong in ["", "-x", "a b", "a'b", "a:1", "a:1:0", "a:1:2:3"] {
            assert!(etcd_setup(&[wrong.to_owned()], &[], "x/").is_err(), "{wrong}");
        }
        assert!(etcd_setup(&names[..2], &[], "x/").is_err());
        assert!(etcd_setup(&names, &[], "x'/").is_err());
    }
}
