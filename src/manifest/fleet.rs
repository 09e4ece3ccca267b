//! `fleet.toml`: the hosts of a fleet, how each is reached, and when nothing new is begun; and `agent.toml`, what one of them
//! knows of it.

use super::calendar;
use super::check::{label, shown};
use super::error::ManifestError;
use super::raw_rollout::{RawAgent, RawEtcd, RawFleet, RawHost, RawTransport};
use super::settings::SourceFile;
use super::spot::Spot;
use super::toml_text::TomlDocument;
use crate::model::rollout::{AgentSpec, EtcdSpec, HostName, HostSpec, Inventory, Reach};

/// Names of the schemas that list the keys.
const SCHEMA: &str = "fleet";
const AGENT_SCHEMA: &str = "agent";

/// Reads `fleet.toml`.
///
/// # Errors
/// The first [`ManifestError`] met, with its place.
pub fn inventory(file: &SourceFile) -> Result<Inventory, ManifestError> {
    let document = TomlDocument::parse_as(file, SCHEMA)?;
    let raw: RawFleet = document.read()?;
    let top = Spot::top(&document);
    let spot = top.key("hosts");
    if raw.hosts.is_empty() {
        return Err(spot.rule("names no host: write one, for example `[hosts.web1]`"));
    }
    let mut fleet = Inventory::default();
    for (name, given) in &raw.hosts {
        let at = spot.key(name.as_str());
        if given.transport == RawTransport::Agent && raw.ledger.is_none() {
            let why = "is `agent`, whose orders stand in a ledger on etcd: write `[ledger.etcd]`, too, or `ssh` in its place";
            return Err(at.key("transport").rule(why));
        }
        fleet.hosts.insert(name.clone(), host(&at, name, given)?);
    }
    for (at, raw) in raw.freeze.iter().enumerate() {
        fleet.freezes.push(calendar::freeze(&top.key("freeze").item(at), raw)?);
    }
    if let Some(text) = &raw.repository {
        fleet.repository = Some(repository(&top.key("repository"), text)?);
    }
    if let Some(raw) = &raw.ledger {
        fleet.etcd = Some(etcd(&top.key("ledger").key("etcd"), &raw.etcd)?);
    }
    Ok(fleet)
}

/// Reads `agent.toml`.
///
/// # Errors
/// The first [`ManifestError`] met, with its place.
pub fn agent(file: &SourceFile) -> Result<AgentSpec, ManifestError> {
    let document = TomlDocument::parse_as(file, AGENT_SCHEMA)?;
    let raw: RawAgent = document.read()?;
    let top = Spot::top(&document);
    let folder = folder(&top.key("folder"), &raw.folder)?;
    let etcd = etcd(&top.key("ledger").key("etcd"), &raw.ledger.etcd)?;
    Ok(AgentSpec { host: raw.host, folder, etcd })
}

/// What every key of a ledger on etcd begins with.
const PREFIX: &str = "holdpoint/";

