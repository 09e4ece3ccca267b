//! Promises of backups, kept on real files: content, owner, mode and everything else come back.

#![expect(clippy::disallowed_methods, reason = "tests make real files")]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::*;

fn on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn run(&self, program: &str, args: &[&str]) -> String {
        let out = Command::new(program).args(args).current_dir(self.folder.path()).output().unwrap();
        assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// Everything that must come back, as text.
    fn portrait(&self, of: &str) -> String {
        let script = format!(
            "cd {of} && find . -printf '%y %m %U:%G %T@ %s %l %P %n\\n' | sed 's/\\.[0-9]* / /' | sort -k7 && find . -type f -print0 | sort -z | xargs -0 sha256sum"
        );
        self.run("sh", &["-c", &script])
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn differences(archive: &Path, paths: &[PathBuf]) -> Vec<String> {
    let found = compare_tree(archive, paths).unwrap();
    found.into_iter().map(|d| format!("{} {}", d.path.file_name().unwrap().display(), d.what)).collect()
}

#[test]
fn a_tree_comes_back_with_content_owners_modes_times_and_links() {
    let bench = Bench::new();
    bench.write("data/plain", "content");
    bench.write("data/empty", "");
    bench.write("data/big", vec![7_u8; 700_000]);
    bench.write("data/sub/deep/file with \n newline", "x");
    bench.write(&format!("data/{}/{}", "long".repeat(40), "name".repeat(50)), "long name");
    bench.write("data/setuid", "x");
    fs::create_dir(bench.path("data/empty folder")).unwrap();
    fs::hard_link(bench.path("data/plain"), bench.path("data/sub/another name")).unwrap();
    symlink("plain", bench.path("data/link")).unwrap();
    symlink("../..//etc/./passwd/", bench.path("data/odd link")).unwrap();
    symlink(format!("/{}", "far/".repeat(60)), bench.path("data/long link")).unwrap();
    bench.run("mkfifo", &["data/pipe"]);
    bench.mode("data/plain", 0o640);
    bench.mode("data/sub", 0o2771);
    bench.mode("data/empty folder", 0o1777);
    bench.mode("data/pipe", 0o620);
    if is_root() {
        chown(bench.path("data/plain"), Some(1234), Some(70_000)).unwrap();
        chown(bench.path("data/setuid"), Some(3_000_000_000), Some(5)).unwrap();
        std::os::unix::fs::lchown(bench.path("data/link"), Some(33), Some(34)).unwrap();
        chown(bench.path("data"), Some(999), Some(998)).unwrap();
        bench.run("mknod", &["data/null", "c", "1", "3"]);
    }
    bench.mode("data/setuid", 0o4755);
    for name in ["data/plain", "data/sub/deep", "data/sub", "data"] {
        bench.run("touch", &["-h", "-d", "2020-02-02 02:02:02", name]);
    }
    let before = bench.portrait("data");
    let paths = [bench.path("data")];
    let archive = bench.path("tree.tar");
    let taken = take_tree(&paths, &archive, &mut on).unwrap();
    assert_eq!(
        (taken.bytes, taken.notes.len()),
        (fs::metadata(&archive).unwrap().len(), 0),
        "{:?}",
        taken.notes
    );
    assert_eq!(differences(&archive, &paths), [""; 0]);
    assert_eq!(bench.portrait("data"), before);

    bench.write("data/plain", "changed");
    bench.write("data/new/file", "too much");
    fs::remove_file(bench.path("data/big")).unwrap();
    fs::remove_file(bench.path("data/link")).unwrap();
    symlink("/etc", bench.path("data/link")).unwrap();
    bench.mode("data/sub", 0o700);
    assert!(differences(&archive, &paths).len() >= 6);
    put_tree(&archive, &paths, &mut on).unwrap();
    assert_eq!(bench.portrait("data"), before);
    assert_eq!(differences(&archive, &paths), [""; 0]);

    // Twice is once, and a tree that is gone altogether comes back as well.
    put_tree(&archive, &paths, &mut on).unwrap();
    assert_eq!(bench.portrait("data"), before);
    fs::remove_dir_all(bench.path("data")).unwrap();
    put_tree(&archive, &paths, &mut on).unwrap();
    assert_eq!(bench.portrait("data"), before);
}

#[test]
fn a_person_can_unpack_it_with_tar() {
    let bench = Bench::new();
    bench.write("data/sub/file", "content");
    symlink("file", bench.path("data/sub/link")).unwrap();
    take_tree(&[bench.path("data")], &bench.path("tree.tar"), &mut on).unwrap();
    fs::create_dir(bench.path("out")).unwrap();
    bench.run("tar", &["-xf", "tree.tar", "-C", "out"]);
    let unpacked = bench.path("out").join(bench.path("data").strip_prefix("/").unwrap());
    assert_eq!(fs::read_to_string(unpacked.join("sub/link")).unwrap(), "content");
}

#[test]
fn several_paths_files_among_them_are_saved_together_and_apart() {
    let bench = Bench::new();
    let file = bench.write("etc/app.conf", "a=1");
    let other = bench.write("etc/other.conf", "b=1");
    bench.write("data/x", "x");
    let paths = [file.clone(), bench.path("data")];
    let archive = bench.path("tree.tar");
    take_tree(&paths, &archive, &mut on).unwrap();
    fs::write(&file, "a=2").unwrap();
    fs::write(&other, "b=2").unwrap();
    fs::remove_file(bench.path("data/x")).unwrap();
    let said = differences(&archive, &paths);
    assert!(
        said.contains(&"x missing".to_owned()) && said.contains(&"app.conf content".to_owned()),
        "{said:?}"
    );
    put_tree(&archive, std::slice::from_ref(&file), &mut on).unwrap();
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), bench.path("data/x").exists()), ("a=1", false));
    put_tree(&archive, &paths, &mut on).unwrap();
    assert!(bench.path("data/x").exists());
    assert_eq!(fs::read_to_string(&other).unwrap(), "b=2");
    let error = put_tree(&archive, &[other], &mut on).unwrap_err().to_string();
    assert!(error.contains("it holds nothing of"), "{error}");
}

