//! Previews as plans for the engine: a work tree and a compose project of its own, and both gone again.

use std::path::PathBuf;

use crate::decide::Refusal;
use crate::decide::blockers;
use crate::decide::commands::git;
use crate::decide::planning::{chained, commands, named, step};
use crate::decide::side::plan;
use crate::decide::site::engine;
use crate::model::facts::{Compose, Facts};
use crate::model::id::{Oid, ServiceName};
use crate::model::phase::Phase;
use crate::model::plan::{Action, HealthJob, Plan, PlanVerb, Step};
use crate::model::preview::{PreviewId, PreviewParts};
use crate::model::quantity::Span;
use crate::model::spec::{CommandSpec, ComposeSpec, DriverSpec};

/// What was decided and seen of a preview that is to be made.
#[derive(Debug, Clone)]
pub struct PreviewUp<'a> {
    /// Which.
    pub id: &'a PreviewId,
    /// Its commit.
    pub commit: &'a Oid,
    /// Where its work tree lies, or will.
    pub tree: PathBuf,
    /// Its compose file.
    pub compose_file: PathBuf,
    /// How compose is called.
    pub compose: &'a Compose,
    /// Whether git has a tree there: of an attempt that was cut off, so nobody knows what of it is there.
    pub has_old_tree: bool,
    /// Its services in the order in which they are started, each with its compose services and how long it may take.
    pub services: Vec<(ServiceName, Vec<String>, Option<Span>)>,
    /// What the person should know.
    pub notes: Vec<String>,
}

/// How long a container may take to become well, and to stop.
const PATIENCE: Span = Span::secs(90);

/// The plan of `preview up`.
///
/// # Errors
/// What makes this host unfit for any run.
pub fn plan_preview_up(facts: &Facts, up: &PreviewUp<'_>) -> Result<Plan, Refusal> {
    fit(facts)?;
    let limit = facts.target_settings.run.timeout;
    let changing = |step: Step| Step { changes: true, timeout: Some(limit), ..step };
    let root = &facts.host.root;
    let mut steps = Vec::new();
    let mut tree = Vec::new();
    if up.has_old_tree {
        tree.push(git::remove_worktree(root, &up.tree));
    }
    tree.push(git::prune_worktrees(root));
    tree.push(git::add_worktree(root, &up.tree, up.commit));
    let title = format!("check {} out in a work tree of its own", up.commit.short());
    steps.push(changing(step(named(["preview", "tree"]), Phase::Migrate, title, commands(tree))));
    let slice = |parts: &[String]| ComposeSpec {
        file: up.compose_file.clone(),
        project: Some(up.id.project()),
        project_directory: Some(up.tree.clone()),
        services: parts.to_vec(),
        ..ComposeSpec::default()
    };
    let call = |parts: &[String], verb: &[&str]| {
        let mut argv = slice(parts).invocation(up.compose, root, root);
        argv.extend(verb.iter().map(|word| (*word).to_owned()));
        argv.extend(parts.iter().cloned());
        CommandSpec::new(argv, root)
    };
    for (service, parts, deadline) in &up.services {
        let title = format!("start {service} in the project {}", up.id.project());
        let start = commands(vec![call(parts, &["up", "-d", "--force-recreate"])]);
        let name = named(["preview", "start", service.as_str()]);
        steps.push(changing(step(name, Phase::Migrate, title, start)));
        let deadline = deadline.unwrap_or(PATIENCE);
        let job = HealthJob {
            service: service.clone(),
            driver: DriverSpec::Compose(slice(parts)),
            probe: None,
            deadline,
            interval: Span::secs(1),
            stay: Span::secs(0),
            logs: Some(call(parts, &["logs", "--tail=50"])),
        };
        let title = format!("wait until {service} is well, up to {deadline}");
        let name = named(["preview", "health", service.as_str()]);
        steps.push(step(name, Phase::Migrate, title, Action::Health(Box::new(job))));
    }
    Ok(plan(facts, PlanVerb::PreviewUp, chained(steps), up.notes.clone()))
}

/// What was seen of a preview that is to be removed.
#[derive(Debug, Clone)]
pub struct PreviewDown<'a> {
    /// Which.
    pub id: &'a PreviewId,
    /// What the engine has of it.
    pub parts: &'a PreviewParts,
    /// Where its work tree lies.
    pub tree: PathBuf,
    /// Whether git knows of that tree.
    pub has_tree: bool,
    /// What the person should know.
    pub notes: Vec<String>,
}