fn etcd(spot: &Spot<'_>, raw: &RawEtcd) -> Result<EtcdSpec, ManifestError> {
    let at = spot.key("endpoints");
    if raw.endpoints.is_empty() {
        return Err(at.rule("names no member: write one, for example `[\"https://ledger1:2379\"]`"));
    }
    let endpoints = raw.endpoints.iter().enumerate();
    let endpoints = endpoints.map(|(n, text)| endpoint(&at.item(n), text)).collect::<Result<Vec<_>, _>>()?;
    let secure = endpoints.iter().any(|endpoint| endpoint.starts_with("https://"));
    if secure && raw.ca.is_none() {
        return Err(spot.rule("has no `ca`: name the file with the certificate of its members' authority"));
    }
    for (key, given) in [("ca", &raw.ca), ("cert", &raw.cert), ("key", &raw.key)] {
        if given.is_some() && !secure {
            return Err(spot.key(key).rule("is of members that are reached by `https://`"));
        }
    }
    let both = |one: (&str, &Option<String>), other: (&str, &Option<String>)| match (one.1, other.1) {
        (Some(first), Some(second)) => Ok(Some((first.clone(), second.clone()))),
        (None, None) => Ok(None),
        (Some(_), None) => Err(spot.key(one.0).rule(format!("stands alone: write `{}`, too", other.0))),
        (None, Some(_)) => Err(spot.key(other.0).rule(format!("stands alone: write `{}`, too", one.0))),
    };
    let prefix = raw.prefix.as_deref().unwrap_or(PREFIX);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if prefix.len() > 100 || !prefix.ends_with('/') || !prefix.chars().all(good) {
        let why = format!("is `{}`: write letters, digits and `-_./`, ending with `/`", shown(prefix));
        return Err(spot.key("prefix").rule(why));
    }
    Ok(EtcdSpec {
        endpoints,
        ca: raw.ca.clone(),
        client: both(("cert", &raw.cert), ("key", &raw.key))?,
        login: both(("user", &raw.user), ("password_file", &raw.password_file))?,
        prefix: prefix.to_owned(),
    })
}

/// Plainly only where nobody else listens in.
fn endpoint(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    let wrong = || {
        let why =
            format!("names `{}`: write `https://HOST:PORT`; `http://` only on this machine", shown(text));
        spot.rule(why)
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
    let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
    let here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    let scheme = scheme == "https" || (scheme == "http" && here);
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let host = !host.is_empty() && host.chars().all(good);
    if scheme && host && port.parse::<u16>().is_ok_and(|port| port > 0) {
        Ok(text.to_owned())
    } else {
        Err(wrong())
    }
}

/// Nothing that git takes for an option or for a program of its own (`ext::…`).
fn repository(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    let odd =
        text.is_empty() || text.starts_with('-') || text.contains("::") || text.chars().any(char::is_control);
    if odd {
        let why = format!("is `{}`: write the URL of a git repository, or its path", shown(text));
        return Err(spot.rule(why));
    }
    Ok(text.to_owned())
}

fn host(spot: &Spot<'_>, name: &HostName, raw: &RawHost) -> Result<HostSpec, ManifestError> {
    let reach = match raw.transport {
        RawTransport::Local => Reach::Local,
        RawTransport::Agent => Reach::Agent,
        RawTransport::Ssh => Reach::Ssh {
            address: word(&spot.key("address"), raw.address.as_deref().unwrap_or(name.as_str()))?,
            program: word(&spot.key("program"), raw.program.as_deref().unwrap_or("holdpoint"))?,
        },
    };
    for (key, given) in [("address", &raw.address), ("program", &raw.program)] {
        if given.is_some() && raw.transport != RawTransport::Ssh {
            let why = "is of a host over ssh: take it out, or write `transport = \"ssh\"`";
            return Err(spot.key(key).rule(why));
        }
    }
    let folder = folder(&spot.key("folder"), &raw.folder)?;
    for (key, value) in &raw.labels {
        label(&spot.key("labels").key(key), key)?;
        label(&spot.key("labels").key(key), value)?;
    }
    let zone = raw.zone.as_deref().map(|zone| label(&spot.key("zone"), zone)).transpose()?;
    Ok(HostSpec { reach, folder, labels: raw.labels.clone(), zone })
}

fn folder(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    if text.starts_with('/') && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    let why = format!("is `{}`: write the absolute path of the project's folder on that host", shown(text));
    Err(spot.rule(why))
}

/// A word that `ssh` cannot take for an option, nor a shell for more than one word.
fn word(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    let good = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '/' | ':' | '[' | ']' | '~')
    };
    if text.is_empty() || text.starts_with('-') || text.len() > 255 || !text.chars().all(good) {
        let why = format!("is `{}`: write letters, digits and `._-@/:`, not beginning with `-`", shown(text));
        return Err(spot.rule(why));
    }
    Ok(text.to_owned())
}
