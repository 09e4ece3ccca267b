//! What relinked sources make of a configuration (`source relink`): pure, so that every reader sees the same.

use std::path::{Component, Path, PathBuf};

use crate::model::id::ServiceName;
use crate::model::settings::Settings;
use crate::model::source::Overlay;
use crate::model::spec::{CommandLine, DriverSpec, ServiceSpec};

/// Puts what was relinked in the place of what the configuration says. A service that the configuration does not name is
/// left out: there is nothing to relink.
pub fn relink(settings: &mut Settings, overlay: &Overlay) {
    if let Some(remote) = &overlay.remote {
        settings.git.remote.clone_from(remote);
    }
    if let Some(branch) = &overlay.branch {
        settings.git.branch = branch.clone();
    }
    for (name, folder) in &overlay.folders {
        if let Some(service) = settings.services.get_mut(name) {
            move_to(service, folder);
        }
    }
    for (name, (image, file)) in &overlay.images {
        let Some(service) = settings.services.get_mut(name) else { continue };
        service.image = Some(image.clone());
        if let DriverSpec::Compose(spec) = &mut service.driver {
            spec.overlay = Some(file.clone());
        }
    }
    // What was planned with other sources is not what is planned now.
    for (name, value) in said(overlay) {
        settings.sources.insert(name, value);
    }
}

/// Each relinked source of a service beside the files that the configuration was read from.
fn said(overlay: &Overlay) -> Vec<(String, String)> {
    let folders = overlay
        .folders
        .iter()
        .map(|(name, at)| (format!("relinked {name}.folder"), at.display().to_string()));
    let images =
        overlay.images.iter().map(|(name, (image, _))| (format!("relinked {name}.image"), image.clone()));
    folders.chain(images).collect()
}

/// The folder that a service's definition lies in, relative to the project root: that of its compose file, or of the
/// program that starts it. None where that is a program of the system's.
pub fn folder_of(service: &ServiceSpec) -> Option<PathBuf> {
    match &service.driver {
        DriverSpec::Compose(spec) => Some(plain(spec.file.parent().unwrap_or(Path::new("")))),
        DriverSpec::Command(own) => {
            let program = Path::new(own.start.first()?);
            let folder = program.parent().filter(|folder| !folder.as_os_str().is_empty())?;
            (!program.is_absolute()).then(|| plain(folder))
        }
    }
}

/// A relative folder without `.` in it.
pub fn plain(folder: &Path) -> PathBuf {
    folder.components().filter(|part| *part != Component::CurDir).collect()
}

/// How a folder is written: `.` for the project root itself.
pub fn written(folder: &Path) -> String {
    let folder = plain(folder);
    if folder.as_os_str().is_empty() { ".".to_owned() } else { folder.display().to_string() }
}

/// Lets everything of a service that lies in its folder lie in another one.
fn move_to(service: &mut ServiceSpec, new: &Path) {
    let Some(old) = folder_of(service) else { return };
    if old == plain(new) {
        return;
    }
    let moved = |path: &Path| -> Option<PathBuf> {
        let path = plain(path);
        path.strip_prefix(&old).ok().map(|rest| plain(&new.join(rest)))
    };
    let program = |line: &mut CommandLine| {
        if let Some(first) = line.first_mut()
            && first.contains('/')
            && !first.starts_with('/')
            && let Some(there) = moved(Path::new(first.as_str()))
        {
            // A bare word would be looked for on the host's path.
            let there = there.display().to_string();
            *first = if there.contains('/') { there } else { format!("./{there}") };
        }
    };
    match &mut service.driver {
        DriverSpec::Compose(spec) => {
            let at_root = old.as_os_str().is_empty();
            if let Some(there) = moved(&spec.file) {
                spec.file = there;
            }
            // A folder that was named on its own stays what it was, unless it lies in the one that moved.
            let inside = |path: &PathBuf| !at_root && path.starts_with(&old);
            if let Some(folder) = spec.project_directory.clone().filter(inside).and_then(|path| moved(&path))
            {
                spec.project_directory = Some(folder);
            }
            if let Some(file) = spec.env_file.clone().filter(inside).and_then(|path| moved(&path)) {
                spec.env_file = Some(file);
            }
        }
        DriverSpec::Command(own) => {
            let lines = [Some(&mut own.start), Some(&mut own.stop), Some(&mut own.status)];
            let optional = [own.image.as_mut(), own.logs.as_mut(), own.pull.as_mut(), own.recreate.as_mut()];
            lines.into_iter().chain(optional).flatten().for_each(program);
        }
    }
    let hooks = &mut service.hooks;
    for hook in hooks.pre_start.iter_mut().chain(&mut hooks.post_start).chain(&mut hooks.ensure_config) {
        program(&mut hook.run);
        hook.check.iter_mut().for_each(program);
    }
    // What comes in below the new folder touches the service from now on; what goes from the old one still does.
    let below = format!("{}/**", written(new));
    if !service.paths.contains(&below) && written(new) != "." {
        service.paths.push(below);
    }
}

