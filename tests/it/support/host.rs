//! A production host in a temporary folder: a bare origin, a developer's clone, the production checkout with its
//! configuration, and real services that answer on loopback.
//!
//! ```text
//! origin.git/   what is fetched from          dev/    a developer's clone: commit, push
//! prod/         the host's checkout           data/NAME/   a service's data, outside the checkout
//! service.sh    runs the services             run/, images/, trouble/, calls   its state; `calls` lists what it did
//! ```

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::output::{Output, Running, typed};
use super::service::{Service, Trouble};
use super::{binary, wait_until};

/// What a host will have; `build` makes it.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    services: Vec<Service>,
    later: Vec<Service>,
    config: String,
    git: String,
    files: Vec<(String, String)>,
}

impl Scene {
    /// A host without services.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With a service, running image `NAME:1` and holding data.
    pub(crate) fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }

    /// With a service that this machine could run and that the configuration does not know yet: see [`Host::adds`].
    pub(crate) fn later(mut self, service: Service) -> Self {
        self.later.push(service);
        self
    }

    /// With more of `.asd/release.toml`: whole tables. `HOST` stands for the host's folder.
    pub(crate) fn config(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self.config.push('\n');
        self
    }

    /// With more of the table `[git]`. `HOST` stands for the host's folder.
    pub(crate) fn git(mut self, toml: &str) -> Self {
        self.git.push_str(toml);
        self.git.push('\n');
        self
    }

    /// With a file in the first commit.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// With the operators' `just` recipes, as a host has them that imported `release.just`.
    pub(crate) fn recipes(self) -> Self {
        let recipes = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/release.just")).unwrap();
        self.file("release.just", &recipes).file("justfile", "import 'release.just'\n")
    }

    /// Makes the host and starts its services.
    pub(crate) fn build(self) -> Host {
        let folder = tempfile::Builder::new().prefix("holdpoint-host-").tempdir().unwrap();
        let host = Host {
            root: folder.path().canonicalize().unwrap(),
            folder: Some(folder),
            services: self.services,
            later: self.later,
            program: binary().to_owned(),
            planted: None,
        };
        host.lay_out(&self.git, &self.config, &self.files);
        for service in &host.services {
            host.service(service.name(), "start").exits(0);
        }
        std::fs::write(host.root.join("calls"), "").unwrap();
        host
    }
}

fn answers(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}

/// A production host. Dropped: its services are stopped and its folder removed (kept with `HOLDPOINT_TEST_KEEP=1`).
#[derive(Debug)]
pub(crate) struct Host {
    root: PathBuf,
    folder: Option<TempDir>,
    services: Vec<Service>,
    pub(super) later: Vec<Service>,
    program: String,
    /// Word of the bug that is planted in what runs here.
    planted: Option<&'static str>,
}

impl Host {
    /// A host with one service, `wikijs`.
    pub(crate) fn new() -> Self {
        Scene::new().service(Service::new("wikijs")).build()
    }

    /// Has another build of the program run here, with a bug planted in it.
    pub(crate) fn plant(&mut self, program: &Path, bug: &'static str) {
        program.to_str().unwrap().clone_into(&mut self.program);
        self.planted = Some(bug);
    }

