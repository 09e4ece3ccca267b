//! The container engine, both generations of compose, a registry of our own, and images built from nothing but a static
//! busybox.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::{Port, lacks, skip, wait_until};

/// Which compose a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generation {
    /// `docker-compose`, in Python; containers are `project_service_1`.
    V1,
    /// `docker compose`, a plugin of the client; containers are `project-service-1`.
    V2,
}

impl Generation {
    /// Whether it can be had here, with an engine; otherwise the test is recorded as skipped.
    pub(crate) fn is_here(self) -> bool {
        if lacks(&["docker", "docker-registry", "busybox"]) {
            return false;
        }
        if !Command::new("docker").arg("info").output().is_ok_and(|answer| answer.status.success()) {
            skip("the container engine does not answer");
            return false;
        }
        let here = match self {
            Generation::V1 => {
                !lacks(&["docker-compose"]) && version(Path::new("docker-compose")).starts_with("1.")
            }
            Generation::V2 => plugin().is_some_and(|plugin| version(&plugin).starts_with("2.")),
        };
        if !here {
            skip(&format!("no compose {self:?} here"));
        }
        here
    }

    /// Lays out a home folder in which exactly this compose is found.
    pub(crate) fn furnish(self, home: &Path) {
        if let (Generation::V2, Some(plugin)) = (self, plugin()) {
            let plugins = home.join(".docker/cli-plugins");
            std::fs::create_dir_all(&plugins).unwrap();
            symlink(plugin, plugins.join("docker-compose")).unwrap();
        }
    }

    /// How it is called.
    pub(crate) fn command(self) -> &'static [&'static str] {
        match self {
            Generation::V1 => &["docker-compose"],
            Generation::V2 => &["docker", "compose"],
        }
    }

    /// What the first container of a service is called.
    pub(crate) fn container(self, project: &str, service: &str) -> String {
        match self {
            Generation::V1 => format!("{project}_{service}_1"),
            Generation::V2 => format!("{project}-{service}-1"),
        }
    }
}

fn plugin() -> Option<PathBuf> {
    std::env::var_os("HOLDPOINT_TEST_COMPOSE_V2").map(PathBuf::from).filter(|path| path.is_file())
}

fn version(compose: &Path) -> String {
    let answer = Command::new(compose).args(["version", "--short"]).output();
    answer
        .map(|answer| String::from_utf8_lossy(&answer.stdout).trim_start_matches('v').to_owned())
        .unwrap_or_default()
}

/// Runs the engine's client as the test itself, outside any host; answers with standard output.
#[track_caller]
pub(crate) fn docker<'a>(arguments: impl IntoIterator<Item = &'a str>) -> String {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).env("DOCKER_BUILDKIT", "0");
    let answer = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&answer.stderr);
    assert!(answer.status.success(), "{command:?}: {stderr}");
    String::from_utf8(answer.stdout).unwrap().trim().to_owned()
}

/// A registry on loopback. Dropped: gone, with all that was pushed to it or pulled from it.
#[derive(Debug)]
pub(crate) struct Registry {
    port: Port,
    child: Child,
    _folder: TempDir,
}

impl Registry {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("holdpoint-registry-").tempdir().unwrap();
        let port = Port::free();
        let settings = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:{}'}}\n",
            folder.path().join("store").display(),
            port.number(),
        );
        std::fs::write(&settings, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("docker-registry")
            .args([Path::new("serve"), &settings])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let registry = Self { port, child, _folder: folder };
        let url = format!("http://127.0.0.1:{}/v2/", registry.port.number());
        wait_until("the registry answers", || ureq::get(&url).call().is_ok());
        registry
    }

    /// The full name of an image here.
    pub(crate) fn name(&self, image: &str) -> String {
        format!("127.0.0.1:{}/{image}", self.port.number())
    }

    /// Builds an image, pushes it, and forgets the local copy, so that it must be pulled.
    pub(crate) fn publish(&self, image: &str, build: impl FnOnce(&Path)) {
        let name = self.name(image);
        let context = tempfile::Builder::new().prefix("holdpoint-image-").tempdir().unwrap();
        build(context.path());
        unlike_any_other(context.path(), &name);
        docker(["build", "-q", "-t", &name, context.path().to_str().unwrap()]);
        docker(["push", "-q", &name]);
        docker(["rmi", &name]);
    }

    /// Moves a tag to another image in the registry; what this machine has under that tag stays as it is.
    pub(crate) fn push_over(&self, image: &str, build: impl FnOnce(&Path)) {
        let name = self.name(image);
        let kept = format!("{name}-kept");
        docker(["tag", &name, &kept]);
        self.publish(image, build);
        docker(["tag", &kept, &name]);
        docker(["rmi", &kept]);
    }
}

