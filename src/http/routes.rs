//! Every route of the API. What is not in this list does not exist; what is in it says who may ask.

use crate::model::access::Role;
use crate::ops::spawn::Waits::{ForItsBeginning, ForItsEnd};

use super::api::{deployments, desk, host, previews, releases, rollouts};
use super::console;
use super::route::{Method, Need, Route, Work};

/// Every route.
pub(super) fn all() -> Vec<Route> {
    let mut routes = surfaces();
    routes.extend(attempts());
    routes.extend(tickets());
    routes.extend(the_host());
    routes.extend(the_desk());
    routes.extend(the_fleet());
    routes
}

/// Method, path and who may ask, of every route and of every page of the console: what a test of the matrix walks.
pub fn matrix() -> Vec<(Method, &'static str, Need)> {
    let routes = all().into_iter().map(|route| (route.method, route.path, route.need));
    routes.chain(console::all().into_iter().map(|page| (page.method, page.path, page.need))).collect()
}

/// Is it well, ready, safe.
fn surfaces() -> Vec<Route> {
    vec![
        Route::get("/health", "Is it well, in one word", |host, _| {
            Ok(host::HealthAnswer { status: host::health(host) })
        })
        .needs(Need::Nobody),
        Route::get("/api/v1/platform/services", "What runs, and whether it is well", host::services)
            .needs(Need::PublicRead),
        Route::get("/api/v1/observability/readiness", "Is this host fit to release", host::observability)
            .needs(Need::PublicRead),
        Route::get(
            "/api/v1/security/readiness",
            "Who may write where, what is signed, what lies open",
            host::security,
        )
        .needs(Need::PublicRead),
        Route::get("/api/v1/recovery/readiness", "What can be done with the newest attempt", host::recovery),
        Route::get("/api/v1/signoff/readiness", "Open incidents and their six conditions", desk::sign_off),
        Route::special(Need::Role(Role::Viewer), "/metrics", "Numbers for Prometheus", Work::Metrics),
        Route::special(Need::Role(Role::Viewer), "/openapi.json", "This document", Work::Document),
    ]
}

/// Attempts and their recovery.
fn attempts() -> Vec<Route> {
    use deployments as d;
    let (operator, admin) = (Role::Operator, Role::Admin);
    vec![
        Route::get_with("/api/deployments", "Attempts, newest first", d::list),
        Route::get("/api/deployments/{id}", "How an attempt stands", d::show),
        Route::get(
            "/api/deployments/{id}/recovery-readiness",
            "What can be done with it, and what stands in the way",
            d::readiness,
        ),
        Route::get_with("/api/deployments/{id}/timeline", "Its records", d::timeline),
        Route::special(
            Need::Role(Role::Viewer),
            "/api/deployments/{id}/timeline/stream",
            "Its records as they come (server-sent events)",
            Work::Stream,
        ),
        Route::get_with("/api/deployments/{id}/log", "Its audit log, and what the log's chain says", d::log),
        Route::get("/api/deployments/{id}/evidence", "What was seen of its failures", d::evidence),
        Route::post(
            operator,
            "/api/deployments/{id}/evidence",
            "Keep what is seen now",
            ForItsEnd,
            desk::capture,
        ),
        Route::post(
            operator,
            "/api/deployments/{id}/retry",
            "A new attempt of the same commit",
            ForItsBeginning,
            d::retry,
        ),
        Route::post(
            operator,
            "/api/deployments/{id}/rollback",
            "Put back what an older attempt left",
            ForItsBeginning,
            d::rollback,
        ),
        Route::post(operator, "/api/deployments/{id}/cancel", "Stop it in order", ForItsEnd, d::cancel),
        Route::post(
            operator,
            "/api/deployments/{id}/archive",
            "Out of the list; nothing is deleted",
            ForItsEnd,
            d::archive,
        ),
        Route::post(
            operator,
            "/api/deployments/{id}/unarchive",
            "Back into the list",
            ForItsEnd,
            d::unarchive,
        ),
        Route::post(
            admin,
            "/api/deployments/prune",
            "Throw away the records of archived, old attempts",
            ForItsEnd,
            d::prune,
        ),
        Route::post(
            operator,
            "/api/resources/{service}/redeploy",
            "A new attempt of today's checkout and configuration",
            ForItsBeginning,
            d::redeploy,
        ),
    ]
}

