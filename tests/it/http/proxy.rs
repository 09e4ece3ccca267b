//! A real nginx in front, configured by the very block of docs/http.md; and what is only believed of a proxy.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::support::{Host, Output, Port, begun, lacks, let_go, wait_until, waiting};

use super::server::Server;

/// The configuration that docs/http.md shows, so that it cannot rot.
fn documented(begins: &str) -> String {
    let text = include_str!("../../../docs/http.md");
    let mut blocks = text.split("```").skip(1).step_by(2).map(str::trim_start);
    blocks.find(|block| block.starts_with(begins)).unwrap_or_else(|| panic!("no block `{begins}`")).to_owned()
}

/// A running nginx, which ends with its owner.
struct Nginx {
    child: Child,
    port: Port,
    cert: PathBuf,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Nginx {
    /// In front of a server, as documented, with more in its `location`.
    fn before(host: &Host, server: &Server<'_>, more: &str) -> Self {
        let folder = host.root().join("nginx");
        std::fs::create_dir_all(folder.join("temp")).unwrap();
        let (cert, key) = (folder.join("ops.pem"), folder.join("ops.key"));
        let mut openssl = Command::new("openssl");
        openssl
            .args([
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=ops.example.org",
            ])
            .args(["-addext", "subjectAltName=DNS:ops.example.org,DNS:other.example.org", "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&cert);
        Output::of(openssl).exits(0);
        let port = Port::free();
        let block = documented("server {\n    listen 443 ssl;");
        let changed = [
            ("listen 443 ssl;", format!("listen 127.0.0.1:{} ssl;", port.number())),
            ("/etc/ssl/ops.pem", cert.display().to_string()),
            ("/etc/ssl/ops.key", key.display().to_string()),
            ("http://127.0.0.1:7070;", format!("{};\n{more}", server.url)),
        ];
        let block = changed.iter().fold(block, |block, (from, to)| {
            assert_eq!(block.matches(from).count(), 1, "{from} in\n{block}");
            block.replace(from, to)
        });
        let temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {};", folder.join("temp").join(name).display()))
            .join("\n");
        let whole = format!(
            "daemon off;\nmaster_process off;\npid {0}/pid;\nerror_log {0}/errors info;\nevents {{}}\n\
             http {{\naccess_log off;\n{temps}\n{block}\n}}\n",
            folder.display()
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, whole).unwrap();
        let nginx = |more: &[&str]| {
            let mut nginx = Command::new("nginx");
            nginx.arg("-p").arg(&folder).arg("-c").arg(&file).arg("-e").arg(folder.join("errors")).args(more);
            nginx.stdin(Stdio::null());
            nginx
        };
        Output::of(nginx(&["-t"])).exits(0);
        let child = nginx(&[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let ready = Self { child, port, cert };
        wait_until("nginx answers", || ready.asks("ops.example.org", "/health", &[]).0 == 200);
        ready
    }

    /// A line of curl to a name that this nginx is reached under.
    fn curl(&self, name: &str, path: &str) -> Command {
        let port = self.port.number();
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--max-time", "60", "--cacert"]).arg(&self.cert).args([
            "--resolve",
            &format!("{name}:{port}:127.0.0.1"),
            &format!("https://{name}:{port}{path}"),
        ]);
        curl
    }

    /// Status and text of an answer, its head in front.
    fn asks(&self, name: &str, path: &str, options: &[&str]) -> (u16, String) {
        let mut curl = self.curl(name, path);
        curl.args(["-i", "-w", "\n%{http_code}"]).args(options);
        let said = Output::of(curl).stdout;
        let (text, status) = said.rsplit_once('\n').unwrap_or_default();
        (status.parse().unwrap_or(0), text.to_owned())
    }
}

fn no_nginx() -> bool {
    lacks(&["nginx", "curl", "openssl"])
}

#[test]
fn through_the_documented_proxy_a_person_signs_in_and_acts_and_other_names_lead_nowhere() {
    if no_nginx() {
        return;
    }
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::with(&host, &["--name", "ops.example.org", "--behind-tls"]);
    let alice = server.token("alice", "operator");
    let nginx = Nginx::before(&host, &server, "");
    let here = format!("https://ops.example.org:{}", nginx.port.number());
    let origin = format!("Origin: {here}");
    let sent = format!("token={}&next=/releases", alice.value());
    let (status, said) = nginx.asks("ops.example.org", "/sign-in", &["-H", &origin, "-d", &sent]);
    assert_eq!(status, 303, "{said}");
    let cookie =
        said.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{said}"));
    assert!(cookie.contains("; Secure") && cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(said.contains("strict-transport-security"), "{said}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let (status, page) = nginx.asks("ops.example.org", "/", &["-H", &cookie]);
    assert!(status == 200 && page.contains("<b>alice</b>"), "{page}");
    let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let csrf = format!("X-CSRF-Token: {csrf}");
    let act = ["-H", &cookie, "-H", &origin, "-H", &csrf, "-d", "{}"];
    let (status, said) = nginx.asks("ops.example.org", "/api/releases/1234/run", &act);
    assert_eq!(status, 202, "{said}");
    wait_until("it succeeds", || host.state("1234", "STATUS") == "succeeded");
    let elsewhere = ["-H", &cookie, "-H", "Origin: https://evil.example", "-H", &csrf, "-d", "{}"];
    assert_eq!(nginx.asks("ops.example.org", "/api/releases/1234/run", &elsewhere).0, 403);
    // nginx passes the name on that was asked for, and the server knows only its own.
    let (status, said) = nginx.asks("other.example.org", "/", &["-H", "Accept: text/html"]);
    assert!(status == 421 && said.contains("<main") && said.contains("other.example.org"), "{said}");
}

#[test]
fn a_stream_comes_through_the_documented_proxy_record_by_record() {
    if no_nginx() {
        return;
    }
    let host = waiting();
    let running = begun(&host);
    let server = Server::with(&host, &["--name", "ops.example.org", "--behind-tls"]);
    let vic = server.token("vic", "viewer");
    let nginx = Nginx::before(&host, &server, "");
    let heard = host.root().join("heard");
    let mut curl = nginx.curl("ops.example.org", "/api/deployments/1234@1/timeline/stream");
    curl.args(["-N", "-H", &format!("Authorization: Bearer {}", vic.value()), "-o"]).arg(&heard);
    let mut curl = curl.spawn().unwrap();
    let so_far = || std::fs::read_to_string(&heard).unwrap_or_default();
    // The release waits for us: what is heard now was passed on while it goes on.
    wait_until("records come while it runs", || so_far().contains("\"event\":\"step-start\""));
    assert!(!so_far().contains("event: end"), "{}", so_far());
    let_go(&host, 0);
    running.wait().exits(0);
    assert!(curl.wait().unwrap().success());
    assert!(so_far().ends_with("event: end\ndata: {\"status\":\"succeeded\"}\n\n"), "{}", so_far());
}

#[test]
fn the_person_whom_the_documented_proxy_names_is_on_record_and_nobody_else_names_one() {
    if no_nginx() {
        return;
    }
    let host = Host::new();
    let options = ["--name", "ops.example.org", "--behind-tls", "--trust-proxy-user", "X-Forwarded-User"];
    let server = Server::with(&host, &options);
    let proxy = server.token("proxy", "operator");
    let users = host.root().join("users");
    // `openssl passwd -apr1` of "wiki".
    let mut passwd = Command::new("openssl");
    passwd.args(["passwd", "-apr1", "wiki"]);
    let hashed = Output::of(passwd).exits(0).stdout;
    std::fs::write(&users, format!("anna:{hashed}")).unwrap();
    let more = documented("auth_basic")
        .replace("/etc/nginx/holdpoint.users", &users.display().to_string())
        .replace("holdpoint_…", proxy.value());
    let nginx = Nginx::before(
        &host,
        &server,
        &format!("{more}\nlocation = /health {{ auth_basic off; proxy_pass {}; }}", server.url),
    );
    let ask = |options: &[&str]| nginx.asks("ops.example.org", "/api/releases/1234/run", options);
    assert_eq!(ask(&["-d", "{}"]).0, 401, "nginx itself wants to know who asks");
    let (status, said) = ask(&["-u", "anna:wiki", "-H", "X-Forwarded-User: mallory", "-d", "{}"]);
    assert!(status == 409 && said.contains("nothing-to-release"), "{said}");
    let asked = host.read(".asd/workspace/access/requests.log");
    assert!(asked.contains("operator=anna") && !asked.contains("mallory"), "{asked}");
}

#[test]
fn a_header_names_somebody_only_where_the_server_was_told_to_believe_it() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let server = Server::of(&host);
    let proxy = server.token("proxy", "operator");
    let named = proxy.header("x-forwarded-user", "anna");
    named.post("/api/releases/1234/run", &serde_json::json!({ "plan": "0123456789abcdef" })).is(412);
    let asked = host.read(".asd/workspace/access/requests.log");
    assert!(asked.contains("operator=proxy") && !asked.contains("anna"), "{asked}");
    let told = Server::with(&host, &["--trust-proxy-user", "X-Forwarded-User"]);
    let (proxy, named) = (proxy.at(&told), named.at(&told));
    proxy.get("/api/doctor").refuses(400, "malformed");
    named.header("x-forwarded-user", "bob").get("/api/doctor").refuses(400, "malformed");
    proxy.header("x-forwarded-user", "--yes").get("/api/doctor").refuses(400, "malformed");
    told.stranger().header("x-forwarded-user", "anna").get("/api/doctor").refuses(401, "unauthenticated");
    named.post("/api/releases/1234/run", &serde_json::json!({ "reason": "by the proxy" })).is(202);
    wait_until("it succeeds", || host.state("1234", "STATUS") == "succeeded");
    assert!(host.log("1234").contains("operator=anna"), "{}", host.log("1234"));
}

#[test]
fn a_cookie_is_for_tls_alone_where_there_is_tls() {
    let host = Host::new();
    for (options, secure) in [(&[][..], false), (&["--behind-tls"][..], true)] {
        let server = Server::with(&host, options);
        let name = if secure { "behind" } else { "plain" };
        let vic = server.token(name, "viewer");
        let here = server.stranger().header("origin", &server.url);
        assert_eq!(here.signs_in_with(vic.value()).contains("; Secure"), secure);
    }
}