/// Two builds of the same content share what lies between their steps, and one that is taken away takes it from the other: tests
/// that run side by side in one engine say whose each image is.
fn unlike_any_other(context: &Path, name: &str) {
    let file = context.join("Dockerfile");
    let text = std::fs::read_to_string(&file).unwrap();
    let (from, rest) = text.split_once('\n').unwrap();
    std::fs::write(file, format!("{from}\nLABEL image={name}\n{rest}")).unwrap();
}

impl Drop for Registry {
    fn drop(&mut self) {
        let ours = format!("reference=127.0.0.1:{}/*", self.port.number());
        let mut ids: Vec<String> =
            docker(["images", "-q", "--filter", &ours]).lines().map(ToOwned::to_owned).collect();
        ids.sort();
        ids.dedup();
        for id in ids {
            docker(["rmi", "-f", &id]);
        }
        // Gone already is as good as stopped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// When a small server becomes well after its container started.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Well {
    /// At once.
    AtOnce,
    /// After seconds, in which the container's own health check has failed.
    After(u32),
    /// Never.
    Never,
}

/// Fills a build context: an HTTP server on port 8080 with a health check, that says which version it is and keeps
/// what is put by `/cgi-bin/put?KEY=VALUE` under `/data`.
pub(crate) fn server(context: &Path, version: &str, well: Well) {
    let root = context.join("root");
    for folder in ["bin", "tmp", "data", "www/cgi-bin"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::copy(which("busybox"), root.join("bin/busybox")).unwrap();
    symlink("busybox", root.join("bin/sh")).unwrap();
    symlink("/data", root.join("www/data")).unwrap();
    let well = match well {
        Well::AtOnce => "echo ok >/www/healthz".to_owned(),
        Well::Never => "echo 'no backend' >&2".to_owned(),
        Well::After(seconds) => format!("(busybox sleep {seconds}; echo ok >/www/healthz) &"),
    };
    let serve = format!(
        "#!/bin/sh\ntrap 'exit 0' TERM INT\necho {version} >/www/version\necho \"server {version}\"\n{well}\nbusybox httpd -f -p 8080 -h /www &\nwait\n"
    );
    let put = "#!/bin/sh\necho \"${QUERY_STRING#*=}\" >\"/data/${QUERY_STRING%%=*}\"\nprintf 'Content-Type: text/plain\\r\\n\\r\\nkept\\n'\n";
    for (path, text) in [("bin/serve", serve.as_str()), ("www/cgi-bin/put", put)] {
        std::fs::write(root.join(path), text).unwrap();
        std::fs::set_permissions(root.join(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let dockerfile = "FROM scratch\nCOPY root /\nENV PATH=/bin\nHEALTHCHECK --interval=1s --timeout=2s --retries=2 \
        CMD [\"/bin/busybox\", \"wget\", \"-q\", \"-O\", \"/dev/null\", \"http://127.0.0.1:8080/healthz\"]\n\
        ENTRYPOINT [\"/bin/serve\"]\n";
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
}

/// Where a program is on this machine, as an absolute path.
pub(crate) fn which(program: &str) -> String {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    found.unwrap().into_os_string().into_string().unwrap()
}
