//! A first `.asd/release.toml` for a running host, as `init` writes it: what was found, commented, and valid as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::backup::KEEP;
use super::check::{Named, fits, is_path, literal};
use crate::model::escape::neutralise;
use crate::model::gather::Gather;
use crate::model::id::{BranchName, ServiceName};

/// What was found on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Remote that the checkout follows.
    pub remote: String,
    /// Branch that is checked out.
    pub branch: String,
    /// Glob of service manifests, where some were found: their services are not drafted again.
    pub discover: Option<String>,
    /// `KEY=value` files that were found, relative to the project root.
    pub env_files: Vec<String>,
    /// Compose services that run here, or that a compose file of the checkout names.
    pub services: Vec<DraftService>,
}

/// A compose service that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftService {
    /// Its name in the compose file.
    pub name: String,
    /// The compose file, relative to the project root; absolute when it lies outside of the checkout.
    pub file: String,
    /// Project that it runs in.
    pub project: Option<String>,
    /// Folder that compose was called in, relative to the project root, where it is not the file's own.
    pub project_directory: Option<String>,
    /// Variables that compose was given, relative to the project root.
    pub env_file: Option<String>,
    /// Image that runs, for the comment.
    pub image: Option<String>,
    /// Compose services that it waits for.
    pub depends_on: Vec<String>,
    /// Its container has a healthcheck.
    pub healthcheck: bool,
    /// Ports published on this host.
    pub ports: Vec<u16>,
    /// Real names of its volumes.
    pub volumes: Vec<String>,
    /// Folders of this host that it writes to.
    pub folders: Vec<String>,
    /// The database that it serves.
    pub database: Option<DraftDatabase>,
}

/// A database server that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftDatabase {
    /// Which.
    pub kind: DatabaseKind,
    /// Database name.
    pub name: String,
    /// Whom to connect as.
    pub user: Option<String>,
}

/// Which database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseKind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    Mysql,
}

/// Renders the file. What cannot be written as configuration stands there as a comment that says why.
pub fn render(draft: &Draft) -> String {
    let mut out = String::from(
        "# How this host is released: `holdpoint schema release` prints every key, `holdpoint doctor` checks the host.\n\
         # Drafted from what runs here. Read it, correct it, commit it.\n\n",
    );
    head(&mut out, draft);
    let names = own_names(&draft.services);
    if draft.services.is_empty() && draft.discover.is_none() {
        out.push_str(NO_SERVICES);
    }
    for service in &draft.services {
        one(&mut out, service, &names);
    }
    out
}

const NO_SERVICES: &str = "# No service was found. One without containers is written like this:\n\
    # [services.app]\n\
    # driver = \"command\"\n\
    # commands = { start = [\"systemctl\", \"start\", \"app\"], stop = [\"systemctl\", \"stop\", \"app\"], status = [\"scripts/app-status.sh\"] }\n\
    # paths = [\"app/**\"]\n\
    # backup = { kind = \"files\", paths = [\"/var/lib/app\"] }\n";

fn head(out: &mut String, draft: &Draft) {
    out.push_str("[git]\n");
    if fits(&draft.remote, Named::Remote) {
        line(out, "remote", &quoted(&draft.remote), "fetched from");
    }
    if draft.branch.parse::<BranchName>().is_ok() {
        line(out, "branch", &quoted(&draft.branch), "released from");
    }
    if let Some(glob) =
        draft.discover.as_ref().filter(|glob| is_inside(glob) && globset::Glob::new(glob).is_ok())
    {
        out.push_str("\n[paths]\n");
        line(out, "discover", &quoted(glob), "service manifests in their own format");
    }
    let files: Vec<String> =
        draft.env_files.iter().filter(|path| is_path(path)).map(|path| quoted(path)).collect();
    if !files.is_empty() {
        out.push_str("\n[secrets]\n");
        line(out, "env_files", &format!("[{}]", files.join(", ")), "their values are never shown");
    }
    out.push_str("\n# [[notify]]\n# on = [\"failed\", \"stuck\"]\n# webhook = \"https://…\"\n");
}

