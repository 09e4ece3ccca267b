//! A disk of a host's own that loses its power: a filesystem in a file, under the checkout and the services' data.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{Host, Output, binary, has, lacks, skip};

/// What lies on the disk: the checkout with its workspace and backups, and the services' data.
const ON_IT: [&str; 2] = ["prod", "data"];

/// How the tracer ends when it has cut the power.
const CUT: i32 = 199;

/// At which call, and on which side of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) after: bool,
    pub(super) call: usize,
}

/// The disk. Dropped: gone.
#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    kind: &'static str,
}

impl Disk {
    /// Whether this machine has what it takes.
    pub(super) fn can(kind: &str) -> bool {
        has(&format!("mkfs.{kind}")) && has("losetup") && rustix::process::geteuid().is_root()
    }

    /// Moves a host onto a disk of its own; none where this machine does not let us.
    pub(super) fn under(host: &Host, kind: &'static str) -> Option<Self> {
        let maker = format!("mkfs.{kind}");
        if lacks(&[&maker, "mount", "unshare", "cc"]) {
            return None;
        }
        if !Self::can(kind) {
            skip("a disk that can lose its power needs root and loop devices");
            return None;
        }
        let disk = Self { root: host.root().to_path_buf(), kind };
        // The smallest that XFS makes; of what is not used nothing is kept.
        std::fs::File::create(disk.image()).unwrap().set_len(300 << 20).unwrap();
        assert!(run(Command::new(maker).arg("-q").arg(disk.image())));
        std::fs::create_dir(disk.mounted()).unwrap();
        // So that what is unmounted here is unmounted in every namespace that somebody made meanwhile.
        assert!(run(Command::new("mount").arg("--bind").arg(&disk.root).arg(&disk.root)));
        assert!(run(Command::new("mount").arg("--make-shared").arg(&disk.root)));
        if !disk.mount() {
            skip(&format!("a {kind} in a file cannot be mounted here"));
            return None;
        }
        for name in ON_IT {
            let from = disk.root.join(name);
            assert!(run(Command::new("cp").arg("-a").arg(&from).arg(disk.mounted())));
            std::fs::remove_dir_all(&from).unwrap();
            std::fs::create_dir(&from).unwrap();
        }
        disk.bind();
        Some(disk)
    }

    fn image(&self) -> PathBuf {
        self.root.join("disk.image")
    }

    fn mounted(&self) -> PathBuf {
        self.root.join("disk")
    }

    fn mount(&self) -> bool {
        let options = match self.kind {
            // Whatever could save what was never synced is off.
            "ext4" => "loop,noauto_da_alloc,data=writeback,commit=300",
            _ => "loop,nouuid",
        };
        run(Command::new("mount").args(["-o", options]).arg(self.image()).arg(self.mounted()))
    }

    fn bind(&self) {
        for name in ON_IT {
            let from = self.mounted().join(name);
            assert!(run(Command::new("mount").arg("--bind").arg(from).arg(self.root.join(name))));
        }
    }

    fn unmount(&self) {
        for folder in ON_IT.map(|name| self.root.join(name)).into_iter().chain([self.mounted()]) {
            self.end_all();
            let gone = (0..100).any(|_| {
                let gone = run(Command::new("umount").arg(&folder).stderr(Stdio::null()));
                if !gone {
                    self.end_all();
                    std::thread::sleep(std::time::Duration::from_millis(20));
                }
                gone
            });
            assert!(gone, "{} is busy", folder.display());
        }
        // Whoever was killed just now may still hold it in a namespace of its own.
        crate::support::wait_until("the disk is let go", || {
            self.end_all();
            !self.is_attached()
        });
    }

    fn is_attached(&self) -> bool {
        let image = self.image().display().to_string();
        let devices = std::fs::read_dir("/sys/block").unwrap();
        let behind =
            |path: PathBuf| std::fs::read_to_string(path.join("loop/backing_file")).unwrap_or_default();
        devices.into_iter().any(|device| behind(device.unwrap().path()).starts_with(&image))
    }

