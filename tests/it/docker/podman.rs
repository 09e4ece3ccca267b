//! The main job with podman and podman-compose, as root: nothing of it goes through docker.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::engine::{Well, server};
use super::stack::project_name;
use crate::support::{Host, Output, Port, Scene, binary, lacks, skip, wait_until};

/// podman-compose of a version that can show its configuration: Debian 12's own cannot.
fn compose() -> Option<PathBuf> {
    std::env::var_os("HOLDPOINT_TEST_PODMAN_COMPOSE").map(PathBuf::from).filter(|path| path.is_file())
}

/// A host with one service, `web`. Dropped: its containers, volumes, networks and images are removed.
struct Stack {
    host: Host,
    project: String,
    port: Port,
    compose: PathBuf,
}

impl Stack {
    fn up(compose: PathBuf) -> Self {
        let (project, port) = (project_name(), Port::free());
        let table = format!(
            "[compose]\ncommand = [\"{}\"]\n\n[run]\nenv = [\"CONTAINERS_CONF\"]\n\n[services.web]\ndriver = \"compose\"\n\
             compose = {{ file = \"packages/web/docker-compose.yaml\", project = \"{project}\" }}\n\
             paths = [\"packages/web/**\"]\nbackup = [{{ kind = \"volume\", volume = \"{project}_web_data\" }}]\n\
             health = {{ url = \"http://127.0.0.1:{}/healthz\", status = 200, deadline = \"5s\", interval = \"250ms\" }}\n",
            compose.display(),
            port.number()
        );
        let host = Scene::new().config(&table).build();
        // Some hosts may not raise their limits as far as podman wants to; and podman's own runtime starts nothing where some
        // controllers are of the first generation of cgroups and others of the second, which docker's takes as it is.
        let settings = "[containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n\
                        [engine]\nruntime = \"runc\"\n";
        std::fs::write(host.root().join("containers.conf"), settings).unwrap();
        let stack = Self { host, project, port, compose };
        stack.build("1", Well::AtOnce);
        stack.release("1", &stack.image("1"));
        stack.host.git(["pull", "-q"]).exits(0);
        let mut up = stack.with(stack.compose.to_str().unwrap());
        up.current_dir(stack.host.prod().join("packages/web"));
        up.args(["-p", &stack.project, "-f", "docker-compose.yaml", "up", "-d"]);
        Output::of(up).exits(0);
        wait_until("web is well", || stack.get("/healthz").is_some());
        stack
    }

    fn with(&self, program: &str) -> Command {
        let mut command = self.host.command(program, &self.host.prod());
        command.env("CONTAINERS_CONF", self.host.root().join("containers.conf")).stdin(Stdio::null());
        command
    }

    fn run(&self, line: &[&str]) -> Output {
        let mut command = self.with(binary());
        command.args(line);
        Output::of(command)
    }

    fn podman(&self, line: &[&str]) -> String {
        let mut command = self.with("podman");
        command.args(line);
        Output::of(command).stdout.trim().to_owned()
    }

    /// Images of podman's own, which come from no registry.
    fn image(&self, tag: &str) -> String {
        format!("localhost/{}-web:{tag}", self.project)
    }

    fn build(&self, tag: &str, well: Well) {
        let context = tempfile::Builder::new().prefix("holdpoint-image-").tempdir().unwrap();
        server(context.path(), &format!("web:{tag}"), well);
        let mut build = self.with("podman");
        build.args(["build", "-q", "-t", &self.image(tag)]).arg(Path::new(context.path()));
        Output::of(build).exits(0);
    }

    fn release(&self, ticket: &str, image: &str) {
        let text = format!(
            "services:\n  web:\n    image: {image}\n    ports: [\"127.0.0.1:{}:8080\"]\n    volumes: [\"web_data:/data\"]\n\
             volumes:\n  web_data: {{}}\n",
            self.port.number()
        );
        self.host.commit(ticket, &[("packages/web/docker-compose.yaml", &text)]);
        self.host.push();
    }

    fn container(&self) -> String {
        let ours = format!("label=com.docker.compose.project={}", self.project);
        self.podman(&["ps", "-q", "--no-trunc", "--filter", &ours])
    }

    fn get(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.port.number());
        Some(ureq::get(&url).call().ok()?.body_mut().read_to_string().ok()?.trim().to_owned())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let ours = format!("label=com.docker.compose.project={}", self.project);
        for id in self.podman(&["ps", "-aq", "--filter", &ours]).lines() {
            self.podman(&["rm", "-f", "-t", "1", id]);
        }
        self.podman(&["pod", "rm", "-f", &format!("pod_{}", self.project)]);
        self.podman(&["volume", "rm", "-f", &format!("{}_web_data", self.project)]);
        self.podman(&["network", "rm", "-f", &format!("{}_default", self.project)]);
        // By their ids, so that the tags which keep old images go too.
        let images = format!("reference=localhost/{}-web", self.project);
        for id in self.podman(&["images", "-q", "--filter", &images]).lines() {
            self.podman(&["rmi", "-f", id]);
        }
    }
}

#[test]
fn a_release_halts_goes_on_and_is_taken_back() {
    if lacks(&["podman", "runc", "busybox"]) {
        return;
    }
    if !geteuid().is_root() {
        return skip("podman is tried as root: its volumes are read where they lie");
    }
    let Some(compose) = compose() else {
        return skip("no podman-compose that can show its configuration");
    };
    let stack = Stack::up(compose);
    stack.run(&["adopt"]).exits(0);
    stack.get("/cgi-bin/put?colour=green").unwrap();
    let before = stack.container();

    // No container is touched before every image is here, although podman-compose itself calls a failed pull a success.
    stack.release("1234", "127.0.0.1:1/nothing:1");
    stack.run(&["run", "1234"]).exits(1).shows("connection refused").shows("failed in phase migrate");
    assert_eq!((stack.container(), stack.get("/version")), (before, Some("web:1".to_owned())));

    stack.build("2", Well::Never);
    stack.release("1234", &stack.image("2"));
    let onwards = ["run", "1234", "--from=migrate"];
    stack
        .run(&[onwards.as_slice(), &["--take-new-commits"]].concat())
        .exits(1)
        .shows("✗ http-health: HTTP 404 (web)")
        .shows("no backend");
    assert_eq!(stack.get("/version").as_deref(), Some("web:2"));
    stack.podman(&["exec", &stack.container(), "/bin/sh", "-c", "echo ok >/www/healthz"]);
    stack.run(&onwards).exits(0);
    stack.run(&["status"]).exits(0).shows(&stack.image("2"));
    stack.run(&["logs", "web"]).exits(0).shows("server web:2");

    stack.get("/cgi-bin/put?colour=red").unwrap();
    stack.run(&["revert", "1234", "--yes"]).exits(0).shows("safety copy of web");
    assert_eq!(stack.get("/version").as_deref(), Some("web:1"));
    assert_eq!(stack.get("/data/colour").as_deref(), Some("green"));
    stack.run(&["log", "1234", "--verify"]).exits(0);
}
