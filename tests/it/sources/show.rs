//! `source show` looks at each source and changes nothing.

use super::{host_with_a_tool, source};
use crate::support::{Host, manifest};

#[test]
fn every_source_is_named_with_where_it_stands_and_whether_it_can_be_read() {
    let host = host_with_a_tool();
    host.run(["source", "show"]).exits(0).shows_in_order(&[
        "✓  git.remote",
        "origin (",
        "✓  git.branch",
        "main",
        "✓  tool.folder",
        "packages/tool",
    ]);
    let remote = source(&host, "git.remote");
    assert_eq!(remote["current"], "origin");
    assert_eq!(remote["provenance"], ".asd/release.toml");
    assert_eq!((&remote["readable"], &remote["valid"]), (&true.into(), &true.into()), "{remote:#}");
    assert!(remote["address"].as_str().unwrap().ends_with("/origin.git"), "{remote:#}");
    assert_eq!(remote["fingerprint"].as_str().unwrap().len(), 16);
    // Its own programs say which image they start: nobody can ask for it.
    assert_eq!(source(&host, "tool.image")["readable"], serde_json::Value::Null);
}

#[test]
fn a_remote_that_is_gone_is_said_and_nothing_is_written() {
    let host = Host::new();
    std::fs::rename(host.root().join("origin.git"), host.root().join("moved.git")).unwrap();
    let before = manifest(&host.prod());
    host.run(["source", "show"])
        .exits(0)
        .shows("✗  git.remote")
        .shows("✗ source-unavailable: git could not fetch `main` from `origin`")
        .shows("holdpoint source relink git.remote");
    assert_eq!(manifest(&host.prod()), before);
}
