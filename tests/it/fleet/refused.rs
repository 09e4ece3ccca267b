//! Plans and inventories that are wrong: where, and what to write instead.

use super::scene::Fleet;

const GOOD: &str = "name = \"x\"\nticket = \"1\"\nref = \"REF\"\nticket_runs = \"every-host\"\n";

#[test]
fn a_plan_that_is_wrong_says_where_and_what_to_write() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = "1".repeat(40);
    let stage = "[[stage]]\nid = \"s\"\nhosts = ";
    let measured = "{ share = \"100%\" }\ngates = [{ kind = \"prometheus\", url = \"http://x\"";
    for (text, wanted) in [
        (format!("{GOOD}{stage}{{ share = \"100%\", list = [\"a\"] }}"), "in more than one way"),
        (format!("{GOOD}{stage}{{ }}"), "write one of `labels`, `list`, `share`"),
        (format!("{GOOD}{stage}{{ list = [\"aa\"] }}"), "did you mean `a`?"),
        (format!("{GOOD}{stage}{{ share = \"101%\" }}"), "from `\"1%\"` to `\"100%\"`"),
        (format!("{GOOD}{stage}{{ share = 3 }}"), "write a share such as `\"30%\"`"),
        (format!("{GOOD}{stage}{{ labels = {{ tier = \"none\" }} }}"), "fits no host"),
        (format!("{GOOD}serial = [1]"), "end it with `\"100%\"`"),
        (format!("{GOOD}serial = [1, \"100%\"]\n{stage}{{ share = \"100%\" }}"), "beside `[[stage]]`"),
        (GOOD.to_owned(), "has no stage"),
        (format!("{GOOD}paralel = 3\nserial = [\"100%\"]"), "`holdpoint schema rollout` prints every key"),
        (GOOD.replace("ref = \"REF\"\n", "") + "serial = [\"100%\"]", "the file needs the key `ref`"),
        (
            format!("{GOOD}{stage}{}, status = 9999 }}]", measured.replace("prometheus", "http")),
            "is no HTTP status: write one from 100 to 599",
        ),
        (format!("{GOOD}{stage}{measured} }}]"), "needs `query` for a gate of this kind"),
        (format!("{GOOD}{stage}{measured}, query = \"up\", below = inf }}]"), "is no number with an end"),
        (
            format!(
                "{GOOD}{stage}{{ share = \"100%\" }}\ngates = [{{ kind = \"manual\", url = \"http://x\" }}]"
            ),
            "means nothing to a gate of kind `manual`",
        ),
        (GOOD.replace("every-host", "once") + "serial = [\"100%\"]", "name the one host, `ticket_host"),
        (
            GOOD.replace("every-host\"", "once\"\nticket_host = \"aa\"") + "serial = [\"100%\"]",
            "did you mean `a`?",
        ),
        (
            GOOD.replace("every-host\"", "every-host\"\nticket_host = \"a\"") + "serial = [\"100%\"]",
            "write `\"once\"` there",
        ),
        (
            GOOD.replace("every-host\"", "once\"\nticket_host = \"a\"")
                + &format!("{stage}{{ list = [\"a\"] }}\ngates = [{{ kind = \"manual\" }}]"),
            "is the only host of stage `s`",
        ),
        (
            GOOD.replace("ticket_runs = \"every-host\"\n", "") + "serial = [\"100%\"]",
            "`ticket_runs` is missing",
        ),
        (GOOD.replace("REF", "v2.6") + "serial = [\"100%\"]", "git rev-parse v2.6^{commit}"),
        (GOOD.replace("REF", "v2.6") + "serial = [\"100%\"]", "write `repository = \"URL\"`"),
        (GOOD.replace("REF", "v2.*") + "serial = [\"100%\"]", "or the name of a tag"),
        (
            GOOD.replace("REF", "refs/heads/main") + "serial = [\"100%\"]",
            "is no tag: what else has a name moves",
        ),
    ] {
        fleet.write("desk/plan.toml", &text.replace("REF", &commit));
        let output = fleet.run(&["rollout", "plan", "create", "plan.toml"]).exits(2).shows(wanted);
        assert!(output.stderr.contains("plan.toml:") || output.stderr.contains("the plan"), "{output}");
    }
    fleet
        .run(&["rollout", "plan", "create", "none.toml"])
        .exits(2)
        .shows("there is no file")
        .shows("holdpoint schema rollout");
    fleet.run(&["rollout", "plan", "list"]).exits(0).shows("there is no plan");
}

#[test]
fn serial_is_written_out() {
    let fleet = Fleet::local(&["a", "b", "c", "d", "e"]);
    fleet
        .write("desk/plan.toml", &(GOOD.replace("REF", &"1".repeat(40)) + "serial = [1, \"60%\", \"100%\"]"));
    let plan = fleet.run(&["rollout", "plan", "create", "plan.toml", "--dry-run", "--json"]).exits(0).json();
    let hosts: Vec<&serde_json::Value> =
        plan["stages"].as_array().unwrap().iter().map(|stage| &stage["hosts"]).collect();
    assert_eq!(serde_json::json!(hosts), serde_json::json!([["a"], ["b", "c"], ["d", "e"]]));
    fleet.run(&["rollout", "plan", "list"]).exits(0).shows("there is no plan");
}

