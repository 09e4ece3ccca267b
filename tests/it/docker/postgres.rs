//! A real PostgreSQL server in a container: Debian's own programs and the libraries they ask for, copied from this
//! machine into an image that is otherwise empty.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The server's user in the image, which has no names for numbers but its own.
const USER: &str = "postgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n";

/// Newest installed server: the folder with its programs.
pub(crate) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let folders = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("postgres").is_file()).max()
}

/// Fills a build context with a server that keeps its data under `/var/lib/postgresql` and trusts its own socket.
pub(crate) fn server(context: &Path) {
    let programs = programs().unwrap();
    let home = programs.parent().unwrap();
    let version = home.file_name().unwrap().to_str().unwrap();
    let root = context.join("root");
    let mut wanted = BTreeSet::from([PathBuf::from(super::engine::which("busybox"))]);
    for name in ["postgres", "initdb", "pg_dump", "pg_restore", "pg_isready", "psql", "createdb", "dropdb"] {
        wanted.insert(programs.join(name));
    }
    for module in ["plpgsql.so", "dict_snowball.so"] {
        wanted.insert(home.join("lib").join(module));
    }
    let libraries: BTreeSet<PathBuf> = wanted.iter().flat_map(|program| libraries(program)).collect();
    for file in wanted.iter().chain(&libraries) {
        let target = root.join(file.strip_prefix("/").unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(file, target).unwrap();
    }
    let share = format!("/usr/share/postgresql/{version}");
    copy_tree(Path::new(&share), &root.join(&share[1..]));
    copy_tree(Path::new("/usr/share/zoneinfo/Etc"), &root.join("usr/share/zoneinfo/Etc"));
    for folder in ["bin", "etc", "tmp"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::create_dir_all(context.join("owned/lib/postgresql")).unwrap();
    std::fs::create_dir_all(context.join("owned/run/postgresql")).unwrap();
    std::fs::set_permissions(root.join("tmp"), std::fs::Permissions::from_mode(0o777)).unwrap();
    symlink(super::engine::which("busybox"), root.join("bin/sh")).unwrap();
    std::fs::write(root.join("etc/passwd"), USER).unwrap();
    let serve = "#!/bin/sh\nset -e\ndata=/var/lib/postgresql/data\n\
        [ -s $data/PG_VERSION ] || initdb -D $data -U postgres --auth=trust --locale=C --encoding=UTF8 >/dev/null\n\
        exec postgres -D $data -c listen_addresses= -c shared_buffers=16MB\n";
    std::fs::write(root.join("bin/serve"), serve).unwrap();
    std::fs::set_permissions(root.join("bin/serve"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let dockerfile = format!(
        "FROM scratch\nCOPY root /\nCOPY --chown=999:999 owned /var\nUSER 999:999\n\
        ENV PATH={}:/usr/bin:/bin TZ=Etc/UTC\nVOLUME /var/lib/postgresql\n\
        HEALTHCHECK --interval=1s --timeout=5s --retries=20 CMD [\"{}/pg_isready\", \"-q\", \"-U\", \"postgres\"]\n\
        ENTRYPOINT [\"/bin/serve\"]\n",
        programs.display(),
        programs.display(),
    );
    std::fs::write(context.join("Dockerfile"), dockerfile).unwrap();
}

/// The shared libraries that a program loads, and the loader itself, by the paths that it asks for.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let answer = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let absolute = |line: &str| {
        let word = line.split_whitespace().find(|word| word.starts_with('/'))?;
        Some(PathBuf::from(word))
    };
    text.lines().filter_map(absolute).collect()
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target);
        } else if path.is_file() {
            std::fs::copy(&path, target).unwrap();
        }
    }
}
