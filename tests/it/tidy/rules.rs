//! The rules themselves, as functions from text to the breaches in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::source::{code_only, uses_of, words};

/// Crates that reach the world. `sys` may use any; another module only where `ARCHITECTURE.md` says so.
const WORLD: [&str; 8] = ["axum", "duct", "fs2", "rustix", "rusqlite", "signal_hook", "tokio", "ureq"];

/// One place where a rule does not hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Breach {
    file: String,
    line: usize,
    what: String,
}

impl Breach {
    fn new(file: &str, line: usize, what: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// What `ARCHITECTURE.md` allows.
#[derive(Debug)]
pub(super) struct Architecture {
    /// Module → modules it may import.
    allowed: BTreeMap<String, BTreeSet<String>>,
    /// (crate, module) pairs that may touch the world although they are not `sys`.
    exceptions: BTreeSet<(String, String)>,
}

impl Architecture {
    /// Reads the table of layers and the sentence with the exceptions.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut allowed = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("| `")) {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let module = cells.next().unwrap_or_default().trim_matches('`').to_owned();
            let imports = cells.next().ok_or_else(|| format!("a row without a second cell: {line}"))?;
            let names = imports.split(',').map(|name| name.trim().trim_matches('`').to_owned());
            allowed.insert(module, names.filter(|name| name != "—").collect::<BTreeSet<_>>());
        }
        let unknown =
            allowed.values().flatten().find(|name| !allowed.contains_key(*name)).map(ToOwned::to_owned);
        match unknown {
            Some(name) => Err(format!("`{name}` is imported in the table but has no row")),
            None if allowed.is_empty() => Err("no table of layers: rows begin with | `module`".into()),
            None => Ok(Self { allowed, exceptions: exceptions(text)? }),
        }
    }
}

/// The pairs (crate, module) of the sentence "Exceptions to …, and no others: `a` in `x::y` and `z::w`; `b` in `v`."
fn exceptions(text: &str) -> Result<BTreeSet<(String, String)>, String> {
    let start = text.find("Exceptions to ").ok_or("no sentence that begins with \"Exceptions to \"")?;
    let paragraph = text[start..].split("\n\n").next().unwrap_or_default();
    let (_, list) =
        paragraph.split_once("no others: ").ok_or("the exceptions are not introduced by \"no others: \"")?;
    let mut pairs = BTreeSet::new();
    for clause in list.split(';') {
        let mut names = clause.split('`').skip(1).step_by(2).map(ToOwned::to_owned);
        let krate = names.next().ok_or_else(|| format!("an exception without a crate: {clause}"))?;
        pairs.extend(names.map(|module| (krate.clone(), module)));
    }
    Ok(pairs)
}

/// Whether a file is Rust source.
pub(super) fn is_rust(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "rs")
}

/// `src/store/lock.rs` → `store::lock`; `src/store/mod.rs` → `store`; none: outside `src`.
fn module_of(file: &str) -> Option<String> {
    let path = file.strip_prefix("src/")?.strip_suffix(".rs")?;
    Some(path.strip_suffix("/mod").unwrap_or(path).replace('/', "::"))
}