#[test]
fn nothing_is_followed_or_removed_through_a_symlink() {
    let bench = Bench::new();
    bench.write("outside/precious", "keep me");
    bench.write("data/sub/file", "x");
    let paths = [bench.path("data")];
    let archive = bench.path("tree.tar");
    symlink(bench.path("outside"), bench.path("data/out")).unwrap();
    take_tree(&paths, &archive, &mut on).unwrap();
    assert!(fs::metadata(&archive).unwrap().len() < 10_000);

    // Meanwhile somebody turns a saved folder into a link that leads out.
    fs::remove_dir_all(bench.path("data/sub")).unwrap();
    symlink(bench.path("outside"), bench.path("data/sub")).unwrap();
    assert!(differences(&archive, &paths).contains(&"sub a symlink, expected a folder".to_owned()));
    put_tree(&archive, &paths, &mut on).unwrap();
    assert!(bench.path("data/sub").symlink_metadata().unwrap().is_dir());
    assert_eq!(fs::read_to_string(bench.path("outside/precious")).unwrap(), "keep me");
    assert!(!bench.path("outside/file").exists());

    // The saved path itself is a link.
    fs::remove_dir_all(bench.path("data")).unwrap();
    symlink(bench.path("outside"), bench.path("data")).unwrap();
    let error = take_tree(&paths, &bench.path("two.tar"), &mut on).unwrap_err().to_string();
    assert!(error.contains("is a symlink to") && error.ends_with("write where it leads"), "{error}");
    put_tree(&archive, &paths, &mut on).unwrap();
    assert_eq!(fs::read_to_string(bench.path("outside/precious")).unwrap(), "keep me");
}

