//! A production host whose services are containers of one compose project.

use std::fmt::Write;
use std::path::Path;

use crate::support::{Host, Output, Port, Scene, wait_until};

use super::engine::{Generation, Registry, Well, docker, server};

/// A host whose services are containers. Dropped: its containers, networks and volumes are removed.
#[derive(Debug)]
pub(crate) struct Stack {
    // First, because what is first is dropped first: images go after the containers made from them.
    _cleaner: Cleaner,
    /// The host around it.
    pub(crate) host: Host,
    /// Where its images come from.
    pub(crate) registry: Registry,
    /// Compose's name for it.
    pub(crate) project: String,
    generation: Generation,
    pieces: Vec<Piece>,
}

/// Removes what a project left in the engine.
#[derive(Debug)]
pub(crate) struct Cleaner(pub(crate) String);

impl Drop for Cleaner {
    fn drop(&mut self) {
        let label = format!("label=com.docker.compose.project={}", self.0);
        let ours = |kind: &[&str]| {
            let listing = docker(kind.iter().copied().chain(["--filter", label.as_str()]));
            listing.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        for id in ours(&["ps", "-aq"]) {
            docker(["rm", "-f", "-v", &id]);
        }
        for id in ours(&["network", "ls", "-q"]) {
            docker(["network", "rm", &id]);
        }
        for id in ours(&["volume", "ls", "-q"]) {
            docker(["volume", "rm", "-f", &id]);
        }
    }
}

/// A project name that no other test uses.
pub(crate) fn project_name() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("hp{}t{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// One service of a stack.
#[derive(Debug)]
pub(crate) struct Piece {
    name: &'static str,
    port: Option<Port>,
    volume: Option<&'static str>,
    needs: &'static [&'static str],
    backup: String,
    build: fn(&Path),
}

impl Piece {
    /// Serves what is in its image, and needs `db`.
    pub(crate) fn web() -> Self {
        let backup = "{ kind = \"none\", reason = \"serves what is in its image\" }".to_owned();
        let build = |context: &Path| server(context, "web:1", Well::AtOnce);
        Self { name: "web", port: Some(Port::free()), volume: None, needs: &["db"], backup, build }
    }

    /// Keeps what it is given, in the volume `db_data`.
    pub(crate) fn db() -> Self {
        let backup = "[{ kind = \"volume\", volume = \"PROJECT_db_data\" }]".to_owned();
        let build = |context: &Path| server(context, "db:1", Well::AtOnce);
        Self { name: "db", port: Some(Port::free()), volume: Some("/data"), needs: &[], backup, build }
    }

    /// Another way to save its data; `PROJECT` stands for the project's name.
    pub(crate) fn backup(self, toml: &str) -> Self {
        Self { backup: toml.to_owned(), ..self }
    }

    /// Any other container without a port.
    pub(crate) fn other(name: &'static str, volume: &'static str, build: fn(&Path)) -> Self {
        Self { name, port: None, volume: Some(volume), needs: &[], backup: String::new(), build }
    }

    fn file(&self) -> String {
        format!("packages/{}/docker-compose.yaml", self.name)
    }

    fn compose(&self, image: &str) -> String {
        let Self { name, .. } = self;
        let mut text = format!("services:\n  {name}:\n    image: {image}\n");
        if let Some(port) = &self.port {
            let _ = writeln!(text, "    ports: [\"127.0.0.1:{}:8080\"]", port.number());
        }
        if let Some(path) = self.volume {
            let _ = write!(text, "    volumes: [\"{name}_data:{path}\"]\nvolumes:\n  {name}_data: {{}}\n");
        }
        text
    }

    fn table(&self, project: &str) -> String {
        let Self { name, needs, .. } = self;
        let backup = self.backup.replace("PROJECT", project);
        let mut table = format!(
            "[services.{name}]\ndriver = \"compose\"\n\
            compose = {{ file = \"{}\", project = \"{project}\", project_directory = \".\" }}\n\
            paths = [\"packages/{name}/**\"]\ndepends_on = {needs:?}\nbackup = {backup}\n",
            self.file(),
        );
        if let Some(port) = &self.port {
            let url = format!("http://127.0.0.1:{}/healthz", port.number());
            let _ = writeln!(
                table,
                "health = {{ url = \"{url}\", status = 200, deadline = \"45s\", interval = \"250ms\" }}"
            );
        }
        table
    }
}

impl Stack {
    /// A host with `db` and `web` up at tag 1, seen healthy.
    pub(crate) fn up(generation: Generation) -> Self {
        Self::of(generation, "", vec![Piece::db(), Piece::web()])
    }

