//! Which relinked sources are in force for what is looked at, and whether they still stand for what they were made for.

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use crate::decide;
use crate::model::facts::GitFacts;
use crate::model::id::Oid;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};
use crate::model::settings::Settings;
use crate::model::source::{Overlay, Relink, SourceLinks, SourceName};
use crate::model::spec::DriverSpec;
use crate::store::{Layout, Store};
use crate::sys::files;

use super::definitions::{Containers, settings_at};
use super::error::OpsError;
use super::facts::{About, Links, Look};
use super::host::Host;

/// What BASE and the target of a look are read with.
pub(super) struct Relinked {
    pub(super) base: Overlay,
    pub(super) target: Overlay,
}

impl Relinked {
    pub(super) fn observe(host: &Host, look: &Look, releases: &[ReleaseState]) -> Result<Self, OpsError> {
        let at = |moment| overlay(host.store.layout(), &host.links, moment);
        if !host.links.has_services() {
            return Ok(Self { base: at(None), target: at(None) });
        }
        let base = at(Some(base_from(host, look, releases)?));
        let target = match &look.links {
            Links::Deployed => at(Some(deployed(releases.iter()))),
            Links::Now => at(None),
            Links::Of(None) => {
                let own = releases.iter().find(|state| Some(&state.ticket) == look.ticket.as_ref());
                at(own.map(|state| state.started_at))
            }
            Links::Of(Some(attempt)) => at(host.store.attempt(attempt)?.map(|(state, _)| state.started_at)),
        };
        Ok(Self { base, target })
    }
}

/// What a release reads now.
pub(super) fn now(host: &Host) -> Overlay {
    overlay(host.store.layout(), &host.links, None)
}

/// What the working tree is read with: remote and branch of now, services as the last release read them.
pub(super) fn as_deployed(store: &Store, links: &SourceLinks) -> Result<Overlay, OpsError> {
    if !links.has_services() {
        return Ok(overlay(store.layout(), links, None));
    }
    Ok(overlay(store.layout(), links, Some(deployed(store.states()?.iter()))))
}

/// When what runs here was decided: services are what was relinked before that.
fn deployed<'a>(releases: impl Iterator<Item = &'a ReleaseState>) -> DateTime<Utc> {
    let moved = releases.filter(|state| state.merge.is_some() && state.status != Status::Reverted);
    moved.map(|state| state.started_at).max().unwrap_or(DateTime::<Utc>::MIN_UTC)
}

/// When what this ticket's release found was decided: that of the release before it.
fn base_from(host: &Host, look: &Look, releases: &[ReleaseState]) -> Result<DateTime<Utc>, OpsError> {
    let own = releases.iter().find(|state| Some(&state.ticket) == look.ticket.as_ref());
    // A release that is over is what the next one finds; one that goes on, or back, found what was there before it.
    let Some(own) = own.filter(|own| own.status != Status::Succeeded || matches!(look.about, About::Revert))
    else {
        return Ok(deployed(releases.iter()));
    };
    let earlier = host.store.attempts(&own.ticket)?;
    let earlier = earlier.iter().filter(|state| state.cycle < own.cycle && state.status == Status::Succeeded);
    let others =
        releases.iter().filter(|state| state.ticket != own.ticket && state.started_at < own.started_at);
    Ok(deployed(others.chain(earlier)))
}

/// The relinks of a moment (none: now); remote and branch are always those of now.
fn overlay(layout: &Layout, links: &SourceLinks, at: Option<DateTime<Utc>>) -> Overlay {
    let mut overlay = Overlay::default();
    for link in links.in_force(None).into_values() {
        match (&link.source, &link.to) {
            (SourceName::Remote, Some(to)) => overlay.remote = Some(to.clone()),
            (SourceName::Branch, Some(to)) => overlay.branch = to.parse().ok(),
            _ => {}
        }
    }
    for link in links.in_force(at).into_values() {
        match (&link.source, &link.to) {
            (SourceName::Folder(service), Some(to)) => {
                overlay.folders.insert(service.clone(), to.into());
            }
            (SourceName::Image(service), Some(to)) => {
                let file = layout
                    .image_overlay(service, &digest(link.part.as_deref().unwrap_or(service.as_str()), to));
                overlay.images.insert(service.clone(), (to.clone(), file));
            }
            _ => {}
        }
    }
    overlay
}

/// The name of the compose file that says an image of a part.
pub(super) fn digest(part: &str, image: &str) -> String {
    files::sha256_of(decide::image_overlay(part, image).as_bytes())[..16].to_owned()
}

