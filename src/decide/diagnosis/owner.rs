//! Who takes over (seed 002): control-plane or mixed causes, readiness and host causes, phases and drift, the product.

use super::seen::DiagnosisSeen;
use crate::model::diagnosis::{FailureKind, OwnerSeen};
use crate::model::settings::SurfaceKind;

pub(super) fn of(seen: &DiagnosisSeen<'_>, kind: FailureKind, unwell: &[String]) -> OwnerSeen {
    let area = area(seen, kind, unwell);
    if area == "product"
        && let Some(service) = seen.service()
    {
        let own = seen.settings.services.get(service).map(|spec| &spec.owner);
        let named = own.and_then(|owner| owner.team.clone().or_else(|| owner.contact.clone()));
        return OwnerSeen {
            area: area.to_owned(),
            who: named.unwrap_or_else(|| format!("owner of {service}")),
        };
    }
    let who = seen.settings.owners.get(area).cloned().unwrap_or_else(|| format!("{area} owner"));
    OwnerSeen { area: area.to_owned(), who }
}

fn area(seen: &DiagnosisSeen<'_>, kind: FailureKind, unwell: &[String]) -> &'static str {
    let is_down = |kinds: &[SurfaceKind]| {
        seen.surfaces.iter().any(|surface| !surface.well && kinds.contains(&surface.kind))
    };
    let text = seen.text();
    let of_host = ["no space left", "permission denied", "cannot connect to the docker", "command not found"];
    match kind {
        _ if of_host.iter().any(|words| text.contains(words)) => "environment",
        FailureKind::Health if is_down(&[SurfaceKind::Health]) => "stack",
        FailureKind::Health if is_down(&[SurfaceKind::Observability, SurfaceKind::Security]) => "environment",
        FailureKind::Health if unwell.len() > 1 => "stack",
        FailureKind::Health if seen.service().is_some() => "product",
        FailureKind::Execution => "environment",
        _ => "deployment",
    }
}