/// The compose file that says a relinked image, to be read after the service's own.
pub fn image_overlay(part: &str, image: &str) -> String {
    // A JSON string is a YAML string.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    format!("services:\n  {}:\n    image: {}\n", quoted(part), quoted(image))
}

/// Why a text cannot be a remote; none: it can. What is asked of the remote itself is another matter.
pub fn against_remote(text: &str) -> Option<&'static str> {
    let is_address =
        text.contains("://") || text.contains('@') || text.contains(':') || text.starts_with(['/', '.']);
    let authority = text.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    if text.is_empty() || text.len() > 500 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Some("it should be one word of 1 to 500 characters");
    }
    if text.starts_with('-') {
        return Some("it would be read as an option");
    }
    if text.contains("::") {
        return Some("a remote helper (`name::address`) starts programs: write an address");
    }
    if authority
        .is_some_and(|authority| authority.split_once('@').is_some_and(|(user, _)| user.contains(':')))
    {
        return Some(
            "a password would stand in it for everybody to read: leave it to git's credential helper",
        );
    }
    (!is_address && !crate::manifest::is_remote(text))
        .then_some("it is neither an address nor a name that `git remote` lists")
}

/// A remote's address as it may be shown: without user and password.
pub fn shown_address(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            if rest.contains('/') {
                format!("{scheme}://{host}/{path}")
            } else {
                format!("{scheme}://{host}")
            }
        }
        None => address.to_owned(),
    }
}

/// Why a text cannot be a folder of the project; none: it can.
pub fn against_folder(text: &str) -> Option<&'static str> {
    let path = Path::new(text);
    if text.is_empty() || text.len() > 500 || text.chars().any(char::is_control) {
        return Some("it should be one line of 1 to 500 characters");
    }
    if !path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Some("it should lie in the project: no leading `/`, no `..`");
    }
    if text.contains(['*', '?', '[', ']', '{', '}', '\\']) {
        return Some("it should be a folder's own name: no pattern");
    }
    path.components()
        .any(|part| part.as_os_str() == ".git" || part.as_os_str() == ".asd")
        .then_some("that folder is git's or ours")
}