/// See [`crate::model::source::SourceRow::fingerprint`].
pub(super) fn fingerprint(source: &SourceName, own: &str, value: &str, address: Option<&str>) -> String {
    let whole = format!("{source}\n{own}\n{value}\n{}", address.unwrap_or_default());
    files::sha256_of(whole.as_bytes())[..16].to_owned()
}

/// Why a relink does not stand for what it was made for any more; none: it does, or the configuration says the same by now.
pub(super) fn invalid(link: &Relink, own: &str, address: Option<&str>) -> Option<String> {
    let source = &link.source;
    let value = link.to.as_deref()?;
    if own != link.own && own != value {
        return Some(format!(
            "`{source}` was relinked to `{value}` when the configuration said `{}`; it says `{own}` now",
            link.own
        ));
    }
    if address != link.address.as_deref() {
        let shown =
            |address: Option<&str>| address.map_or("no address".to_owned(), |text| format!("`{text}`"));
        return Some(format!(
            "`{source}` was relinked to `{value}` when that was {}; it is {} now",
            shown(link.address.as_deref()),
            shown(address)
        ));
    }
    let recorded = fingerprint(source, &link.own, value, link.address.as_deref());
    (recorded != link.fingerprint).then(|| {
        format!(
            "the fingerprint of `{source}` is `{}`, and what is recorded of it has `{recorded}`",
            link.fingerprint
        )
    })
}

/// The refusal that this becomes, with both ways out.
pub(super) fn stale_blocker(link: &Relink, why: String) -> Blocker {
    let (source, fingerprint) = (&link.source, &link.fingerprint);
    let value = link.to.as_deref().unwrap_or(&link.own);
    Blocker::new(ReasonCode::SourceStale, why)
        .way_out("look at it: `holdpoint source show`")
        .way_out(format!(
            "it is right as it is: `holdpoint source relink {source} --fingerprint --expect-current {fingerprint} --reason '…'`"
        ))
        .way_out(format!(
            "read what the configuration says: `holdpoint source relink {source} --reset --expect-current {} --reason '…'`",
            shlex::try_quote(value).unwrap_or_default()
        ))
}

/// The relinks that do not fit the target: its configuration says something else than it did, or a name stands for another
/// address.
pub(super) fn stale(
    host: &Host,
    target: &Oid,
    git: &GitFacts,
    (containers, exported): (&Containers, Option<&TempDir>),
    troubles: &mut Vec<Blocker>,
) -> Result<(), OpsError> {
    let in_force = host.links.in_force(None);
    if in_force.is_empty() {
        return Ok(());
    }
    let mut own = settings_at(host, target, git, &Overlay::default())?;
    let wanted =
        |name: &crate::model::id::ServiceName| in_force.contains_key(&SourceName::Image(name.clone()));
    let plain = own.clone();
    own.services.retain(|name, service| wanted(name) && matches!(service.driver, DriverSpec::Compose(_)));
    let resolved = containers.resolve(host, &mut own, exported, &mut Vec::new());
    for link in in_force.into_values() {
        let said = match &link.source {
            SourceName::Image(name) => resolved.get(name).and_then(|service| {
                let part = link.part.as_deref().unwrap_or(name.as_str());
                service.parts.get(part)?.image.clone()
            }),
            other => own_value(&plain, other),
        };
        // A service that the target does not have any more has nothing to be relinked.
        let Some(said) = said else { continue };
        let address = address(host, link);
        troubles.extend(invalid(link, &said, address.as_deref()).map(|why| stale_blocker(link, why)));
    }
    Ok(())
}

/// The address that a relinked remote's name stands for now.
pub(super) fn address(host: &Host, link: &Relink) -> Option<String> {
    let remote = link.to.as_deref().filter(|_| link.source == SourceName::Remote)?;
    let address = host.git.address(remote).ok().flatten()?;
    Some(decide::shown_address(&address))
}

/// What a configuration says of a source, images aside; none where it does not say.
pub(super) fn own_value(settings: &Settings, source: &SourceName) -> Option<String> {
    match source {
        SourceName::Remote => Some(settings.git.remote.clone()),
        SourceName::Branch => Some(settings.git.branch.to_string()),
        SourceName::Folder(service) => {
            settings.services.get(service).and_then(decide::folder_of).map(|folder| decide::written(&folder))
        }
        SourceName::Image(service) => settings.services.get(service)?.image.clone(),
    }
}