/// Releases and backups.
fn tickets() -> Vec<Route> {
    use releases as r;
    let (operator, admin) = (Role::Operator, Role::Admin);
    vec![
        Route::get_with("/api/releases/{ticket}/plan", "What a run or a revert would do", r::plan),
        Route::post(
            operator,
            "/api/releases/{ticket}/run",
            "Release it, or resume it",
            ForItsBeginning,
            r::run,
        ),
        Route::post(operator, "/api/releases/{ticket}/revert", "Take it back", ForItsBeginning, r::revert),
        Route::post(operator, "/api/releases/{ticket}/approve", "Pass its hold point", ForItsEnd, r::approve),
        Route::post(operator, "/api/releases/{ticket}/close", "End it for good", ForItsEnd, r::close),
        Route::post(
            operator,
            "/api/releases/{ticket}/diagnose",
            "What failed, why, how far it got, and the narrowest way out",
            ForItsEnd,
            desk::diagnose,
        ),
        Route::get("/api/releases/{ticket}/playbooks", "Playbooks that fit its failure", desk::matches),
        Route::post(
            operator,
            "/api/return-to-main",
            "After a hotfix branch: back on the main branch",
            ForItsBeginning,
            r::return_to_main,
        ),
        Route::get_with("/api/check", "What a release would do", r::check),
        Route::get_with("/api/backups", "Backup sets", r::backups),
        Route::get_with(
            "/api/backups/verify",
            "Backup sets, each against its own record",
            r::backups_verified,
        ),
        Route::post(operator, "/api/backups/take", "Take backups", ForItsBeginning, r::backup_take),
        Route::post(admin, "/api/backups/restore", "Put a backup back", ForItsBeginning, r::backup_restore),
        Route::post(
            admin,
            "/api/backups/prune",
            "Remove sets that nothing needs",
            ForItsEnd,
            r::backup_prune,
        ),
    ]
}

/// The host and its services.
fn the_host() -> Vec<Route> {
    vec![
        Route::get("/api/drift", "What is meant to run, held against what runs", host::drift),
        Route::get("/api/doctor", "Is this host fit to release", host::doctor_rows),
        Route::get("/api/guard", "What the host's own guardrail says", host::guarded),
        Route::get("/api/source-links", "What the next releases read, and from where", host::sources),
        Route::post(
            Role::Admin,
            "/api/source-links/relink",
            "Have later releases read something from elsewhere",
            ForItsEnd,
            host::relink,
        ),
        Route::get("/api/previews", "Branches beside production, and where they are reached", previews::list),
        Route::post(
            Role::Operator,
            "/api/previews",
            "Run a branch beside production",
            ForItsEnd,
            previews::up,
        ),
        Route::post(
            Role::Operator,
            "/api/deployments/cleanup-preview",
            "Take a preview away, and prove that it is gone",
            ForItsEnd,
            previews::cleanup,
        ),
        Route::get_with(
            "/api/diff",
            "How the configuration differs from that of a commit",
            host::differences,
        ),
        Route::get_with("/api/services/{service}/logs", "What a service printed", host::logs),
        Route::post(
            Role::Operator,
            "/api/services/{service}/configure",
            "Run its configuration hooks",
            ForItsBeginning,
            releases::configure,
        ),
        Route::get_with("/api/requests", "What was asked over HTTP, newest first", host::requests)
            .needs(Need::Role(Role::Admin)),
    ]
}