    /// A host with these services, in the order they are started, and more of `.asd/release.toml`.
    pub(crate) fn of(generation: Generation, config: &str, pieces: Vec<Piece>) -> Self {
        let registry = Registry::start();
        let project = project_name();
        let mut scene = Scene::new().config(config).config(&call(generation));
        for piece in &pieces {
            let image = format!("{}:1", piece.name);
            registry.publish(&image, piece.build);
            scene = scene
                .config(&piece.table(&project))
                .file(&piece.file(), &piece.compose(&registry.name(&image)));
        }
        let host = scene.build();
        generation.furnish(&host.root().join("home"));
        let stack = Self { _cleaner: Cleaner(project.clone()), host, registry, project, generation, pieces };
        for piece in &stack.pieces {
            stack.compose(piece.name, &["up", "-d"]).exits(0);
        }
        for piece in &stack.pieces {
            wait_until(&format!("{} is well", piece.name), || stack.health(piece.name) == "healthy");
        }
        stack
    }

    fn piece(&self, service: &str) -> &Piece {
        self.pieces.iter().find(|piece| piece.name == service).unwrap()
    }

    /// Compose on one service's file, as an operator by hand.
    pub(crate) fn compose(&self, service: &str, arguments: &[&str]) -> Output {
        let (program, rest) = self.generation.command().split_first().unwrap();
        let mut command = self.host.command(program, &self.host.prod());
        command.args(rest).args([
            "-p",
            &self.project,
            "--project-directory",
            ".",
            "-f",
            &self.piece(service).file(),
        ]);
        command.args(arguments);
        Output::of(command)
    }

    /// The id of a service's container.
    #[track_caller]
    pub(crate) fn container(&self, service: &str) -> String {
        self.running(service).unwrap_or_else(|| panic!("{service} has no container, or several"))
    }

    /// The id of a service's container, unless there is none, or two while one replaces the other.
    pub(crate) fn running(&self, service: &str) -> Option<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        let ids = docker(["ps", "-q", "--no-trunc", "--filter", &project, "--filter", &service]);
        (ids.lines().count() == 1).then_some(ids)
    }

    /// Makes what compose leaves behind when a recreate is cut short; answers with its name.
    pub(crate) fn leftover(&self, service: &str) -> String {
        let name = format!("0123456789ab_{}", self.container_name(service));
        let project = format!("com.docker.compose.project={}", self.project);
        let service = format!("com.docker.compose.service={service}");
        let image = self.registry.name("web:1");
        let labels = [project.as_str(), &service, "com.docker.compose.oneoff=False"];
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        docker(["create", "--name", &name].into_iter().chain(labels).chain([image.as_str()]));
        name
    }

    /// Image and status of a service's containers, as one `docker ps` shows them.
    pub(crate) fn posture(&self, service: &str) -> String {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        docker([
            "ps",
            "--no-trunc",
            "--format",
            "{{.Image}} {{.Status}}",
            "--filter",
            &project,
            "--filter",
            &service,
        ])
    }

    /// What compose calls the container.
    pub(crate) fn container_name(&self, service: &str) -> String {
        self.generation.container(&self.project, service)
    }

    /// The image that a service's container was made from.
    pub(crate) fn image(&self, service: &str) -> String {
        docker(["inspect", "--format", "{{.Config.Image}}", &self.container(service)])
    }

    /// What the container's own health check says.
    pub(crate) fn health(&self, service: &str) -> String {
        docker(["inspect", "--format", "{{.State.Health.Status}}", &self.container(service)])
    }

    /// What a service answers.
    pub(crate) fn get(&self, service: &str, path: &str) -> String {
        let port = self.piece(service).port.as_ref().unwrap().number();
        let url = format!("http://127.0.0.1:{port}{path}");
        ureq::get(&url).call().unwrap().body_mut().read_to_string().unwrap().trim().to_owned()
    }

    /// Runs a shell command in a service's container.
    pub(crate) fn inside(&self, service: &str, script: &str) -> String {
        docker(["exec", &self.container(service), "/bin/sh", "-c", script])
    }

    /// The database's files as the engine keeps them on this host.
    pub(crate) fn volume(&self) -> std::path::PathBuf {
        docker(["volume", "inspect", "--format", "{{.Mountpoint}}", &format!("{}_db_data", self.project)])
            .into()
    }

    /// Commits and pushes a release of one service at a tag of its image.
    pub(crate) fn release(&self, ticket: &str, service: &str, tag: &str) -> String {
        let piece = self.piece(service);
        let text = piece.compose(&self.registry.name(&format!("{service}:{tag}")));
        let commit = self.host.commit(ticket, &[(piece.file().as_str(), text.as_str())]);
        self.host.push();
        commit
    }

    /// Puts an image of a service into the registry.
    pub(crate) fn publish(&self, service: &str, tag: &str, well: Well) {
        let image = format!("{service}:{tag}");
        self.registry.publish(&image, |context| server(context, &image, well));
    }
}

/// The compose of a generation, said outright for the older one: the client here may bring the newer one by itself.
pub(crate) fn call(generation: Generation) -> String {
    match generation {
        Generation::V1 => "[compose]\ncommand = [\"docker-compose\"]".to_owned(),
        Generation::V2 => String::new(),
    }
}