/// The name that each compose service gets here; two compose services of one name are told apart by a number.
fn own_names(services: &[DraftService]) -> BTreeMap<String, ServiceName> {
    let mut taken = BTreeSet::new();
    let mut names = BTreeMap::new();
    for service in services {
        let plain: String = service
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '-' })
            .skip_while(|c| !c.is_ascii_alphanumeric())
            .take(50)
            .collect();
        let plain = if plain.is_empty() { "service".to_owned() } else { plain };
        let tries = std::iter::once(plain.clone()).chain((2..).map(|number| format!("{plain}-{number}")));
        let free =
            tries.filter_map(|text| text.parse().ok()).find(|name: &ServiceName| !taken.contains(name));
        if let Some(name) = free {
            taken.insert(name.clone());
            names.insert(key(service), name);
        }
    }
    names
}

fn key(service: &DraftService) -> String {
    format!("{}\0{}", service.file, service.name)
}

fn one(out: &mut String, service: &DraftService, names: &BTreeMap<String, ServiceName>) {
    let Some(name) = names.get(&key(service)) else { return };
    let image = service.image.as_deref().unwrap_or("built here");
    let _ = write!(out, "\n# {}: {}\n", comment(&service.name), comment(image));
    if !is_inside(&service.file) {
        let file = comment(&service.file);
        let _ = writeln!(
            out,
            "# Its compose file `{file}` lies outside of this checkout: no release can change it."
        );
        return;
    }
    if !fits(&service.name, Named::Part) {
        out.push_str("# Its name cannot be handed to compose safely: rename it in the compose file first.\n");
        return;
    }
    let _ = writeln!(out, "[services.{name}]");
    let _ = writeln!(out, "compose = {{ {} }}", compose(service));
    let folder = service.file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let glob = if folder.is_empty() { literal(&service.file) } else { format!("{}/**", literal(folder)) };
    line(out, "paths", &format!("[{}]", quoted(&glob)), "changes that touch it: add its sources");
    let before: BTreeSet<&ServiceName> = service
        .depends_on
        .iter()
        .filter_map(|other| names.get(&format!("{}\0{other}", service.file)))
        .filter(|other| *other != name)
        .gather();
    if !before.is_empty() {
        let list: Vec<String> = before.iter().map(|name| quoted(name.as_str())).collect();
        let _ = writeln!(out, "depends_on = [{}]", list.join(", "));
    }
    health(out, service);
    backup(out, service, name);
}

fn compose(service: &DraftService) -> String {
    let mut parts = vec![format!("file = {}", quoted(&service.file))];
    if let Some(project) = service.project.as_ref().filter(|text| fits(text, Named::Project)) {
        parts.push(format!("project = {}", quoted(project)));
    }
    if let Some(folder) = service.project_directory.as_ref().filter(|text| is_inside(text)) {
        parts.push(format!("project_directory = {}", quoted(folder)));
    }
    if let Some(file) = service.env_file.as_ref().filter(|text| is_path(text)) {
        parts.push(format!("env_file = {}", quoted(file)));
    }
    parts.push(format!("services = [{}]", quoted(&service.name)));
    parts.join(", ")
}

fn health(out: &mut String, service: &DraftService) {
    out.push_str(if service.healthcheck {
        "# Its container has a healthcheck, which counts.\n"
    } else {
        "# Its container has no healthcheck: without a question it counts as well when it runs.\n"
    });
    if let (Some(port), None) = (service.ports.first(), &service.database) {
        let url = format!("http://127.0.0.1:{port}/");
        let _ = writeln!(out, "# health = {{ url = \"{url}\", deadline = \"90s\", stay = \"5s\" }}");
    }
}