/// An archive with entries that ours never have.
fn hostile(bench: &Bench, entry: tar::EntryType, name: &[u8], link: &[u8]) -> PathBuf {
    let archive = bench.path("hostile.tar");
    let root = bench.path("data").strip_prefix("/").unwrap().to_path_buf();
    let mut builder = tar::Builder::new(fs::File::create(&archive).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Directory);
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    builder.append_data(&mut header, &root, std::io::empty()).unwrap();
    header.set_entry_type(entry);
    let mut full = root.to_str().unwrap().as_bytes().to_vec();
    full.extend_from_slice(name);
    header.as_old_mut().name = [0; 100];
    header.as_old_mut().name[..full.len()].copy_from_slice(&full);
    header.set_link_name_literal(link).unwrap();
    header.set_cksum();
    builder.append(&header, std::io::empty()).unwrap();
    builder.into_inner().unwrap();
    archive
}

#[test]
fn hostile_archives_lead_nowhere() {
    let bench = Bench::new();
    bench.write("data/x", "x");
    bench.write("outside/precious", "keep me");
    let paths = [bench.path("data")];
    let cases: [(tar::EntryType, &[u8], &[u8]); 5] = [
        (tar::EntryType::Regular, b"/../outside/evil", b""),
        (tar::EntryType::Regular, b"/a/b/not in order", b""),
        (tar::EntryType::Link, b"/evil", b"../../etc/shadow"),
        (tar::EntryType::Link, b"/evil", b"etc/shadow"),
        (tar::EntryType::GNUSparse, b"/evil", b""),
    ];
    for (kind, name, link) in cases {
        let archive = hostile(&bench, kind, name, link);
        let error = put_tree(&archive, &paths, &mut on).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{kind:?}: {error}");
        assert_eq!(fs::read_dir(bench.path("outside")).unwrap().count(), 1);
    }
}

#[test]
fn a_damaged_archive_is_found_before_anything_is_removed() {
    let bench = Bench::new();
    bench.write("data/a", vec![1_u8; 3000]);
    bench.write("data/b", "x");
    let paths = [bench.path("data")];
    let archive = bench.path("tree.tar");
    take_tree(&paths, &archive, &mut on).unwrap();
    assert_eq!(check_tree(&archive).unwrap(), 3001);
    let whole = fs::read(&archive).unwrap();
    for length in [0, 100, 512, 1500, 3000, whole.len() - 1024, whole.len() - 1] {
        fs::write(&archive, &whole[..length]).unwrap();
        let error = put_tree(&archive, &paths, &mut on).unwrap_err();
        assert!(matches!(error, BackupError::Damaged { .. }), "{length}: {error}");
        assert!(bench.path("data/b").exists());
    }
    let mut flipped = whole.clone();
    flipped[600] ^= 1;
    fs::write(&archive, flipped).unwrap();
    assert!(check_tree(&archive).is_err());
    fs::write(&archive, whole).unwrap();
    assert!(check_tree(&archive).is_ok());
}

#[test]
fn attributes_and_acls_come_back() {
    let bench = Bench::new();
    bench.write("data/file", "x");
    let file = fs::File::open(bench.path("data/file")).unwrap();
    if crate::sys::folder::set_attribute(&file, Path::new("x"), "user.color".as_ref(), b"a=b\nred").is_err() {
        eprintln!("skipped: this filesystem has no extended attributes");
        return;
    }
    let folder = fs::File::open(bench.path("data")).unwrap();
    crate::sys::folder::set_attribute(&folder, Path::new("x"), "user.shape".as_ref(), b"round").unwrap();
    let paths = [bench.path("data")];
    let archive = bench.path("tree.tar");
    take_tree(&paths, &archive, &mut on).unwrap();
    crate::sys::folder::set_attribute(&folder, Path::new("x"), "user.shape".as_ref(), b"square").unwrap();
    crate::sys::folder::set_attribute(&folder, Path::new("x"), "user.extra".as_ref(), b"1").unwrap();
    fs::remove_file(bench.path("data/file")).unwrap();
    bench.write("data/file", "x");
    let said = differences(&archive, &paths);
    assert_eq!(said.iter().filter(|d| d.ends_with("extended attributes")).count(), 2, "{said:?}");
    put_tree(&archive, &paths, &mut on).unwrap();
    assert_eq!(differences(&archive, &paths), [""; 0]);
}

