//! A service of a test host, as its configuration describes it, and the troubles that a test can order for it.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::port::Port;

/// A small real service run through the `command` driver.
#[derive(Debug)]
pub(crate) struct Service {
    name: String,
    after: Vec<String>,
    deadline: String,
    pulls: bool,
    health: bool,
    backup: Option<String>,
    extra: String,
    port: Port,
}

impl Service {
    /// A service with a health page, data in files, and an image that is pulled.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            after: Vec::new(),
            deadline: "3s".to_owned(),
            pulls: true,
            health: true,
            backup: None,
            extra: String::new(),
            port: Port::free(),
        }
    }

    /// Needs another one up before it.
    pub(crate) fn after(mut self, name: &str) -> Self {
        self.after.push(name.to_owned());
        self
    }

    /// How long its health may take.
    pub(crate) fn deadline(mut self, span: &str) -> Self {
        span.clone_into(&mut self.deadline);
        self
    }

    /// Has no `pull` command.
    pub(crate) fn without_pull(mut self) -> Self {
        self.pulls = false;
        self
    }

    /// Has no health page that is asked.
    pub(crate) fn without_health(mut self) -> Self {
        self.health = false;
        self
    }

    /// The value of `backup` in its table, instead of its data folder as files.
    pub(crate) fn backup(mut self, toml: &str) -> Self {
        self.backup = Some(toml.to_owned());
        self
    }

    /// More lines of its table, for example `hooks = { … }`.
    pub(crate) fn extra(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self.extra.push('\n');
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/healthz", self.port.number())
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its table in `.asd/release.toml` at image `NAME:1`.
    pub(super) fn table(&self, root: &Path) -> String {
        let Self { name, deadline, .. } = self;
        let tool = root.join("service.sh");
        let command = |verb: &str| format!("{verb} = [\"{}\", \"{name}\", \"{verb}\"]", tool.display());
        let mut verbs = vec!["start", "stop", "status", "image", "logs", "recreate"];
        verbs.extend(self.pulls.then_some("pull"));
        let commands: Vec<String> = verbs.into_iter().map(command).collect();
        let data = root.join("data").join(name);
        let backup = self.backup.clone();
        let backup =
            backup.unwrap_or_else(|| format!("[{{ kind = \"files\", paths = [\"{}\"] }}]", data.display()));
        let mut table = format!("[services.{name}]\ndriver = \"command\"\nimage = \"{name}:1\"\n");
        let _ = writeln!(table, "paths = [\"packages/{name}/**\"]\ncommands = {{ {} }}", commands.join(", "));
        if !self.after.is_empty() {
            let _ = writeln!(table, "depends_on = {:?}", self.after);
        }
        if self.health {
            let _ = writeln!(
                table,
                "health = {{ url = \"{}\", status = 200, deadline = \"{deadline}\", interval = \"50ms\" }}",
                self.url()
            );
        }
        let _ = writeln!(table, "backup = {backup}\n{}", self.extra);
        table
    }
}

/// What can be wrong with a service until [`super::Host::repair`]. Each may hold for one image only (`wikijs:2`).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// The registry refuses the image.
    PullDenied,
    /// It does not start.
    StartFails,
    /// It starts and never becomes healthy.
    Unhealthy,
    /// It starts and becomes healthy after a while.
    HealthyAfter(Duration),
}

impl Trouble {
    /// The file that the service's script looks for.
    pub(super) fn file(self) -> &'static str {
        match self {
            Trouble::PullDenied => "pull-denied",
            Trouble::StartFails => "start-fails",
            Trouble::Unhealthy => "unhealthy",
            Trouble::HealthyAfter(_) => "healthy-after",
        }
    }
}
