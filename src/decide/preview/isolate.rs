//! What a branch's compose files become in a preview: the same containers, with nothing that production has. What cannot
//! be kept apart is refused, not left out: a preview that works by accident would prove nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde_json::{Map, Value, json};

/// Keys of a service that are kept as they are.
const KEPT: [&str; 46] = [
    "attach",
    "cap_drop",
    "command",
    "configs",
    "cpu_count",
    "cpu_percent",
    "cpu_period",
    "cpu_quota",
    "cpu_shares",
    "cpus",
    "cpuset",
    "depends_on",
    "deploy",
    "dns",
    "dns_opt",
    "dns_search",
    "domainname",
    "entrypoint",
    "environment",
    "expose",
    "extra_hosts",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "links",
    "mem_limit",
    "mem_reservation",
    "mem_swappiness",
    "memswap_limit",
    "oom_score_adj",
    "pids_limit",
    "platform",
    "read_only",
    "restart",
    "secrets",
    "shm_size",
    "stdin_open",
    "stop_grace_period",
    "stop_signal",
    "tmpfs",
    "tty",
    "ulimits",
    "user",
    "working_dir",
    "annotations",
];

/// Keys that are left out: they give names and places that production has, or are of no use here. A label may be an order to
/// a proxy; a pull could move a tag that production runs by.
const DROPPED: [&str; 10] = [
    "container_name",
    "labels",
    "logging",
    "mac_address",
    "develop",
    "profiles",
    "scale",
    "pull_policy",
    "env_file",
    "build_arg_resolution",
];

/// Variables by which proxies find the containers that they lead people to.
const PROXY_VARIABLES: [&str; 6] =
    ["VIRTUAL_HOST", "VIRTUAL_PORT", "VIRTUAL_PATH", "LETSENCRYPT_HOST", "LETSENCRYPT_EMAIL", "ACME_DOMAIN"];

/// A preview's compose file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Isolated {
    /// The whole file.
    pub compose: Value,
    /// Paths of this host that it reads or mounts: each has to lie in the preview's own tree, links followed.
    pub paths: BTreeSet<String>,
    /// What was changed, for people.
    pub notes: Vec<String>,
}

/// Sets the compose services `parts` of these configurations, and what they depend on, apart from everything else on the
/// host. `home` is the folder of the preview's files; `labels` mark all that is made.
///
/// # Errors
/// Every reason why not, one sentence each.
pub fn isolate(
    configurations: &[Value],
    parts: &BTreeSet<String>,
    home: &Path,
    labels: &BTreeMap<String, String>,
) -> Result<Isolated, Vec<String>> {
    let mut isolation = Isolation { home, labels, out: Isolated::default(), refusals: Vec::new() };
    let mut services = Map::new();
    let mut others: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for configuration in configurations {
        isolation.top(configuration);
        for (kind, named) in [
            ("services", None),
            ("volumes", Some("volumes")),
            ("networks", Some("networks")),
            ("secrets", Some("secrets")),
            ("configs", Some("configs")),
        ] {
            let Some(table) = configuration.get(kind).and_then(Value::as_object) else { continue };
            let into = match named {
                None => &mut services,
                Some(name) => others.entry(name).or_default(),
            };
            for (name, value) in table {
                match into.get(name) {
                    Some(known) if known != value => isolation
                        .refusals
                        .push(format!("`{name}` is defined twice under `{kind}`, and not the same way")),
                    _ => {
                        into.insert(name.clone(), value.clone());
                    }
                }
            }
        }
    }
    let wanted = with_dependencies(&services, parts);
    services.retain(|name, _| wanted.contains(name));
    let services: Map<String, Value> = services
        .into_iter()
        .map(|(name, service)| (name.clone(), isolation.service(&name, &service)))
        .collect();
    let mut whole = Map::from_iter([("services".to_owned(), Value::Object(services))]);
    for (kind, table) in others {
        let table: Map<String, Value> = table
            .into_iter()
            .map(|(name, value)| (name.clone(), isolation.other(kind, &name, &value)))
            .collect();
        whole.insert(kind.to_owned(), Value::Object(table));
    }
    // The network that compose makes by itself is marked, too.
    let networks = whole.entry("networks").or_insert_with(|| json!({}));
    if let Some(networks) = networks.as_object_mut() {
        networks.entry("default").or_insert_with(|| json!({ "labels": labels }));
    }
    isolation.out.compose = Value::Object(whole);
    if isolation.refusals.is_empty() { Ok(isolation.out) } else { Err(isolation.refusals) }
}