#[test]
fn sockets_are_left_out_and_said_so() {
    let bench = Bench::new();
    bench.write("data/x", "x");
    let _one = UnixListener::bind(bench.path("data/a.sock")).unwrap();
    let _two = UnixListener::bind(bench.path("data/b.sock")).unwrap();
    let taken = take_tree(&[bench.path("data")], &bench.path("tree.tar"), &mut on).unwrap();
    assert_eq!(taken.notes.len(), 1);
    assert!(taken.notes[0].ends_with("a.sock` and 1 more is a socket and was left out"), "{:?}", taken.notes);
    assert_eq!(differences(&bench.path("tree.tar"), &[bench.path("data")]), [""; 0]);
}

#[test]
fn the_caller_can_end_it_and_hears_of_progress() {
    let bench = Bench::new();
    bench.write("data/big", vec![1_u8; 2_000_000]);
    let mut heard = Vec::new();
    let result = take_tree(&[bench.path("data")], &bench.path("tree.tar"), &mut |bytes| {
        heard.push(bytes);
        if bytes > 1_000_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(result, Err(BackupError::Stopped)), "{result:?}");
    assert!(heard.len() >= 4 && heard.is_sorted(), "{heard:?}");
    let archive = bench.path("whole.tar");
    take_tree(&[bench.path("data")], &archive, &mut on).unwrap();
    let stopped = put_tree(&archive, &[bench.path("data")], &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(BackupError::Stopped)));
    assert_eq!(put_tree(&archive, &[bench.path("data")], &mut on).unwrap(), 2_000_000);
}

#[test]
fn a_missing_path_an_existing_file_and_a_backup_within_its_source_are_refused() {
    let bench = Bench::new();
    bench.write("data/x", "x");
    let error = take_tree(&[bench.path("nope")], &bench.path("a.tar"), &mut on).unwrap_err().to_string();
    assert!(error.ends_with("nope` does not exist"), "{error}");
    assert!(take_tree(&[bench.path("data")], &bench.path("a.tar"), &mut on).is_err());
    let error = take_tree(&[bench.path("data")], &bench.path("data/a.tar"), &mut on).unwrap_err().to_string();
    assert!(error.contains("holds the backup itself"), "{error}");
    let archive = bench.path("b.tar");
    take_tree(&[bench.path("data")], &archive, &mut on).unwrap();
    let inside = bench.path("data/b.tar");
    fs::rename(&archive, &inside).unwrap();
    assert!(put_tree(&inside, &[bench.path("data")], &mut on).is_err());
    assert!(bench.path("data/x").exists());
}

#[test]
fn the_estimate_is_near_what_a_backup_takes() {
    let bench = Bench::new();
    for at in 0..20 {
        bench.write(&format!("data/{at}/file"), vec![0_u8; at * 1000]);
    }
    let paths = [bench.path("data"), bench.path("nope")];
    let estimate = size_of_tree(&paths);
    let taken = take_tree(&paths[..1], &bench.path("tree.tar"), &mut on).unwrap();
    assert!(estimate.abs_diff(taken.bytes) < 2048, "{estimate} {}", taken.bytes);
}

fn database(path: &Path, journal: &str) -> rusqlite::Connection {
    let database = rusqlite::Connection::open(path).unwrap();
    let mode: String =
        database.query_row(&format!("PRAGMA journal_mode={journal}"), [], |row| row.get(0)).unwrap();
    assert_eq!(mode, journal);
    database.execute_batch("CREATE TABLE t(x); INSERT INTO t VALUES ('before');").unwrap();
    database
}

