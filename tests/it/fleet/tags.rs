//! `ref = "v2.6"`: looked up once, in a real repository.

use super::scene::Fleet;

const PLAN: &str =
    "name = \"web 2\"\nticket = \"1234\"\nref = \"REF\"\nticket_runs = \"every-host\"\nserial = [\"100%\"]\n";

fn tags(fleet: &Fleet, words: &[&str]) {
    fleet.ground.git_at(&fleet.ground.dev(), [&["tag", "-f"], words].concat()).exits(0);
    fleet.ground.git_at(&fleet.ground.dev(), ["push", "-q", "-f", "origin", "--tags"]).exits(0);
}

fn named(fleet: &Fleet, repository: &str) {
    let text = std::fs::read_to_string(fleet.root().join("desk/fleet.toml")).unwrap();
    let hosts = &text[text.find("[hosts").unwrap()..];
    fleet.write("desk/fleet.toml", &format!("repository = \"{repository}\"\n{hosts}"));
}

#[test]
fn a_tag_is_looked_up_when_the_plan_is_made_and_may_move_afterwards() {
    let fleet = Fleet::local(&["a", "b"]);
    let commit = fleet.ships("1234", "2");
    tags(&fleet, &["light"]);
    tags(&fleet, &["-a", "-m", "the second", "v2.6"]);
    named(&fleet, "../origin.git");
    for tag in ["light", "v2.6", "refs/tags/v2.6"] {
        fleet.write("desk/plan.toml", &PLAN.replace("REF", tag));
        let tried =
            fleet.run(&["rollout", "plan", "create", "plan.toml", "--dry-run", "--json"]).exits(0).json();
        let short = tag.trim_start_matches("refs/tags/");
        assert_eq!((&tried["ref"], &tried["tag"]), (&commit.as_str().into(), &short.into()), "{tried:#}");
    }
    let plan = fleet.plan(PLAN, "v2.6");
    let shown = fleet.run(&["rollout", "plan", "preview", "--plan-id", &plan]).exits(0);
    shown.shows(&format!("{} (tag v2.6)", &commit[..12]));
    fleet.ships("1235", "3");
    tags(&fleet, &["-a", "-m", "moved", "v2.6"]);
    fleet.run(&["rollout", "start", "--plan-id", &plan]).exits(0).shows("(tag v2.6)");
    assert_eq!(fleet.images(), ["web:2", "web:2"], "the plan is the one that was made");
    let view = fleet.described(&plan);
    assert_eq!((&view["ref"], &view["tag"]), (&commit.as_str().into(), &"v2.6".into()), "{view:#}");
    // A commit that was named itself has no tag.
    let other = fleet.plan(PLAN, &commit);
    assert!(fleet.described(&other)["tag"].is_null());
}

#[test]
fn what_is_no_tag_is_refused_with_what_to_write() {
    let fleet = Fleet::local(&["a"]);
    let commit = fleet.ships("1234", "2");
    tags(&fleet, &["v2.6"]);
    let refuses = |name: &str, exit: i32, wanted: &str| {
        fleet.write("desk/plan.toml", &PLAN.replace("REF", name));
        let output = fleet.run(&["rollout", "plan", "create", "plan.toml"]).exits(exit).shows(wanted);
        output.shows("write the whole object id");
    };
    refuses("v2.6", 2, "no repository is known");
    let origin = fleet.root().join("origin.git").display().to_string();
    named(&fleet, &origin);
    refuses("v2.5", 2, "did you mean `v2.6`?");
    refuses("main", 2, "is a branch of");
    refuses(&commit[..10], 2, "a short object id is ambiguous");
    refuses("HEAD", 2, "is no tag of");
    named(&fleet, "../none.git");
    refuses("v2.6", 4, "source-unavailable");
    named(&fleet, "ext::sh -c id");
    fleet
        .run(&["rollout", "plan", "create", "plan.toml"])
        .exits(2)
        .shows("write the URL of a git repository");
    // Without a name it is the repository that fleet.toml lies in.
    let text = std::fs::read_to_string(fleet.root().join("desk/fleet.toml")).unwrap();
    fleet.write("dev/fleet.toml", &text[text.find("[hosts").unwrap()..]);
    fleet.write("dev/plan.toml", &PLAN.replace("REF", "v2.6"));
    let made = fleet.run_at("dev", &["rollout", "plan", "create", "plan.toml", "--dry-run", "--json"]);
    assert_eq!(made.exits(0).json()["ref"], commit.as_str());
    fleet.run(&["rollout", "plan", "list"]).exits(2);
}