    /// The program that runs here.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    fn lay_out(&self, git: &str, config: &str, files: &[(String, String)]) {
        for folder in ["home", "data", "run", "images", "trouble"] {
            std::fs::create_dir(self.root.join(folder)).unwrap();
        }
        let script = self.root.join("service.sh");
        std::fs::write(&script, include_str!("service.sh")).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        self.git_at(&self.root, ["init", "-q", "--bare", "--initial-branch=main", "origin.git"]).exits(0);
        self.git_at(&self.root, ["clone", "-q", "origin.git", "dev"]).exits(0);
        self.git_at(&self.dev(), ["symbolic-ref", "HEAD", "refs/heads/main"]).exits(0);
        let [git, config] = [git, config].map(|text| text.replace("HOST", &self.root.display().to_string()));
        let mut settings = format!("[git]\nremote = \"origin\"\nbranch = \"main\"\n{git}\n{config}\n");
        let mut first: Vec<(String, String)> = files.to_vec();
        first.push(("README.md".to_owned(), "A host's repository.\n".to_owned()));
        for service in &self.services {
            settings.push_str(&service.table(&self.root));
            first.push((format!("packages/{}/image", service.name()), format!("{}:1\n", service.name())));
            self.prepare(service);
        }
        for service in &self.later {
            self.prepare(service);
        }
        first.push((".asd/release.toml".to_owned(), settings));
        let first: Vec<(&str, &str)> =
            first.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        self.commit("First state", &first);
        self.push();
        self.git_at(&self.root, ["clone", "-q", "origin.git", "prod"]).exits(0);
        // As `init` would: our own workspace is no change of somebody's.
        std::fs::write(self.prod().join(".git/info/exclude"), "/.asd/workspace/\n").unwrap();
    }

    fn prepare(&self, service: &Service) {
        let name = service.name();
        for folder in [format!("run/{name}/www"), format!("data/{name}/pages"), format!("trouble/{name}")] {
            std::fs::create_dir_all(self.root.join(folder)).unwrap();
        }
        self.write_at(&format!("run/{name}/port"), &service.port().to_string());
        self.write_at(&format!("images/{name}:1"), "");
        self.write_at(&format!("data/{name}/pages/home.md"), "# Home\n");
        self.write_at(&format!("data/{name}/settings.json"), "{\"theme\":\"light\"}\n");
    }

    fn write_at(&self, path: &str, text: &str) {
        std::fs::write(self.root.join(path), text).unwrap();
    }

    // ------------------------------------------------------------------ places

    /// The host's folder, above the checkout.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The production checkout.
    pub(crate) fn prod(&self) -> PathBuf {
        self.root.join("prod")
    }

    /// The developer's clone.
    pub(crate) fn dev(&self) -> PathBuf {
        self.root.join("dev")
    }

    /// A service's data.
    pub(crate) fn data(&self, service: &str) -> PathBuf {
        self.root.join("data").join(service)
    }

    // ------------------------------------------------------------------ the developer

    /// Commits files in the developer's clone; the message begins with the ticket. Answers with the commit.
    pub(crate) fn commit(&self, ticket: &str, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            let path = self.dev().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        self.git_at(&self.dev(), ["add", "-A"]).exits(0);
        let message = format!("{ticket}: change {} files", files.len());
        self.git_at(&self.dev(), ["commit", "-q", "--allow-empty", "-m", &message]).exits(0);
        self.git_at(&self.dev(), ["rev-parse", "HEAD"]).exits(0).stdout.trim().to_owned()
    }

    /// Commits a new image of a service: its file and the intended image in the configuration.
    pub(crate) fn bump(&self, ticket: &str, service: &str, tag: &str) -> String {
        let settings = std::fs::read_to_string(self.dev().join(".asd/release.toml")).unwrap();
        let lines: Vec<String> = settings.lines().map(|line| with_tag(line, service, tag)).collect();
        let settings = lines.join("\n") + "\n";
        let image = format!("{service}:{tag}\n");
        let path = format!("packages/{service}/image");
        self.commit(ticket, &[(".asd/release.toml", settings.as_str()), (path.as_str(), image.as_str())])
    }

    /// Commits a ticket script `releases/<ticket>-<name>.sh`.
    pub(crate) fn script(&self, ticket: &str, name: &str, body: &str) -> String {
        let (head, body): (Vec<&str>, Vec<&str>) =
            body.lines().partition(|line| line.starts_with("# holdpoint:"));
        let (head, body) = (head.join("\n"), body.join("\n"));
        let text = format!("#!/usr/bin/env bash\n{head}\nset -euo pipefail\n{body}\n");
        self.commit(ticket, &[(format!("releases/{ticket}-{name}.sh").as_str(), text.as_str())])
    }

    /// Pushes the developer's branch.
    pub(crate) fn push(&self) {
        self.git_at(&self.dev(), ["push", "-q", "origin", "HEAD"]).exits(0);
    }

    // ------------------------------------------------------------------ the operator

    /// Runs the program in the production checkout, to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        let mut command = self.command(self.program(), &self.prod());
        command.args(arguments).stdin(Stdio::null());
        let mut output = Output::of(command);
        output.scene = self.scene();
        output
    }

    /// Starts the program in the production checkout and goes on.
    pub(crate) fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Running {
        let mut command = self.command(self.program(), &self.prod());
        command.args(arguments);
        self.starts(command)
    }

    /// Starts any command and goes on.
    pub(crate) fn starts(&self, mut command: Command) -> Running {
        let streams = tempfile::Builder::new().prefix("streams-").tempdir_in(&self.root).unwrap().keep();
        let (stdout, stderr) = (streams.join("stdout"), streams.join("stderr"));
        command.stdin(Stdio::null());
        command.stdout(std::fs::File::create(&stdout).unwrap());
        command.stderr(std::fs::File::create(&stderr).unwrap());
        let shown = typed(&command);
        Running { command: shown, child: command.spawn().unwrap(), stdout, stderr }
    }

    /// Any program with the host's hermetic environment, in a folder; for what `run` does not cover.
    pub(crate) fn command(&self, program: &str, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(folder).envs([
            ("HOME", self.root.join("home").into_os_string()),
            ("PATH", std::env::var_os("PATH").unwrap()),
            ("USER", "deploy".into()),
            ("LOGNAME", "deploy".into()),
            ("LANG", "C.UTF-8".into()),
            ("TZ", "UTC".into()),
        ]);
        command.envs(self.planted.map(|bug| (holdpoint::sys::plant::VARIABLE, bug)));
        command
    }

    /// Git in the production checkout, as an operator by hand.
    pub(crate) fn git<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        self.git_at(&self.prod(), arguments)
    }

    /// Git in any folder, with a fixed author and no configuration but the folder's.
    pub(crate) fn git_at<'a>(&self, folder: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Output {
        let mut command = self.command("git", folder);
        command.args(["-c", "commit.gpgsign=false", "-c", "advice.detachedHead=false"]).args(arguments);
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), "Dev Eloper")
                .env(format!("GIT_{role}_EMAIL"), "dev@example.org");
        }
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").stdin(Stdio::null());
        Output::of(command)
    }

    /// The commit that the production checkout is on.
    pub(crate) fn head(&self) -> String {
        self.git(["rev-parse", "HEAD"]).exits(0).stdout.trim().to_owned()
    }

    /// Writes a file in the production checkout, as somebody would by hand.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.prod().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A file of the production checkout.
    #[track_caller]
    pub(crate) fn read(&self, path: &str) -> String {
        let path = self.prod().join(path);
        std::fs::read_to_string(&path)
            .unwrap_or_else(|why| panic!("{}: {why}\n{}", path.display(), self.scene()))
    }

    // ------------------------------------------------------------------ records

    /// A ticket's audit log.
    #[track_caller]
    pub(crate) fn log(&self, ticket: &str) -> String {
        self.read(&format!(".asd/workspace/releases/{ticket}.log"))
    }

    /// One value of a ticket's state file, as a POSIX shell reads it; empty: not there.
    #[track_caller]
    pub(crate) fn state(&self, ticket: &str, key: &str) -> String {
        let path = format!(".asd/workspace/releases/{ticket}.env");
        self.read(&path);
        let mut shell = self.command("sh", &self.prod());
        shell.args(["-c", &format!(". ./{path}; printf %s \"${{{key}-}}\"")]);
        Output::of(shell).exits(0).stdout
    }

    /// The log's records as `phase event`, in order; steps as `phase event step`.
    pub(crate) fn events(&self, ticket: &str) -> Vec<String> {
        let log = self.log(ticket);
        log.lines()
            .map(|line| {
                let value = |key: &str| {
                    line.split(' ')
                        .find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
                        .unwrap_or_default()
                };
                [value("phase"), value("event"), value("step")].join(" ").trim_end().to_owned()
            })
            .collect()
    }

    // ------------------------------------------------------------------ services

    /// Has a service do something by hand, as its own tool would; one that was started answers when this returns.
    pub(crate) fn service(&self, name: &str, verb: &str) -> Output {
        let script = self.root.join("service.sh");
        let mut command = self.command(script.to_str().unwrap(), &self.root);
        command.args([name, verb]).stdin(Stdio::null());
        let output = Output::of(command);
        if let Some(service) = self.services.iter().find(|service| service.name() == name && verb == "start")
        {
            wait_until(&format!("{name} answers"), || answers(service.port()));
        }
        output
    }

    /// What the services were told to do since the host was built: `NAME VERB IMAGE` each.
    pub(crate) fn calls(&self) -> Vec<String> {
        let calls = std::fs::read_to_string(self.root.join("calls")).unwrap();
        calls.lines().map(ToOwned::to_owned).collect()
    }

    /// The image that a service runs now.
    pub(crate) fn image(&self, service: &str) -> String {
        self.service(service, "image").exits(0).stdout.trim().to_owned()
    }

    /// Orders a trouble for every image of a service, or for one.
    pub(crate) fn trouble(&self, service: &str, trouble: Trouble, image: Option<&str>) {
        if let Trouble::HealthyAfter(wait) = trouble {
            self.write_at(&format!("run/{service}/healthy-after"), &wait.as_secs_f32().to_string());
        }
        self.write_at(&format!("trouble/{service}/{}", trouble.file()), image.unwrap_or_default());
    }

    /// Ends every trouble of a service; one that runs becomes healthy.
    pub(crate) fn repair(&self, service: &str) {
        for trouble in std::fs::read_dir(self.root.join("trouble").join(service)).unwrap() {
            std::fs::remove_file(trouble.unwrap().path()).unwrap();
        }
        self.write_at(&format!("run/{service}/www/healthz"), "ok\n");
    }

    // ------------------------------------------------------------------ showing

    /// The records of every release here and what the services did, for failure messages.
    pub(super) fn scene(&self) -> String {
        let releases = self.prod().join(".asd/workspace/releases");
        let mut files: Vec<PathBuf> = std::fs::read_dir(&releases)
            .map(|entries| {
                entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_file()).collect()
            })
            .unwrap_or_default();
        files.sort();
        files.push(self.root.join("calls"));
        let show = |path: &PathBuf| {
            let text = std::fs::read(path)
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .unwrap_or_default();
            format!("--- {}\n{text}", path.strip_prefix(&self.root).unwrap_or(path).display())
        };
        files.iter().map(show).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        for service in self.services.iter().chain(&self.later) {
            self.service(service.name(), "stop");
        }
        if std::env::var_os("HOLDPOINT_TEST_KEEP").is_some() {
            let kept = self.folder.take().map(TempDir::keep);
            println!("kept: {kept:?}");
        }
    }
}

/// `image = "wikijs:1"` → `image = "wikijs:2"`.
fn with_tag(line: &str, service: &str, tag: &str) -> String {
    let ours = line.starts_with(&format!("image = \"{service}:"));
    if ours { format!("image = \"{service}:{tag}\"") } else { line.to_owned() }
}

/// Everything below a folder: kind, mode, owner, time, links and content of each entry, to compare before and after.
pub(crate) fn manifest(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    list(folder, folder, &mut lines);
    lines.sort();
    lines
}

fn list(top: &Path, folder: &Path, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.symlink_metadata().unwrap();
        let content = if about.is_symlink() {
            format!("-> {}", std::fs::read_link(&path).unwrap().display())
        } else if about.is_dir() {
            "folder".to_owned()
        } else {
            std::fs::read(&path).unwrap().escape_ascii().to_string()
        };
        let name = path.strip_prefix(top).unwrap().display();
        let (mode, owner, group, time) = (about.mode(), about.uid(), about.gid(), about.mtime());
        lines.push(format!("{name} {mode:o} {owner}:{group} {time} x{} {content}", about.nlink()));
        if about.is_dir() {
            list(top, &path, lines);
        }
    }
}