fn rows(path: &Path) -> String {
    let database = rusqlite::Connection::open(path).unwrap();
    database.query_row("SELECT group_concat(x) FROM t", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_database_is_copied_while_it_is_written_to_and_put_back() {
    for journal in ["wal", "delete"] {
        let bench = Bench::new();
        let path = bench.path("app.db");
        let live = database(&path, journal);
        bench.mode("app.db", 0o666);
        if is_root() {
            chown(&path, Some(1234), Some(1235)).unwrap();
        }
        let copy = bench.path("app.db.copy");
        let taken = take_sqlite(&path, &copy, &mut on).unwrap();
        assert_eq!(taken.bytes, fs::metadata(&copy).unwrap().len());
        assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o664);
        live.execute_batch("INSERT INTO t VALUES ('after')").unwrap();
        // The service is killed: in WAL mode its last writes are only in the journal.
        std::mem::forget(live);
        let before = fs::metadata(&path).unwrap();
        put_sqlite(&copy, &path, &mut on).unwrap();
        assert_eq!(rows(&path), "before", "{journal}");
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.uid(), after.gid(), after.mode()), (before.uid(), before.gid(), before.mode()));
        fs::remove_file(&path).unwrap();
        put_sqlite(&copy, &path, &mut on).unwrap();
        assert_eq!((rows(&path).as_str(), fs::metadata(&path).unwrap().uid()), ("before", before.uid()));
        check_sqlite(&copy).unwrap();
        let beside: Vec<_> =
            fs::read_dir(bench.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(beside.iter().all(|name| !name.to_str().unwrap().contains("copy-")), "{beside:?}");
    }
}

#[test]
fn copying_a_database_of_a_stopped_service_leaves_nothing_beside_it_that_its_owner_may_not_write() {
    let bench = Bench::new();
    for journal in ["wal", "delete"] {
        let path = bench.path(&format!("{journal}.db"));
        drop(database(&path, journal));
        if is_root() {
            chown(&path, Some(1234), Some(1235)).unwrap();
        }
        take_sqlite(&path, &bench.path(&format!("{journal}.copy")), &mut on).unwrap();
        for beside in fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().path()) {
            let owner = fs::metadata(&beside).unwrap().uid();
            assert_eq!(owner, fs::metadata(&path).unwrap().uid(), "{}", beside.display());
        }
    }
}

#[test]
fn a_folder_with_another_filesystem_mounted_in_it_is_emptied_and_filled() {
    let bench = Bench::new();
    bench.write("data/mounted/x", "below");
    let mounted = bench.path("data/mounted").display().to_string();
    let done = Command::new("mount").args(["-t", "tmpfs", "none", &mounted]).output();
    if !done.is_ok_and(|out| out.status.success()) {
        eprintln!("skipped: this needs the right to mount");
        return;
    }
    bench.write("data/mounted/file", "content");
    let paths = [bench.path("data")];
    let result = std::panic::catch_unwind(|| {
        let archive = bench.path("tree.tar");
        take_tree(&paths, &archive, &mut on).unwrap();
        bench.write("data/mounted/file", "changed");
        bench.write("data/mounted/more", "more");
        put_tree(&archive, &paths, &mut on).unwrap();
        differences(&archive, &paths)
    });
    bench.run("umount", &[&mounted]);
    assert_eq!(result.unwrap(), [""; 0]);
}

#[test]
fn what_is_no_database_or_a_damaged_one_is_found() {
    let bench = Bench::new();
    let text =
        bench.write("text", "this is a text and not a database, and it is long enough to have a header");
    assert!(take_sqlite(&text, &bench.path("copy"), &mut on).is_err());
    assert!(take_sqlite(&bench.path("nope"), &bench.path("copy2"), &mut on).is_err());
    let path = bench.path("odd ?name#.db");
    let live = database(&path, "delete");
    live.execute_batch("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000) INSERT INTO t SELECT 'row '||i FROM n").unwrap();
    drop(live);
    check_sqlite(&path).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for byte in &mut bytes[8192..9000] {
        *byte ^= 0x55;
    }
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(check_sqlite(&path), Err(BackupError::Damaged { .. })));
    let live = database(&bench.path("live.db"), "delete");
    drop(live);
    assert!(put_sqlite(&path, &bench.path("live.db"), &mut on).is_err());
    assert_eq!(rows(&bench.path("live.db")), "before");
    assert!(
        put_sqlite(&bench.path("live.db"), &bench.path("x.db"), &mut |_| ControlFlow::Break(())).is_err()
    );
    assert!(!bench.path("x.db").exists());
}