    /// Everything of this host ends at once, as it does without power: whoever works in its folders, or was started in
    /// one of its later boots.
    fn end_all(&self) {
        let boot = format!("{}/boot /proc/sys/", self.root.file_name().unwrap().display());
        for entry in std::fs::read_dir("/proc").unwrap() {
            let path = entry.unwrap().path();
            let Some(pid) = path.file_name().and_then(|name| name.to_str()?.parse::<i32>().ok()) else {
                continue;
            };
            let here = std::fs::read_link(path.join("cwd")).is_ok_and(|at| at.starts_with(&self.root));
            let mounts = || std::fs::read_to_string(path.join("mountinfo")).unwrap_or_default();
            if here || mounts().contains(&boot) {
                let pid = rustix::process::Pid::from_raw(pid).unwrap();
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// Keeps the disk as it is now, so that every case begins there.
    pub(super) fn keep(&self) {
        self.unmount();
        self.copy(&self.image(), &self.root.join("disk.kept"));
        assert!(self.mount());
        self.bind();
    }

    /// The disk as it was kept.
    pub(super) fn again(&self) {
        self.unmount();
        self.copy(&self.root.join("disk.kept"), &self.image());
        assert!(self.mount());
        self.bind();
    }

    fn copy(&self, from: &Path, to: &Path) {
        assert!(run(Command::new("cp").arg("--sparse=always").arg(from).arg(to)), "{}", self.root.display());
    }

    /// The power is back: what the disk kept is what there is, and this is another boot.
    pub(super) fn power_on(&self, boot: usize) {
        self.unmount();
        assert!(self.mount(), "the disk cannot be mounted after the cut");
        self.bind();
        std::fs::write(self.root.join("boot"), format!("00000000-0000-4000-8000-{boot:012}\n")).unwrap();
    }

    /// Runs the program and cuts the power; answers with its standard output and at which call that was. None: it ended
    /// before that many calls.
    pub(super) fn run_and_cut(
        &self,
        host: &Host,
        arguments: &[&str],
        moment: Moment,
    ) -> Option<(String, String)> {
        let report = self.root.join("report");
        let said = self.root.join("said");
        let mut command = host.command(tracer().to_str().unwrap(), &host.prod());
        let side = if moment.after { "after" } else { "before" };
        command.arg(&report).arg(self.mounted()).args([side, &moment.call.to_string(), host.program()]);
        command.args(arguments).stdin(Stdio::null());
        command.stdout(std::fs::File::create(&said).unwrap());
        command.stderr(std::fs::File::create(self.root.join("errors")).unwrap());
        let code = command.status().unwrap().code();
        let told = std::fs::read_to_string(report).unwrap();
        assert_ne!(code, Some(2), "the tracer says: {told}");
        (code == Some(CUT)).then(|| (std::fs::read_to_string(said).unwrap(), told.trim().to_owned()))
    }

    /// Runs the program in the boot after the cut.
    pub(super) fn run_later(&self, host: &Host, arguments: &[&str]) -> Output {
        self.later(host, binary(), arguments)
    }

    /// Runs any program in that boot.
    pub(super) fn later(&self, host: &Host, program: &str, arguments: &[&str]) -> Output {
        let mut command = host.command("unshare", &host.prod());
        let inside = "mount --bind \"$0\" /proc/sys/kernel/random/boot_id && exec \"$@\"";
        command
            .args(["--mount", "sh", "-c", inside])
            .arg(self.root.join("boot"))
            .arg(program)
            .args(arguments);
        command.stdin(Stdio::null());
        Output::of(command)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.end_all();
        for folder in
            ON_IT.map(|name| self.root.join(name)).into_iter().chain([self.mounted(), self.root.clone()])
        {
            let _ = Command::new("umount").args(["-l", "-q"]).arg(folder).status();
        }
    }
}

fn run(command: &mut Command) -> bool {
    command.output().unwrap().status.success()
}

/// The tracer, built with the compiler that links Rust programs.
fn tracer() -> &'static PathBuf {
    static TRACER: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    TRACER.get_or_init(|| {
        let own = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cut.{}", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/power/cut.c");
        let built = own.with_file_name("holdpoint-test-cut");
        assert!(
            run(Command::new("cc").args(["-O1", "-o"]).arg(&own).arg(source)),
            "`cc` cannot compile {source}"
        );
        std::fs::rename(&own, &built).unwrap();
        built
    })
}