/// Evidence, playbooks, incidents.
fn the_desk() -> Vec<Route> {
    let operator = Role::Operator;
    vec![
        Route::get("/api/evidence", "What was seen of the host as a whole", desk::evidence_of_host),
        Route::post(
            operator,
            "/api/evidence",
            "Keep what is seen of the host now",
            ForItsEnd,
            desk::capture_host,
        ),
        Route::get_with("/api/evidence/show", "What is in one bundle", desk::show),
        Route::get_with("/api/evidence/compare", "What changed between two bundles", desk::compare),
        Route::get("/api/playbooks", "Known failures", desk::playbooks),
        Route::get("/api/playbooks/{id}", "One of them", desk::playbook),
        Route::post(
            operator,
            "/api/playbooks/{id}/run",
            "Run its detection, or its remedy",
            ForItsEnd,
            desk::playbook_run,
        ),
        Route::get("/api/incidents", "Incidents, oldest first", desk::incidents),
        Route::get("/api/incidents/{id}", "One of them, with its six conditions", desk::incident),
        Route::post(
            operator,
            "/api/incidents",
            "Something is wrong on this host",
            ForItsEnd,
            desk::incident_open,
        ),
        Route::post(
            operator,
            "/api/incidents/{id}/capture",
            "Look, before anything is done",
            ForItsEnd,
            desk::incident_capture,
        ),
        Route::post(
            operator,
            "/api/incidents/{id}/verify",
            "Look again, after it",
            ForItsEnd,
            desk::incident_verify,
        ),
        Route::post(operator, "/api/incidents/{id}/resolve", "It is over", ForItsEnd, desk::incident_resolve),
    ]
}

/// Rollouts, in seed 004's own paths.
fn the_fleet() -> Vec<Route> {
    use rollouts as r;
    let (operator, admin) = (Role::Operator, Role::Admin);
    vec![
        Route::get("/v1/rollouts", "Every plan, newest first", r::list),
        // A gate of a plan may be a program that is run here.
        Route::act(admin, "/v1/rollouts", "Make a plan; from then on it never changes", r::create),
        Route::get("/v1/rollouts/stuck", "Plans that do not get on, and why", r::stuck),
        Route::get("/v1/rollouts/{plan_id}", "Where a plan stands, and why it waits", r::show),
        Route::act(operator, "/v1/rollouts/{plan_id}", "Give a plan up; hosts stay as they are", r::cancel)
            .takes_away(),
        Route::get("/v1/rollouts/{plan_id}/preview", "What its next step would do", r::preview),
        Route::act(operator, "/v1/rollouts/{plan_id}/start", "Begin it, and drive it", r::start),
        Route::act(operator, "/v1/rollouts/{plan_id}/pause", "Begin nothing new; reversible", r::pause),
        Route::act(
            operator,
            "/v1/rollouts/{plan_id}/resume",
            "Go on, and drive it where nobody does",
            r::resume,
        ),
        Route::act(operator, "/v1/rollouts/{plan_id}/halt", "End its stage; terminal for the stage", r::halt),
        Route::act(
            operator,
            "/v1/rollouts/{plan_id}/recover",
            "Get it unstuck: back, again, or past the stage",
            r::recover,
        ),
        Route::get(
            "/v1/rollouts/{plan_id}/stages/{stage}/gates",
            "What the gates of a stage said last",
            r::gates,
        ),
        Route::act(
            operator,
            "/v1/rollouts/{plan_id}/stages/{stage}/approve",
            "Pass the manual gate of the stage",
            r::approve,
        ),
        Route::get_with("/v1/audit", "What was done to every plan, by whom and why, newest first", r::audit),
        Route::get("/v1/stop-the-line", "The line, where it is stopped", r::line),
        Route::act(
            operator,
            "/v1/stop-the-line",
            "Pause every plan but hotfixes, and let none begin",
            r::stop_the_line,
        ),
        Route::get("/v1/hosts", "Hosts of the fleet", r::hosts),
        Route::act(
            operator,
            "/v1/hosts/{host}/exclude",
            "Take a host out of every plan for a while, or bring it back",
            r::exclude,
        ),
    ]
}
