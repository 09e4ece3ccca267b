//! Every page of the console, with who may ask for it. What is not in this list does not exist.

use crate::http::route::{Method, Need};
use crate::model::access::Role;

use super::page::Page;
use super::{
    acting, assets, audit, beginning, evidence, incidents, now, playbooks, release, releases, remedy,
    rollout, rollout_acts, rollouts, sign,
};

const ANYBODY: Need = Need::Nobody;
const VIEWER: Need = Need::Role(Role::Viewer);
const OPERATOR: Need = Need::Role(Role::Operator);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every page.
pub(in crate::http) const fn all() -> [Page; 36] {
    use Method::{Get, Post};
    [
        Page { method: Get, path: "/assets/style.css", need: ANYBODY, work: assets::style },
        Page { method: Get, path: "/assets/live.js", need: ANYBODY, work: assets::script },
        Page { method: Get, path: "/assets/icon.svg", need: ANYBODY, work: assets::icon },
        Page { method: Get, path: "/sign-in", need: ANYBODY, work: sign::form },
        Page { method: Post, path: "/sign-in", need: ANYBODY, work: sign::sign_in },
        Page { method: Post, path: "/sign-out", need: VIEWER, work: sign::sign_out },
        Page { method: Get, path: "/", need: VIEWER, work: now::now },
        Page { method: Get, path: "/releases", need: VIEWER, work: releases::list },
        Page { method: Get, path: "/releases/{id}", need: VIEWER, work: release::show },
        Page { method: Get, path: "/releases/{id}/log", need: VIEWER, work: release::log },
        Page { method: Get, path: "/releases/{id}/steps/{seq}", need: VIEWER, work: release::step },
        Page { method: Get, path: "/evidence", need: VIEWER, work: evidence::show },
        Page { method: Get, path: "/releases/{id}/do/{verb}", need: OPERATOR, work: acting::plan },
        Page { method: Post, path: "/releases/{id}/do/{verb}", need: OPERATOR, work: acting::act },
        Page { method: Get, path: "/begin", need: OPERATOR, work: beginning::plan },
        Page { method: Post, path: "/begin", need: OPERATOR, work: beginning::act },
        Page { method: Get, path: "/rollouts", need: VIEWER, work: rollouts::list },
        Page { method: Post, path: "/rollouts/line", need: OPERATOR, work: rollouts::line },
        Page { method: Post, path: "/rollouts/hosts", need: OPERATOR, work: rollouts::exclude },
        Page { method: Get, path: "/rollouts/{plan_id}", need: VIEWER, work: rollout::show },
        Page { method: Get, path: "/rollouts/{plan_id}/do/{verb}", need: OPERATOR, work: rollout_acts::ask },
        Page { method: Post, path: "/rollouts/{plan_id}/do/{verb}", need: OPERATOR, work: rollout_acts::act },
        Page { method: Get, path: "/incidents", need: VIEWER, work: incidents::list },
        Page { method: Get, path: "/incidents/{id}", need: VIEWER, work: incidents::show },
        Page { method: Post, path: "/incidents", need: OPERATOR, work: incidents::open },
        Page { method: Post, path: "/incidents/{id}/capture", need: OPERATOR, work: incidents::capture },
        Page { method: Post, path: "/incidents/{id}/verify", need: OPERATOR, work: incidents::verify },
        Page { method: Post, path: "/incidents/{id}/resolve", need: OPERATOR, work: incidents::resolve },
        Page { method: Get, path: "/playbooks", need: VIEWER, work: playbooks::list },
        Page { method: Get, path: "/playbooks/{id}", need: VIEWER, work: playbooks::show },
        Page { method: Get, path: "/playbooks/{id}/run", need: OPERATOR, work: remedy::plan },
        Page { method: Post, path: "/playbooks/{id}/run", need: OPERATOR, work: remedy::act },
        Page { method: Get, path: "/audit", need: VIEWER, work: audit::list },
        Page { method: Get, path: "/audit/{ticket}", need: VIEWER, work: audit::log },
        Page { method: Get, path: "/requests", need: ADMIN, work: audit::requests },
        Page { method: Get, path: "/services/{service}/logs", need: VIEWER, work: now::logs },
    ]
}