fn backup(out: &mut String, service: &DraftService, name: &ServiceName) {
    let mut entries = Vec::new();
    let mut asides = Vec::new();
    let volumes = service.volumes.iter().filter(|text| fits(text, Named::Part));
    match service.database.as_ref().and_then(|database| dump(database, name)) {
        Some(entry) => {
            entries.push(entry);
            asides.extend(
                volumes.map(|volume| format!("volume `{volume}` holds the database: the dump saves it")),
            );
        }
        None => entries.extend(volumes.map(|volume| {
            format!(
                "{{ kind = \"volume\", volume = {}, quiesce = \"pause\", keep = {KEEP} }}",
                quoted(volume)
            )
        })),
    }
    let folders: Vec<String> =
        service.folders.iter().filter(|path| is_path(path)).map(|path| quoted(path)).collect();
    if !folders.is_empty() {
        entries.push(format!("{{ kind = \"files\", paths = [{}], keep = {KEEP} }}", folders.join(", ")));
    }
    for aside in asides {
        let _ = writeln!(out, "# {aside}");
    }
    if entries.is_empty() {
        out.push_str(
            "# Nothing was found that it keeps. Say so, or say what it keeps; until then a release that touches it is\n\
             # refused (`backup-undeclared`):\n\
             # backup = { kind = \"none\", reason = \"keeps nothing between two starts\" }\n",
        );
        return;
    }
    let _ = writeln!(out, "backup = [");
    for entry in entries {
        let _ = writeln!(out, "  {entry},");
    }
    out.push_str("]\n");
}

fn dump(database: &DraftDatabase, service: &ServiceName) -> Option<String> {
    let kind = match database.kind {
        DatabaseKind::Postgres => "postgres",
        DatabaseKind::Mysql => "mysql",
    };
    if !fits(&database.name, Named::Database) {
        return None;
    }
    let user = database.user.as_ref().filter(|user| fits(user, Named::Database));
    let user = user.map(|user| format!(", user = {}", quoted(user))).unwrap_or_default();
    let (within, name) = (quoted(service.as_str()), quoted(&database.name));
    Some(format!("{{ kind = \"{kind}\", in = {within}, database = {name}{user}, keep = {KEEP} }}"))
}

fn line(out: &mut String, key: &str, value: &str, says: &str) {
    let _ = writeln!(out, "{:<34} # {says}", format!("{key} = {value}"));
}

