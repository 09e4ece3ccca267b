//! The nights: what happens on a production host, each as a whole, with a real git and real small services.

mod adoption;
mod backups;
mod canaries;
mod cut;
mod fix;
mod fleeting;
mod hotfix;
mod normal;
mod pulled;
mod schema;
mod secrets;
mod services;
mod ticket;
mod together;
mod unfinished;
mod witness;
mod writes;

use crate::support::{Host, Scene, Service};

/// A host with three services; `redmine` needs nothing of the others.
fn three() -> Host {
    Scene::new()
        .service(Service::new("postgres"))
        .service(Service::new("wikijs").after("postgres"))
        .service(Service::new("redmine"))
        .build()
}

/// A script's lines that damage a service's data half-way and then fail.
fn damages(host: &Host, service: &str) -> String {
    let data = host.data(service);
    let data = data.display();
    format!(
        "echo '# Half' >{data}/pages/home.md\nrm {data}/settings.json\necho new >{data}/pages/new.md\n\
         echo 'column theme does not exist' >&2\nexit 3"
    )
}

/// The tree of a commit.
fn tree(host: &Host, commit: &str) -> String {
    host.git(["rev-parse", &format!("{commit}^{{tree}}")]).exits(0).stdout
}