fn layer_of(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

/// A module imports only from its row of the table, whether by `use` or by a path within code.
pub(super) fn layers(architecture: &Architecture, file: &str, text: &str) -> Vec<Breach> {
    let Some(module) = module_of(file).filter(|module| module != "lib") else { return Vec::new() };
    let layer = layer_of(&module);
    let Some(allowed) = architecture.allowed.get(layer) else {
        return vec![Breach::new(file, 1, format!("`{layer}` has no row in the table of ARCHITECTURE.md"))];
    };
    let code = code_only(text);
    let root = if layer == "main" { "holdpoint" } else { "crate" };
    let mut breaches: Vec<Breach> = uses_of(&code, root)
        .into_iter()
        .filter(|found| found.name != layer && !allowed.contains(&found.name))
        .map(|found| Breach::new(file, found.line, format!("`{layer}` may not import `{}`", found.name)))
        .collect();
    if is_directly_below_root(file) {
        let outside = outside_of_blocks(&code);
        breaches.extend(words(&outside, "super").map(|at| {
            Breach::new(file, line_of(&outside, at), "`super` here is the crate's root: say `crate::…`")
        }));
    }
    breaches
}

/// `src/a.rs` and `src/a/mod.rs`: their parent is the root, where every layer can be reached.
fn is_directly_below_root(file: &str) -> bool {
    file.matches('/').count() == 1 || (file.matches('/').count() == 2 && file.ends_with("/mod.rs"))
}

/// The code with everything in the braces of a `mod`, function or type blanked out; groups of `use` lines stay.
fn outside_of_blocks(code: &str) -> String {
    let mut depth = 0_usize;
    code.chars()
        .map(|c| {
            depth = match c {
                '{' => depth + 1,
                '}' => depth.saturating_sub(1),
                _ => depth,
            };
            if depth == 0 || c == '\n' { c } else { ' ' }
        })
        .collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Every module that `src/lib.rs` declares has its row.
pub(super) fn modules_in_table(architecture: &Architecture, lib: &str) -> Vec<Breach> {
    code_only(lib)
        .lines()
        .enumerate()
        .filter_map(|(index, line)| {
            Some((index, line.trim().strip_suffix(';')?.split_once("mod ")?.1.to_owned()))
        })
        .filter(|(_, name)| !architecture.allowed.contains_key(name))
        .map(|(index, name)| {
            Breach::new("src/lib.rs", index + 1, format!("`{name}` has no row in the table"))
        })
        .collect()
}

/// Crates that reach files, processes and sockets are used in `sys` and in the named exceptions.
pub(super) fn world(architecture: &Architecture, file: &str, text: &str) -> Vec<Breach> {
    let Some(module) = module_of(file).filter(|module| layer_of(module) != "sys") else { return Vec::new() };
    let code = code_only(text);
    let may = |krate: &str| {
        architecture.exceptions.iter().any(|(name, place)| {
            name == krate && (module == *place || module.starts_with(&format!("{place}::")))
        })
    };
    WORLD
        .iter()
        .filter(|krate| !may(krate))
        .flat_map(|krate| {
            let used = words(&code, krate).filter(|at| code[at + krate.len()..].starts_with("::"));
            used.map(|at| Breach::new(file, line_of(&code, at), format!("`{module}` may not use `{krate}`")))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// A file's first line says what it is for.
pub(super) fn begins_with_docs(file: &str, text: &str) -> Vec<Breach> {
    match text.lines().next().and_then(|line| line.strip_prefix("//! ")).map(str::trim) {
        Some(words) if !words.is_empty() => Vec::new(),
        _ => vec![Breach::new(file, 1, "the first line is not `//! ` and what this file is for")],
    }
}

/// `super::super` hides where a thing comes from.
pub(super) fn climbs_twice(file: &str, text: &str) -> Vec<Breach> {
    let code = code_only(text);
    uses_of(&code, "super")
        .into_iter()
        .filter(|found| found.name == "super")
        .map(|found| Breach::new(file, found.line, "`super::super`: say `crate::…`"))
        .collect()
}

/// Nothing deeper than `src/a/b/c.rs`.
pub(super) fn depth(file: &str) -> Vec<Breach> {
    if file.starts_with("src/") && file.matches('/').count() > 3 {
        return vec![Breach::new(file, 1, "deeper than `src/a/b/c.rs`")];
    }
    Vec::new()
}

/// A `mod.rs` of `src` holds docs, `mod` lines and `use` lines.
pub(super) fn module_file(file: &str, text: &str) -> Vec<Breach> {
    if !(file.starts_with("src/") && file.ends_with("/mod.rs")) {
        return Vec::new();
    }
    let code = code_only(text);
    let mut at = 0;
    let mut breaches = Vec::new();
    for item in code.split_inclusive(';') {
        let words = without_attributes(item);
        if !is_declaration(&words) && !words.is_empty() {
            let lead = item.len() - item.trim_start().len();
            let what = words.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
            breaches.push(Breach::new(
                file,
                line_of(&code, at + lead),
                format!("logic in a mod.rs: `{what} …`"),
            ));
        }
        at += item.len();
    }
    breaches
}

fn without_attributes(item: &str) -> String {
    let mut rest = item.trim();
    while let Some(attribute) = rest.strip_prefix('#') {
        let mut depth = 0_usize;
        let end = attribute.find(|c| {
            depth = match c {
                '[' => depth + 1,
                ']' => depth - 1,
                _ => depth,
            };
            c == ']' && depth == 0
        });
        rest = end.map_or("", |end| attribute[end + 1..].trim_start());
    }
    rest.to_owned()
}

/// `mod x;`, `pub(crate) use a::b;`
fn is_declaration(item: &str) -> bool {
    let rest = match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(')').map_or("", |(_, rest)| rest),
        Some(rest) => rest,
        None => item,
    };
    let rest = rest.trim_start();
    rest.ends_with(';') && (rest.starts_with("use ") || (rest.starts_with("mod ") && !rest.contains('{')))
}

/// Nothing that is kept names a folder of the machine it was written on, or a host that packages come from.
pub(super) fn foreign_places(file: &str, text: &str) -> Vec<Breach> {
    if file == "Cargo.lock" {
        return Vec::new(); // cargo writes where each crate comes from
    }
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let what = folders_of_a_workplace(line).or_else(|| host_of_packages(line))?;
            Some(Breach::new(file, index + 1, format!("names `{what}`")))
        })
        .collect()
}

fn folders_of_a_workplace(line: &str) -> Option<String> {
    let folders = ["work", "root"].map(|name| format!("/{name}/"));
    let starts_path =
        |before: Option<char>| !before.is_some_and(|c| c.is_alphanumeric() || "_-./}$~".contains(c));
    folders.into_iter().find(|folder| {
        line.match_indices(folder.as_str()).any(|(at, _)| starts_path(line[..at].chars().next_back()))
    })
}

fn host_of_packages(line: &str) -> Option<String> {
    // Joined here, so that this file does not name them.
    let hosts = [
        ["deb.debian", "org"],
        ["security.debian", "org"],
        ["snapshot.debian", "org"],
        ["pypi", "org"],
        ["files.pythonhosted", "org"],
        ["index.crates", "io"],
        ["static.crates", "io"],
        ["registry.npmjs", "org"],
        ["proxy.golang", "org"],
    ];
    hosts.map(|parts| parts.join(".")).into_iter().find(|host| line.contains(host.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &str = "
| module | may import |
|---|---|
| `model` | — |
| `sys` | — |
| `store` | model, sys |
| `cli` | model, sys |
| `main` | cli |

Exceptions to \"`sys` alone touches the world\", and no others: `rusqlite` in `store::index` and `store::old`; `ureq` in
`store::net`.

More text with `code`.
";

    fn picture() -> Architecture {
        Architecture::parse(PICTURE).unwrap()
    }

    fn shown(breaches: &[Breach]) -> Vec<String> {
        breaches.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_table_and_the_exceptions_are_read_as_written() {
        let picture = picture();
        assert_eq!(picture.allowed["store"], BTreeSet::from(["model".to_owned(), "sys".to_owned()]));
        assert!(picture.allowed["model"].is_empty());
        let pairs: Vec<String> = picture.exceptions.iter().map(|(a, b)| format!("{a} {b}")).collect();
        assert_eq!(pairs, ["rusqlite store::index", "rusqlite store::old", "ureq store::net"]);
    }

    #[test]
    fn a_picture_that_says_nothing_is_refused() {
        assert!(Architecture::parse("no table").is_err());
        assert!(Architecture::parse("| `a` | b |\nExceptions to x, and no others: `c` in `a`.").is_err());
        assert!(Architecture::parse("| `a` | — |").is_err());
    }

    #[test]
    fn a_planted_import_upwards_is_found() {
        let found =
            layers(&picture(), "src/store/lock.rs", "//! x\nuse crate::model::id;\nuse crate::cli::args;\n");
        assert_eq!(shown(&found), ["src/store/lock.rs:3: `store` may not import `cli`"]);
        let grouped = layers(&picture(), "src/sys/a.rs", "use crate::{\n  sys::b,\n  store::{a, b},\n};");
        assert_eq!(shown(&grouped), ["src/sys/a.rs:1: `sys` may not import `store`"]);
        let inline = layers(&picture(), "src/model/a.rs", "fn f() {\n crate::sys::now()\n}");
        assert_eq!(shown(&inline), ["src/model/a.rs:2: `model` may not import `sys`"]);
        let all = layers(&picture(), "src/store/a.rs", "use crate::*;");
        assert_eq!(shown(&all), ["src/store/a.rs:1: `store` may not import `*`"]);
        let main = layers(&picture(), "src/main.rs", "use holdpoint::{cli, store};");
        assert_eq!(shown(&main), ["src/main.rs:1: `main` may not import `store`"]);
    }

    #[test]
    fn a_way_round_by_the_root_is_found() {
        let found = layers(&picture(), "src/model/mod.rs", "use super::sys;\nmod tests { use super::*; }");
        assert_eq!(shown(&found), ["src/model/mod.rs:1: `super` here is the crate's root: say `crate::…`"]);
        assert!(layers(&picture(), "src/store/a.rs", "use super::index;").is_empty());
    }

    #[test]
    fn a_module_without_a_row_is_found() {
        assert_eq!(layers(&picture(), "src/fleet/a.rs", "//! x").len(), 1);
        let lib = modules_in_table(&picture(), "pub mod model;\npub mod fleet;\n// pub mod http;");
        assert_eq!(shown(&lib), ["src/lib.rs:2: `fleet` has no row in the table"]);
    }

    #[test]
    fn a_planted_reach_into_the_world_is_found() {
        let found = world(&picture(), "src/store/lock.rs", "use rusqlite::Connection;\nuse fs2::FileExt;");
        assert_eq!(
            shown(&found),
            [
                "src/store/lock.rs:2: `store::lock` may not use `fs2`",
                "src/store/lock.rs:1: `store::lock` may not use `rusqlite`"
            ]
        );
        assert!(world(&picture(), "src/store/index.rs", "use rusqlite::Connection;").is_empty());
        assert!(world(&picture(), "src/sys/files.rs", "use rustix::fs;").is_empty());
        assert_eq!(world(&picture(), "src/cli/a.rs", "ureq::get(u)").len(), 1);
    }

    #[test]
    fn a_file_that_does_not_say_what_it_is_for_is_found() {
        assert_eq!(begins_with_docs("src/a.rs", "use x;\n//! late").len(), 1);
        assert_eq!(begins_with_docs("src/a.rs", "//! \nuse x;").len(), 1);
        assert!(begins_with_docs("src/a.rs", "//! The words.\n").is_empty());
    }

    #[test]
    fn a_path_that_climbs_twice_is_found() {
        assert_eq!(climbs_twice("src/a/b.rs", "use super::super::c;").len(), 1);
        assert!(climbs_twice("src/a/b.rs", "// super::super\nuse super::c;").is_empty());
    }

    #[test]
    fn a_source_that_lies_too_deep_is_found() {
        assert_eq!(depth("src/a/b/c/d.rs").len(), 1);
        assert!(depth("src/a/b/c.rs").is_empty());
    }

    #[test]
    fn planted_logic_in_a_module_file_is_found() {
        let text = "//! Docs.\n\nmod a;\n#[cfg(test)]\nmod b;\npub use a::{X, Y};\npub(crate) use b::Z;\n\nfn run() {}\n";
        let found = module_file("src/a/mod.rs", text);
        assert_eq!(shown(&found), ["src/a/mod.rs:9: logic in a mod.rs: `fn run() {} …`"]);
        assert_eq!(module_file("src/a/mod.rs", "const X: u8 = 1;").len(), 1);
        assert_eq!(module_file("src/a/mod.rs", "mod inline { fn f() { g(); } }").len(), 2);
        assert!(module_file("src/a/b.rs", text).is_empty());
    }

    #[test]
    fn a_planted_foreign_place_is_found() {
        let folder = ["", "work", "main"].join("/");
        for line in [format!("cd {folder}"), format!("\"{folder}\""), ["see deb.debian", "org/x"].join(".")] {
            assert_eq!(foreign_places("README.md", &line).len(), 1, "{line}");
        }
        for line in [".asd/workspace/x", "/srv/work/x", "${root}/root/x", "the work is done"] {
            assert!(foreign_places("README.md", line).is_empty(), "{line}");
        }
    }
}