/// Which compose service of one of ours runs the image that is to be replaced: the only one with it.
///
/// # Errors
/// A sentence for people, where none or several do.
pub fn part_with_image<'a>(
    service: &ServiceName,
    images: impl Iterator<Item = (&'a str, Option<&'a str>)>,
    current: &str,
) -> Result<String, String> {
    let mut with: Vec<&str> =
        images.filter(|(_, image)| *image == Some(current)).map(|(part, _)| part).collect();
    // Several containers of one image: the one that has the service's own name.
    if with.len() > 1 && with.contains(&service.as_str()) {
        with = vec![service.as_str()];
    }
    match with.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(format!(
            "no container of `{service}` runs `{current}`: its image can only be changed where it is written"
        )),
        several => Err(format!(
            "{} run `{current}`: an image can be relinked where one container has it",
            several.join(" and ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing;
    use crate::model::source::Overlay;

    fn overlay(service: &str, folder: &str) -> Overlay {
        Overlay { folders: [(service.parse().unwrap(), PathBuf::from(folder))].into(), ..Overlay::default() }
    }

    #[test]
    fn what_lies_in_the_folder_goes_with_it_and_nothing_else() {
        let name = testing::service("wikijs");
        let mut settings = testing::settings();
        settings.services.insert(name.clone(), testing::composed("wikijs"));
        let service = settings.services.get_mut(&name).unwrap();
        let old = written(&folder_of(service).unwrap());
        service.hooks.pre_start = vec![crate::model::spec::HookSpec {
            run: vec![format!("{old}/scripts/pre.sh"), format!("{old}/argument")],
            check: Some(vec!["/usr/bin/true".to_owned()]),
            ..Default::default()
        }];
        relink(&mut settings, &overlay(name.as_str(), "services/moved"));
        let service = &settings.services[&name];
        assert_eq!(written(&folder_of(service).unwrap()), "services/moved");
        let hook = &service.hooks.pre_start[0];
        // An argument is the program's own matter.
        assert_eq!(hook.run, ["services/moved/scripts/pre.sh".to_owned(), format!("{old}/argument")]);
        assert_eq!(hook.check.as_deref().unwrap(), ["/usr/bin/true"]);
        assert!(service.paths.contains(&"services/moved/**".to_owned()), "{:?}", service.paths);
        assert!(settings.sources.contains_key(&format!("relinked {name}.folder")));

        // In the root itself a program is still a file, and no word that is looked for elsewhere.
        settings.services.get_mut(&name).unwrap().hooks.pre_start[0].run[0] =
            "services/moved/pre.sh".to_owned();
        relink(&mut settings, &overlay(name.as_str(), "."));
        assert_eq!(settings.services[&name].hooks.pre_start[0].run[0], "./pre.sh");
    }

    #[test]
    fn a_service_that_is_not_configured_is_left_out() {
        let mut settings = testing::settings();
        let before = settings.services.clone();
        relink(&mut settings, &overlay("nobody", "x"));
        assert_eq!(settings.services, before);
    }

    #[test]
    fn remotes_that_would_run_something_or_show_a_password_are_refused() {
        for good in [
            "origin",
            "https://git.example.com/a.git",
            "git@git.example.com:a/b.git",
            "/srv/git/a.git",
            "../a.git",
            "ssh://git@h/a",
        ] {
            assert_eq!(against_remote(good), None, "{good}");
        }
        for bad in [
            "",
            "-x",
            "--upload-pack=/bin/sh",
            "ext::sh -c x",
            "ext::sh",
            "https://me:secret@h/a",
            "a b",
            "a\nb",
            "$(x)",
        ] {
            assert!(against_remote(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn folders_that_lead_out_of_the_project_are_refused() {
        for good in ["services/wiki", ".", "a"] {
            assert_eq!(against_folder(good), None, "{good}");
        }
        for bad in ["", "/etc", "..", "a/../../b", ".git/hooks", ".asd", "a*", "a\nb"] {
            assert!(against_folder(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_user_and_password() {
        assert_eq!(shown_address("https://me:secret@git.example.com/a.git"), "https://git.example.com/a.git");
        assert_eq!(shown_address("https://token@h"), "https://h");
        assert_eq!(shown_address("git@h:a/b"), "git@h:a/b");
        assert_eq!(shown_address("/srv/a@b"), "/srv/a@b");
    }

    #[test]
    fn an_image_is_replaced_where_one_container_has_it() {
        let wiki: ServiceName = "wiki".parse().unwrap();
        let part = |images: &[(&'static str, &'static str)]| {
            part_with_image(&wiki, images.iter().map(|(part, image)| (*part, Some(*image))), "a:1")
        };
        assert_eq!(part(&[("app", "a:1"), ("db", "b:1")]).unwrap(), "app");
        assert_eq!(part(&[("wiki", "a:1"), ("worker", "a:1")]).unwrap(), "wiki");
        assert!(part(&[("app", "a:1"), ("worker", "a:1")]).is_err());
        assert!(part(&[("db", "b:1")]).is_err());
        assert_eq!(image_overlay("app", "b:2"), "services:\n  \"app\":\n    image: \"b:2\"\n");
    }
}
