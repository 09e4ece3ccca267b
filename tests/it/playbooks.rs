//! Playbooks as a tool: which one a failure looks like, what its commands say and do, and how new ones are written.

mod applying;
mod heldout;
mod matching;
mod running;
mod shipped;
mod writing;

/// A playbook of the host's own: what it is found by, how to be sure of it, what it does now (YAML after `adhoc:`).
pub(crate) fn playbook(id: &str, output: &str, detection: &str, adhoc: &str) -> (String, String) {
    let text = format!(
        "- id: {id}\n  symptom: |\n    The theme cannot be built.\n  match:\n    output: '{output}'\n  detection:\n{detection}\n  \
         root_cause: |\n    The folder is not made by anybody.\n  fix:\n    bootstrap_script: packages/wikijs/theme.sh:main\n    \
         bootstrap_change: |\n      Make the folder before it is used.\n    adhoc: {adhoc}\n  verify:\n    - test -e themes\n  \
         services: []\n  tags: [release, theme]\n"
    );
    (format!("recovery/playbooks/{id}.yaml"), text)
}

/// A detection command and what it should answer.
pub(crate) fn asks(command: &str, expect: &str) -> String {
    format!("    - command: {command:?}\n      expect: {expect:?}")
}