const ENV: &str = "# head\nWIKI_TOKEN=old\nexport WIKI_KEY=\"two\nlines \\\" \"\nOTHER=1\n\nWIKI_URL='x' # tail\nWIKI_TOKEN=twice\n";

#[test]
fn a_slice_of_an_environment_file_goes_back_into_its_place() {
    let bench = Bench::new();
    let file = bench.write(".env", ENV);
    bench.mode(".env", 0o600);
    let names = ["WIKI_*".to_owned()];
    let copy = bench.path("slice");
    take_config(&file, &names, &copy).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o777, 0o600);
    let saved = fs::read_to_string(&copy).unwrap();
    assert_eq!(
        saved,
        "WIKI_TOKEN=old\nexport WIKI_KEY=\"two\nlines \\\" \"\nWIKI_URL='x' # tail\nWIKI_TOKEN=twice\n"
    );
    check_config(&copy).unwrap();

    fs::write(&file, "OTHER=2\nWIKI_NEW=1\nWIKI_URL=changed\nLAST=1").unwrap();
    put_config(&copy, &file, &names).unwrap();
    let back = fs::read_to_string(&file).unwrap();
    assert_eq!(
        back,
        "OTHER=2\nWIKI_URL='x' # tail\nLAST=1\nWIKI_TOKEN=old\nexport WIKI_KEY=\"two\nlines \\\" \"\nWIKI_TOKEN=twice\n"
    );
    put_config(&copy, &file, &names).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), back);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);

    fs::remove_file(&file).unwrap();
    put_config(&copy, &file, &names).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), saved);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn a_whole_environment_file_and_one_behind_a_symlink_are_saved_too() {
    let bench = Bench::new();
    let file = bench.write("shared/.env", ENV);
    symlink("shared/.env", bench.path(".env")).unwrap();
    let copy = bench.path("slice");
    take_config(&bench.path(".env"), &[], &copy).unwrap();
    fs::write(&file, "A=1\n").unwrap();
    put_config(&copy, &bench.path(".env"), &[]).unwrap();
    assert!(bench.path(".env").symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&file).unwrap(), ENV);

    fs::write(&copy, "no name here\n").unwrap();
    assert!(matches!(check_config(&copy), Err(BackupError::Damaged { .. })));
    assert!(put_config(&copy, &file, &[]).is_err());
    assert!(take_config(&file, &["[".to_owned()], &bench.path("z")).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn no_changed_archive_leads_out_or_ends_in_a_panic(at in 0_usize..6000, to in proptest::prelude::any::<u8>()) {
        let bench = Bench::new();
        bench.write("data/sub/file", "content");
        bench.write("data/other", vec![5_u8; 700]);
        symlink("sub/file", bench.path("data/link")).unwrap();
        fs::hard_link(bench.path("data/other"), bench.path("data/sub/same")).unwrap();
        let archive = bench.path("tree.tar");
        let paths = [bench.path("data")];
        take_tree(&paths, &archive, &mut on).unwrap();
        let mut bytes = fs::read(&archive).unwrap();
        let at = at % bytes.len();
        bytes[at] = to;
        fs::write(&archive, bytes).unwrap();
        let _ = compare_tree(&archive, &paths);
        let _ = put_tree(&archive, &paths, &mut on);
        let beside: Vec<_> = fs::read_dir(bench.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        proptest::prop_assert_eq!(beside.len(), 2, "{:?}", beside);
    }
}