/// The plan of `preview cleanup`: stage after stage, each only where there is something left for it.
///
/// # Errors
/// What makes this host unfit for any run.
pub fn plan_preview_cleanup(facts: &Facts, down: &PreviewDown<'_>) -> Result<Plan, Refusal> {
    fit(facts)?;
    let limit = facts.target_settings.run.timeout;
    let stage = |name: &str, title: String, what: Vec<CommandSpec>| Step {
        changes: true,
        timeout: Some(limit),
        ..step(named(["preview", name]), Phase::Migrate, title, commands(what))
    };
    let engine = engine(facts);
    let PreviewParts { containers, networks, volumes, images, .. } = down.parts;
    let ids = |some: &[String]| some.to_vec();
    let running: Vec<String> = containers
        .iter()
        .filter(|c| c.state != "exited" && c.state != "created" && c.state != "dead")
        .map(|c| c.id.clone())
        .collect();
    let all: Vec<String> = containers.iter().map(|c| c.id.clone()).collect();
    let mut steps = Vec::new();
    if !running.is_empty() {
        let what = vec![engine.on_all(&["stop"], &running)];
        steps.push(stage("stop", format!("stop {} containers", running.len()), what));
    }
    if !all.is_empty() {
        let what = vec![engine.on_all(&["rm", "--force", "--volumes"], &all)];
        steps.push(stage("containers", format!("remove {} containers", all.len()), what));
    }
    for (name, verb, some) in [
        ("networks", ["network", "rm"], ids(networks)),
        ("volumes", ["volume", "rm"], ids(volumes)),
        ("images", ["image", "rm"], ids(images)),
    ] {
        if !some.is_empty() {
            steps.push(stage(
                name,
                format!("remove {} {name}", some.len()),
                vec![engine.on_all(&verb, &some)],
            ));
        }
    }
    if down.has_tree {
        let root = &facts.host.root;
        let what = vec![git::remove_worktree(root, &down.tree), git::prune_worktrees(root)];
        steps.push(stage("tree", "remove its work tree".to_owned(), what));
    }
    Ok(plan(facts, PlanVerb::PreviewCleanup, chained(steps), down.notes.clone()))
}

fn fit(facts: &Facts) -> Result<(), Refusal> {
    let blockers: Vec<_> = blockers::of_ground(facts).into_iter().collect();
    if blockers.is_empty() { Ok(()) } else { Err(Refusal::Blocked { blockers, notes: Vec::new() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::model::facts::ComposeFlavour;
    use crate::model::preview::PreviewContainer;

    #[test]
    fn a_preview_is_a_tree_and_a_project_of_its_own() {
        let facts = scene();
        let compose = Compose {
            command: vec!["docker-compose".to_owned()],
            flavour: ComposeFlavour::V1,
            version: "1.29.2".to_owned(),
        };
        let (id, commit) = ("pr-12".parse().unwrap(), oid('c'));
        let up = PreviewUp {
            id: &id,
            commit: &commit,
            tree: "/srv/app/.asd/workspace/previews/pr-12/tree".into(),
            compose_file: "/srv/app/.asd/workspace/previews/pr-12/compose.json".into(),
            compose: &compose,
            has_old_tree: false,
            services: vec![(service("web"), vec!["web".to_owned()], None)],
            notes: Vec::new(),
        };
        let plan = plan_preview_up(&facts, &up).unwrap();
        let argvs: Vec<String> =
            plan.steps.iter().flat_map(commands_of).map(|command| command.argv.join(" ")).collect();
        assert!(argvs[1].contains("worktree add --detach"), "{argvs:?}");
        assert_eq!(
            argvs[2],
            "docker-compose -p preview-pr-12 -f /srv/app/.asd/workspace/previews/pr-12/compose.json \
             --project-directory /srv/app/.asd/workspace/previews/pr-12/tree up -d --force-recreate web"
        );
        // What a killed attempt left is taken away first.
        let again = plan_preview_up(&facts, &PreviewUp { has_old_tree: true, ..up }).unwrap();
        let first = commands_of(&again.steps[0]).remove(0).argv.join(" ");
        assert!(first.contains("worktree remove --force --force"), "{first}");
    }

    #[test]
    fn a_cleanup_has_a_stage_for_whatever_is_left_and_no_other() {
        let facts = scene();
        let id = "pr-12".parse().unwrap();
        let container = PreviewContainer {
            id: "c1".to_owned(),
            name: "preview-pr-12-web-1".to_owned(),
            part: "web".to_owned(),
            state: "running".to_owned(),
            health: None,
            ports: vec![40001],
        };
        let whole = PreviewParts {
            containers: vec![container],
            networks: vec!["n1".to_owned()],
            volumes: vec!["v1".to_owned()],
            images: vec!["i1".to_owned()],
            foreign: Vec::new(),
        };
        let names = |parts: &PreviewParts, has_tree: bool| {
            let down = PreviewDown { id: &id, parts, tree: "/t".into(), has_tree, notes: Vec::new() };
            let plan = plan_preview_cleanup(&facts, &down).unwrap();
            plan.steps.iter().map(|step| step.name.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(&whole, true),
            [
                "preview.stop",
                "preview.containers",
                "preview.networks",
                "preview.volumes",
                "preview.images",
                "preview.tree"
            ]
        );
        assert_eq!(
            names(&PreviewParts { containers: Vec::new(), ..whole }, false),
            ["preview.networks", "preview.volumes", "preview.images"]
        );
        assert!(names(&PreviewParts::default(), false).is_empty());
    }
}
