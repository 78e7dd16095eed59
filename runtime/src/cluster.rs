//! A private PostgreSQL server in a temporary directory, on a loopback port.

use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret as _, SecretString};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio_postgres::NoTls;

const PASSWORD: &str = "cluster-password";

/// A running server; stops when dropped.
pub(crate) struct Cluster {
    // Stops before its directory goes.
    server: Server,
    directory: TempDir,
}

struct Server {
    process: Child,
    port: u16,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let programs = programs();
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let home = directory.path().join("home");
        fs::create_dir(&home).unwrap();
        fs::write(home.join("password"), PASSWORD).unwrap();
        make_certificate(&home);
        if let Some((user, group)) = server_user() {
            for path in ["", "password", "server.key", "server.pem"] {
                chown(home.join(path), Some(user), Some(group)).unwrap();
            }
        }
        let data = home.join("data");
        let made = as_server_user(&programs.join("initdb"))
            .arg("--pgdata")
            .arg(&data)
            .arg("--pwfile")
            .arg(home.join("password"))
            .args(["--username=postgres", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .current_dir(&home)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // The port is free when it is asked for; should somebody take it before the server does, the next one is tried.
        for _ in 0..5 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let log = fs::File::create(directory.path().join("log")).unwrap();
            let server = as_server_user(&programs.join("postgres"))
                .arg("-D")
                .arg(&data)
                .args(["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"])
                .args(["-c", "ssl=on", "-c", "shared_buffers=16MB", "-c", "timezone=America/New_York"])
                .arg("-c")
                .arg(format!("port={port}"))
                .arg("-c")
                .arg(format!("ssl_cert_file={}", home.join("server.pem").display()))
                .arg("-c")
                .arg(format!("ssl_key_file={}", home.join("server.key").display()))
                .current_dir(&home)
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            let mut server = Server { process: server, port };
            if server.is_ready().await {
                return Self { server, directory };
            }
        }
        panic!("the server does not start: {}", fs::read_to_string(directory.path().join("log")).unwrap());
    }

    pub(crate) fn url(&self, query: &str) -> SecretString {
        self.url_of("postgres", PASSWORD, query)
    }

    pub(crate) fn url_of(&self, user: &str, password: &str, query: &str) -> SecretString {
        format!("postgres://{user}:{password}@127.0.0.1:{}/postgres{query}", self.server.port).into()
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("home/server.pem")
    }

    async fn client(&self) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(self.url("").expose_secret(), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    pub(crate) async fn execute(&self, statement: &str) {
        self.client().await.batch_execute(statement).await.unwrap();
    }

    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.client().await.query_one(query, &[]).await.unwrap().get(0)
    }
}

impl Server {
    /// Waits until the server answers; false if it ended instead.
    async fn is_ready(&mut self) -> bool {
        while self.process.try_wait().unwrap().is_none() {
            let mut config = tokio_postgres::Config::new();
            config.host("127.0.0.1").port(self.port).user("postgres").password(PASSWORD);
            if config.connect(NoTls).await.is_ok() {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        false
    }
}

impl Drop for Server {
    /// Interrupting the server ends its connections and then itself.
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            let id = Pid::from_child(&self.process);
            kill_process(id, Signal::INT).unwrap();
            self.process.wait().unwrap();
        }
    }
}

/// The directory of the newest installed version.
fn programs() -> PathBuf {
    let version = |path: &Path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .max_by_key(|path| version(path))
        .map(|path| path.join("bin"))
        .filter(|path| path.join("postgres").exists())
        .expect("no PostgreSQL server in /usr/lib/postgresql; install it with `apt-get install postgresql`")
}

/// Who the server runs as: it refuses to run as root, and the package makes a user for it.
fn server_user() -> Option<(u32, u32)> {
    let number = |option: &str| {
        let output = Command::new("id").args([option, "postgres"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<u32>().unwrap()
    };
    rustix::process::geteuid().is_root().then(|| (number("-u"), number("-g")))
}

fn as_server_user(program: &Path) -> Command {
    if server_user().is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}

fn make_certificate(home: &Path) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args([
            "-subj",
            "/CN=webstir",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=CA:FALSE",
        ])
        .args(["-keyout", "server.key", "-out", "server.pem"])
        .current_dir(home)
        .output()
        .expect("no `openssl`; install it with `apt-get install openssl`");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    fs::set_permissions(home.join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
}