fn is_inside(text: &str) -> bool {
    is_path(text) && !text.starts_with('/')
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn comment(text: &str) -> String {
    neutralise(text, false)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::manifest::settings::{OtherSources, ReleaseToml, SourceFile};
    use crate::model::settings::Settings;

    fn read_back(draft: &Draft) -> Settings {
        let text = render(draft);
        let release_toml = SourceFile { path: ".asd/release.toml".to_owned(), text: text.clone() };
        let read = ReleaseToml::read(&release_toml).and_then(|read| read.settings(&OtherSources::default()));
        match read {
            Ok(settings) => settings,
            Err(error) => panic!("{error}\n{text}"),
        }
    }

    fn found() -> Draft {
        let shared = DraftService {
            file: "docker-compose.yaml".into(),
            project: Some("asd".into()),
            env_file: Some(".env".into()),
            ..DraftService::default()
        };
        Draft {
            remote: "origin".into(),
            branch: "main".into(),
            discover: None,
            env_files: vec![".env".into()],
            services: vec![
                DraftService {
                    name: "wiki.js".into(),
                    image: Some("requarks/wiki:2.5".into()),
                    depends_on: vec!["db".into(), "elsewhere".into()],
                    ports: vec![3000],
                    volumes: vec!["asd_wikijs_data".into()],
                    ..shared.clone()
                },
                DraftService {
                    name: "db".into(),
                    image: Some("postgres:16".into()),
                    healthcheck: true,
                    volumes: vec!["asd_pg".into()],
                    database: Some(DraftDatabase {
                        kind: DatabaseKind::Postgres,
                        name: "wiki".into(),
                        user: Some("wiki".into()),
                    }),
                    ..shared.clone()
                },
                DraftService {
                    name: "proxy".into(),
                    file: "/srv/proxy/compose.yml".into(),
                    ..shared.clone()
                },
                DraftService { name: "git".into(), ..shared },
            ],
        }
    }

    #[test]
    fn a_draft_says_what_was_found_and_reads_back() {
        insta::assert_snapshot!(render(&found()), @r#"
        # How this host is released: `holdpoint schema release` prints every key, `holdpoint doctor` checks the host.
        # Drafted from what runs here. Read it, correct it, commit it.

        [git]
        remote = "origin"                  # fetched from
        branch = "main"                    # released from

        [secrets]
        env_files = [".env"]               # their values are never shown

        # [[notify]]
        # on = ["failed", "stuck"]
        # webhook = "https://…"

        # wiki.js: requarks/wiki:2.5
        [services.wiki-js]
        compose = { file = "docker-compose.yaml", project = "asd", env_file = ".env", services = ["wiki.js"] }
        paths = ["docker-compose.yaml"]    # changes that touch it: add its sources
        depends_on = ["db"]
        # Its container has no healthcheck: without a question it counts as well when it runs.
        # health = { url = "http://127.0.0.1:3000/", deadline = "90s", stay = "5s" }
        backup = [
          { kind = "volume", volume = "asd_wikijs_data", quiesce = "pause", keep = 5 },
        ]

        # db: postgres:16
        [services.db]
        compose = { file = "docker-compose.yaml", project = "asd", env_file = ".env", services = ["db"] }
        paths = ["docker-compose.yaml"]    # changes that touch it: add its sources
        # Its container has a healthcheck, which counts.
        # volume `asd_pg` holds the database: the dump saves it
        backup = [
          { kind = "postgres", in = "db", database = "wiki", user = "wiki", keep = 5 },
        ]

        # proxy: built here
        # Its compose file `/srv/proxy/compose.yml` lies outside of this checkout: no release can change it.

        # git: built here
        [services.git-2]
        compose = { file = "docker-compose.yaml", project = "asd", env_file = ".env", services = ["git"] }
        paths = ["docker-compose.yaml"]    # changes that touch it: add its sources
        # Its container has no healthcheck: without a question it counts as well when it runs.
        # Nothing was found that it keeps. Say so, or say what it keeps; until then a release that touches it is
        # refused (`backup-undeclared`):
        # backup = { kind = "none", reason = "keeps nothing between two starts" }
        "#);
        let settings = read_back(&found());
        let names: Vec<&str> = settings.services.keys().map(ServiceName::as_str).collect();
        assert_eq!(names, ["db", "git-2", "wiki-js"]);
        assert_eq!(settings.services.values().map(|spec| spec.backup.len()).collect::<Vec<_>>(), [1, 0, 1]);
    }

    #[test]
    fn a_draft_of_nothing_reads_back() {
        assert!(read_back(&Draft::default()).services.is_empty());
    }

    fn any_service() -> impl Strategy<Value = DraftService> {
        let text = || prop_oneof![".{0,20}", "[a-z]{1,5}(\\.\\./|/|-)?[a-z\\n\"'*\\[]{0,8}"];
        let texts = || proptest::collection::vec(text(), 0..3);
        let places = (text(), text(), proptest::option::of(text()), proptest::option::of(text()));
        let data = (texts(), texts(), texts(), proptest::option::of((text(), proptest::option::of(text()))));
        (places, data, proptest::option::of(text()), any::<bool>()).prop_map(
            |(
                (name, file, project, folder),
                (depends_on, volumes, folders, database),
                image,
                healthcheck,
            )| {
                let server = |(name, user)| DraftDatabase { kind: DatabaseKind::Mysql, name, user };
                let database = database.map(server);
                let (project_directory, env_file) = (folder.clone(), folder);
                let ports = vec![];
                DraftService {
                    name,
                    file,
                    project,
                    project_directory,
                    env_file,
                    image,
                    depends_on,
                    healthcheck,
                    ports,
                    volumes,
                    folders,
                    database,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn whatever_was_found_the_draft_reads_back(
            remote in ".{0,12}", branch in ".{0,12}", discover in proptest::option::of(".{0,12}"),
            env_files in proptest::collection::vec(".{0,12}", 0..3),
            services in proptest::collection::vec(any_service(), 0..4),
        ) {
            read_back(&Draft { remote, branch, discover, env_files, services });
        }
    }
}