fn with_dependencies(services: &Map<String, Value>, parts: &BTreeSet<String>) -> BTreeSet<String> {
    let mut wanted = BTreeSet::new();
    let mut next: Vec<String> = parts.iter().cloned().collect();
    while let Some(name) = next.pop() {
        let Some(service) = services.get(&name).filter(|_| wanted.insert(name.clone())) else { continue };
        match service.get("depends_on") {
            Some(Value::Object(table)) => next.extend(table.keys().cloned()),
            Some(Value::Array(list)) => next.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
        let links = service.get("links").and_then(Value::as_array).into_iter().flatten();
        next.extend(
            links.filter_map(Value::as_str).filter_map(|link| link.split(':').next()).map(str::to_owned),
        );
    }
    wanted
}

/// Says nothing: absent, off or empty.
fn is_void(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(table) => table.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

struct Isolation<'a> {
    home: &'a Path,
    labels: &'a BTreeMap<String, String>,
    out: Isolated,
    refusals: Vec<String>,
}

impl Isolation<'_> {
    fn refuse(&mut self, why: String) {
        self.refusals.push(why);
    }

    fn note(&mut self, note: String) {
        if !self.out.notes.contains(&note) {
            self.out.notes.push(note);
        }
    }

    fn top(&mut self, configuration: &Value) {
        let known = ["services", "volumes", "networks", "secrets", "configs", "name", "version"];
        for (key, value) in configuration.as_object().into_iter().flatten() {
            if !known.contains(&key.as_str()) && !key.starts_with("x-") && !is_void(value) {
                self.refuse(format!("`{key}` of a compose file is not known to keep to itself"));
            }
        }
    }

    /// A path that has to lie in the preview's own tree.
    fn path(&mut self, who: &str, what: &str, path: &str) {
        let inside = Path::new(path).strip_prefix(self.home).is_ok_and(|rest| {
            rest.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        });
        if inside {
            self.out.paths.insert(path.to_owned());
        } else {
            self.refuse(format!("`{who}` {what} `{path}`, which is not the branch's own"));
        }
    }

    fn service(&mut self, name: &str, service: &Value) -> Value {
        let mut out = Map::new();
        for (key, value) in service.as_object().into_iter().flatten() {
            let key = key.as_str();
            match key {
                "build" => {
                    let build = self.build(name, value);
                    out.insert(key.to_owned(), build);
                }
                "ports" => {
                    out.insert(key.to_owned(), self.ports(name, value));
                }
                "volumes" => {
                    out.insert(key.to_owned(), self.mounts(name, value));
                }
                "networks" => {
                    out.insert(key.to_owned(), memberships(value));
                }
                "environment" => {
                    out.insert(key.to_owned(), without_proxies(value));
                }
                "network_mode" if matches!(value.as_str(), Some("none" | "bridge" | "default")) => {
                    out.insert(key.to_owned(), value.clone());
                }
                _ if KEPT.contains(&key) => {
                    out.insert(key.to_owned(), value.clone());
                }
                _ if DROPPED.contains(&key) || key.starts_with("x-") || is_void(value) => {}
                _ => {
                    self.refuse(format!("`{name}` says `{key}`: that reaches beyond a container of its own"));
                }
            }
        }
        if out.contains_key("build") {
            // What is built gets the preview's own name: production runs by the other one.
            out.remove("image");
        }
        if service.get("container_name").is_some_and(|value| !is_void(value)) {
            self.note("container names are the preview's own".to_owned());
        }
        out.insert("labels".to_owned(), json!(self.labels));
        Value::Object(out)
    }

    fn build(&mut self, name: &str, build: &Value) -> Value {
        let known = ["context", "dockerfile", "dockerfile_inline", "args", "target", "platforms"];
        let mut out = Map::new();
        let table = match build {
            Value::String(context) => Map::from_iter([("context".to_owned(), Value::from(context.as_str()))]),
            Value::Object(table) => table.clone(),
            _ => Map::new(),
        };
        for (key, value) in &table {
            if known.contains(&key.as_str()) {
                out.insert(key.clone(), value.clone());
            } else if !matches!(
                key.as_str(),
                "labels" | "tags" | "cache_from" | "cache_to" | "no_cache" | "pull"
            ) && !is_void(value)
            {
                self.refuse(format!("`{name}` says `build.{key}`: that reaches beyond its own folder"));
            }
        }
        out.insert("labels".to_owned(), json!(self.labels));
        if let Some(args) = out.get_mut("args") {
            *args = without_proxies(args);
        }
        if let Some(context) = out.get("context").and_then(Value::as_str).map(str::to_owned) {
            self.path(name, "is built from", &context);
        }
        if let Some(file) = out.get("dockerfile").and_then(Value::as_str).map(str::to_owned) {
            let outside = Path::new(&file).components().any(|part| part == Component::ParentDir);
            if Path::new(&file).is_absolute() {
                self.path(name, "is built by", &file);
            } else if outside {
                self.refuse(format!("`{name}` is built by `{file}`, which is not the branch's own"));
            }
        }
        Value::Object(out)
    }

    /// Every port on loopback, at one that the engine chooses: no two can clash, and nobody outside can reach it.
    fn ports(&mut self, name: &str, ports: &Value) -> Value {
        let mut out = Vec::new();
        for port in ports.as_array().into_iter().flatten() {
            let (target, protocol) = match port {
                Value::Object(table) => {
                    let target = match table.get("target") {
                        Some(Value::Number(number)) => number.to_string(),
                        Some(Value::String(text)) => text.clone(),
                        _ => String::new(),
                    };
                    let protocol = table.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
                    (target, protocol.to_owned())
                }
                Value::String(text) => {
                    let (rest, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
                    (rest.rsplit(':').next().unwrap_or(rest).to_owned(), protocol.to_owned())
                }
                other => (other.to_string(), "tcp".to_owned()),
            };
            let is_number = |text: &str| text.parse::<u16>().is_ok_and(|number| number > 0);
            let (first, last) = target.split_once('-').unwrap_or((&target, &target));
            if !is_number(first) || !is_number(last) || !matches!(protocol.as_str(), "tcp" | "udp" | "sctp") {
                self.refuse(format!("`{name}` publishes `{target}/{protocol}`, which is no port"));
                continue;
            }
            let (first, last): (u16, u16) = (first.parse().unwrap_or(1), last.parse().unwrap_or(1));
            if last.checked_sub(first).is_none_or(|more| more > 100) {
                self.refuse(format!("`{name}` publishes more than a hundred ports at once"));
                continue;
            }
            out.extend((first..=last).map(|number| Value::from(format!("127.0.0.1::{number}/{protocol}"))));
        }
        if !out.is_empty() {
            self.note("ports are free ones of loopback, chosen by the engine".to_owned());
        }
        Value::Array(out)
    }

    fn mounts(&mut self, name: &str, mounts: &Value) -> Value {
        for mount in mounts.as_array().into_iter().flatten() {
            let (kind, source) = match mount {
                Value::String(text) => match text.split_once(':') {
                    Some((source, _)) if source.starts_with(['/', '.', '~']) => {
                        ("bind", Some(source.to_owned()))
                    }
                    Some(_) | None => ("volume", None),
                },
                other => (
                    other.get("type").and_then(Value::as_str).unwrap_or("volume"),
                    other.get("source").and_then(Value::as_str).map(str::to_owned),
                ),
            };
            match (kind, source) {
                ("bind", Some(source)) => self.path(name, "mounts", &source),
                ("volume" | "tmpfs", _) => {}
                (other, _) => self.refuse(format!("`{name}` has a mount of type `{other}`")),
            }
        }
        mounts.clone()
    }

    /// A volume, network, secret or configuration of the file: the preview's own, empty, under the preview's name.
    fn other(&mut self, kind: &str, name: &str, value: &Value) -> Value {
        let field = |key: &str| value.get(key).filter(|value| !is_void(value));
        let driver = field("driver").and_then(Value::as_str);
        match kind {
            "volumes" => {
                if driver.is_some_and(|driver| driver != "local") || field("driver_opts").is_some() {
                    self.refuse(format!("volume `{name}` lies elsewhere (`driver`, `driver_opts`)"));
                }
                self.note("volumes are the preview's own and begin empty".to_owned());
                json!({ "labels": self.labels })
            }
            "networks" => {
                if driver.is_some_and(|driver| driver != "bridge") || field("driver_opts").is_some() {
                    self.refuse(format!(
                        "network `{name}` reaches beyond this host's bridge (`driver`, `driver_opts`)"
                    ));
                }
                if field("external").is_some() {
                    self.note(format!(
                        "network `{name}` is production's: the preview has its own of that name"
                    ));
                }
                let internal = field("internal").is_some();
                if internal {
                    json!({ "labels": self.labels, "internal": true })
                } else {
                    json!({ "labels": self.labels })
                }
            }
            _ => {
                if field("external").is_some() || field("environment").is_some() {
                    self.refuse(format!("`{name}` under `{kind}` is production's"));
                }
                let mut out = Map::new();
                if let Some(file) = field("file").and_then(Value::as_str) {
                    self.path(name, "reads", file);
                    out.insert("file".to_owned(), file.into());
                }
                out.extend(field("content").map(|value| ("content".to_owned(), value.clone())));
                Value::Object(out)
            }
        }
    }
}

/// The networks that a container is in, without an address of its own there.
fn memberships(networks: &Value) -> Value {
    let Some(table) = networks.as_object() else { return networks.clone() };
    let own = |value: &Value| match value.get("aliases") {
        Some(aliases) => json!({ "aliases": aliases }),
        None => Value::Null,
    };
    Value::Object(table.iter().map(|(name, value)| (name.clone(), own(value))).collect())
}

/// Variables without those that proxies act on, and without those that have no value of their own: they would take that of
/// whoever starts the containers.
fn without_proxies(environment: &Value) -> Value {
    match environment {
        Value::Object(table) => {
            let kept = table
                .iter()
                .filter(|(name, value)| !PROXY_VARIABLES.contains(&name.as_str()) && !value.is_null());
            Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
        }
        Value::Array(list) => {
            let name = |value: &Value| {
                value.as_str().and_then(|text| text.split('=').next()).unwrap_or_default().to_owned()
            };
            let has_value = |value: &&Value| value.as_str().is_some_and(|text| text.contains('='));
            let kept = list.iter().filter(|value| !PROXY_VARIABLES.contains(&name(value).as_str()));
            Value::Array(kept.filter(has_value).cloned().collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn isolated(configuration: &Value) -> Result<Isolated, Vec<String>> {
        let labels = [("holdpoint.preview".to_owned(), "pr-1".to_owned())].into();
        isolate(
            std::slice::from_ref(configuration),
            &BTreeSet::from(["web".to_owned()]),
            Path::new("/p"),
            &labels,
        )
    }

    #[test]
    fn nothing_of_production_is_left_in_it() {
        let isolated = isolated(&json!({
            "name": "asd", "version": "3.8",
            "services": {
                "web": {
                    "image": "web:1", "container_name": "asd_web", "restart": "always", "privileged": false,
                    "labels": { "traefik.http.routers.web.rule": "Host(`wiki.example.org`)" },
                    "environment": { "A": "1", "VIRTUAL_HOST": "wiki.example.org", "TOKEN": null },
                    "ports": [{ "target": 80, "published": "8080", "host_ip": "0.0.0.0", "protocol": "tcp" }, "53:53/udp"],
                    "volumes": [{ "type": "volume", "source": "data", "target": "/data" }, "/p/conf:/conf:ro"],
                    "networks": { "back": { "ipv4_address": "10.1.2.3", "aliases": ["w"] } },
                    "depends_on": { "db": { "condition": "service_started" } }, "logging": { "driver": "syslog" },
                    "pull_policy": "always",
                },
                "db": { "build": { "context": "/p/db" }, "image": "db:latest" },
                "other": { "image": "other:1", "privileged": true },
            },
            "volumes": { "data": { "name": "asd_data", "external": true } },
            "networks": { "back": { "name": "asd_back", "ipam": { "config": [{ "subnet": "10.1.2.0/24" }] } } },
        }))
        .unwrap();
        let web = &isolated.compose["services"]["web"];
        assert_eq!(web["ports"], json!(["127.0.0.1::80/tcp", "127.0.0.1::53/udp"]));
        assert_eq!(web["environment"], json!({ "A": "1" }));
        assert_eq!(web["labels"], json!({ "holdpoint.preview": "pr-1" }));
        assert_eq!(web["networks"], json!({ "back": { "aliases": ["w"] } }));
        for gone in ["container_name", "logging", "pull_policy", "privileged"] {
            assert_eq!(web.get(gone), None, "{gone}");
        }
        let db = &isolated.compose["services"]["db"];
        assert_eq!(
            (db.get("image"), &db["build"]),
            (None, &json!({ "context": "/p/db", "labels": { "holdpoint.preview": "pr-1" } }))
        );
        assert_eq!(isolated.compose["services"].get("other"), None, "nobody asked for it");
        assert_eq!(
            isolated.compose["volumes"],
            json!({ "data": { "labels": { "holdpoint.preview": "pr-1" } } })
        );
        assert_eq!(
            isolated.compose["networks"]["back"],
            json!({ "labels": { "holdpoint.preview": "pr-1" } })
        );
        assert!(isolated.compose["networks"].get("default").is_some());
        assert_eq!(isolated.paths, ["/p/conf", "/p/db"].map(str::to_owned).into());
    }

    #[test]
    fn what_reaches_beyond_it_is_refused() {
        for (web, word) in [
            (json!({ "privileged": true }), "privileged"),
            (json!({ "network_mode": "host" }), "network_mode"),
            (json!({ "network_mode": "container:asd_web" }), "network_mode"),
            (json!({ "pid": "host" }), "pid"),
            (json!({ "cap_add": ["SYS_ADMIN"] }), "cap_add"),
            (json!({ "devices": ["/dev/sda"] }), "devices"),
            (json!({ "volumes_from": ["container:asd_db"] }), "volumes_from"),
            (json!({ "external_links": ["asd_db"] }), "external_links"),
            (json!({ "security_opt": ["seccomp:unconfined"] }), "security_opt"),
            (json!({ "something_new": { "x": 1 } }), "something_new"),
            (json!({ "volumes": ["/var/run/docker.sock:/s"] }), "/var/run/docker.sock"),
            (json!({ "volumes": [{ "type": "bind", "source": "/p/../etc", "target": "/e" }] }), "/p/../etc"),
            (json!({ "volumes": [{ "type": "npipe", "source": "x", "target": "/e" }] }), "npipe"),
            (json!({ "build": { "context": "/etc" } }), "/etc"),
            (json!({ "build": { "context": "/p", "dockerfile": "../x" } }), "../x"),
            (json!({ "build": { "context": "/p", "network": "host" } }), "build.network"),
            (json!({ "build": { "context": "https://example.org/x.git" } }), "https://"),
            (json!({ "ports": ["x"] }), "no port"),
        ] {
            let refused = isolated(&json!({ "services": { "web": web } })).unwrap_err().join("\n");
            assert!(refused.contains(word), "{word}: {refused}");
        }
        for (more, word) in [
            (
                json!({ "volumes": { "d": { "driver_opts": { "type": "none", "o": "bind", "device": "/srv" } } } }),
                "driver_opts",
            ),
            (json!({ "volumes": { "d": { "driver": "nfs" } } }), "elsewhere"),
            (json!({ "networks": { "n": { "driver": "macvlan" } } }), "bridge"),
            (json!({ "secrets": { "s": { "file": "/etc/shadow" } } }), "/etc/shadow"),
            (json!({ "secrets": { "s": { "external": true } } }), "production's"),
            (json!({ "models": { "m": { "model": "x" } } }), "models"),
        ] {
            let mut whole = json!({ "services": { "web": { "image": "web:1" } } });
            whole.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let refused = isolated(&whole).unwrap_err().join("\n");
            assert!(refused.contains(word), "{word}: {refused}");
        }
    }

    #[test]
    fn one_name_in_two_files_has_to_mean_one_thing() {
        let one = json!({ "services": { "web": { "image": "web:1" } } });
        let other = json!({ "services": { "web": { "image": "web:2" } } });
        let parts = BTreeSet::from(["web".to_owned()]);
        let both =
            |two: &Value| isolate(&[one.clone(), two.clone()], &parts, Path::new("/p"), &BTreeMap::new());
        assert!(both(&one).is_ok());
        assert!(both(&other).unwrap_err()[0].contains("twice"));
    }
}