#[test]
fn an_inventory_that_is_wrong_says_where_and_what_to_write() {
    let fleet = Fleet::bare(&["a"]);
    let ledger =
        |text: &str| format!("[hosts.a]\ntransport = \"local\"\nfolder = \"/x\"\n[ledger.etcd]\n{text}");
    let on_etcd = |text: &str| {
        format!(
            "[hosts.a]\n{text}\nfolder = \"/x\"\n[ledger.etcd]\nendpoints = [\"http://127.0.0.1:2379\"]\n"
        )
    };
    fleet.run(&["fleet", "host", "list"]).exits(2).shows("fleet.toml").shows("holdpoint schema fleet");
    for (text, wanted) in [
        ("", "hosts"),
        ("[hosts]", "names no host"),
        ("[hosts.a]\ntransport = \"agent\"\nfolder = \"/x\"", "write `[ledger.etcd]`, too"),
        (&on_etcd("transport = \"agent\"\naddress = \"x\""), "is of a host over ssh"),
        ("[hosts.a]\ntransport = \"local\"\nfolder = \"x\"", "write the absolute path"),
        (
            "[hosts.a]\ntransport = \"ssh\"\naddress = \"-oProxyCommand=x\"\nfolder = \"/x\"",
            "not beginning with `-`",
        ),
        ("[hosts.a]\ntransport = \"local\"\naddress = \"x\"\nfolder = \"/x\"", "is of a host over ssh"),
        ("[hosts.\"a b\"]\ntransport = \"local\"\nfolder = \"/x\"", "a host's name"),
        ("[hosts.a]\ntransport = \"local\"\nfolder = \"/x\"\nlabel = {}", "did you mean `labels`?"),
        (&ledger("endpoints = []"), "names no member"),
        (&ledger("endpoints = [\"ledger1:2379\"]"), "write `https://HOST:PORT`"),
        (&ledger("endpoints = [\"http://ledger1:2379\"]"), "`http://` only on this machine"),
        (&ledger("endpoints = [\"https://ledger1:2379\"]"), "has no `ca`"),
        (&ledger("endpoints = [\"http://127.0.0.1:2379\"]\nuser = \"x\""), "write `password_file`, too"),
        (&ledger("endpoints = [\"http://127.0.0.1:2379\"]\nprefix = \"x\""), "ending with `/`"),
        (&ledger("endpoints = [\"http://127.0.0.1:2379\"]\nendpoint = 1"), "did you mean `endpoints`?"),
        (&ledger("endpoints = [\"https://ledger1:2379\"]\nca = \"none.pem\""), "none.pem"),
    ] {
        fleet.write("desk/fleet.toml", text);
        fleet.run(&["fleet", "host", "list"]).exits(2).shows(wanted).shows("fleet.toml");
    }
}

#[test]
fn what_is_not_there_is_said() {
    let fleet = Fleet::local(&["a"]);
    for verb in ["describe", "preview", "cancel"] {
        let line = ["rollout", "plan", verb, "--plan-id", "plan-none"];
        fleet.run(&line).exits(4).shows("plan-not-found").shows("rollout plan list");
    }
    fleet.run(&["rollout", "plan", "describe", "--plan-id", "../x"]).exits(2).shows("is not a plan's id");
    fleet.run(&["rollout", "pause", "--plan-id", "plan-none"]).exits(2).shows("--reason");
    let elsewhere = ["rollout", "stuck", "--orchestrator-url"];
    fleet.run(&[&elsewhere[..], &["https://x"]].concat()).exits(2).shows("HOLDPOINT_TOKEN");
    let in_the_clear = [&elsewhere[..], &["http://x"]].concat();
    fleet.run(&in_the_clear).exits(2).shows("could read the token").shows("--insecure-orchestrator");
    fleet.run(&[&in_the_clear[..], &["--insecure-orchestrator"]].concat()).exits(2).shows("HOLDPOINT_TOKEN");
    fleet.run(&["rollout", "stuck", "--json"]).exits(0).shows("stuck_plans");
}

#[test]
fn a_ledger_that_a_stranger_could_have_put_there_is_not_opened() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let fleet = Fleet::local(&["a"]);
    fleet.run(&["rollout", "plan", "list"]).exits(0);
    let file = fleet.root().join("desk/.asd/workspace/rollouts.sqlite");
    let mode = |bits: u32| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(bits)).unwrap();
    mode(0o666);
    fleet.run(&["rollout", "plan", "list"]).exits(1).shows("anybody may write it").shows("chmod o-w");
    mode(0o640);
    fleet.run(&["rollout", "plan", "list"]).exits(0);
    let elsewhere = fleet.root().join("elsewhere.sqlite");
    std::fs::rename(&file, &elsewhere).unwrap();
    symlink(&elsewhere, &file).unwrap();
    fleet.run(&["rollout", "plan", "list"]).exits(1).shows("rollouts.sqlite");
}
