//! The binary from outside: exit codes, error shapes, and two nodes that a person would start.

mod errors;
mod full_disk;
mod gossip;
mod nodes;
mod offline;
mod peers;
mod seeds;

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A user of the machine: a home of its own, no variable of ours.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The binary with `args`, which are split at spaces.
    fn command(&self, args: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_animica-p2p"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ANIMICA_P2P_") {
                command.env_remove(name);
            }
        }
        command
            .args(args.split_whitespace())
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &str) -> Output {
        self.command(args).output().expect("the binary runs")
    }

    /// Runs a command that must succeed and gives its JSON.
    fn json(&self, args: &str) -> Value {
        let out = self.run(&format!("{args} --json"));
        assert!(
            out.status.success(),
            "`{args}`: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        serde_json::from_slice(&out.stdout).expect("JSON on standard output")
    }

    /// Runs a command that must fail with this exit code and error code.
    fn fails(&self, args: &str, exit: i32, code: &str) -> Value {
        self.fails_with(self.command(&format!("{args} --json")), exit, code)
    }

    fn fails_with(&self, mut command: Command, exit: i32, code: &str) -> Value {
        let out = command.output().expect("the binary runs");
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(exit), "{command:?}: {stderr}");
        let last = stderr.lines().last().expect("an error");
        let error: Value = serde_json::from_str(last).expect("JSON on standard error");
        let error = error["error"].clone();
        assert_eq!(error["code"], code, "{stderr}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
        assert!(error.get("hint").is_some());
        error
    }

    /// Starts a node and waits until it is ready. Ports are chosen by the system unless `args`
    /// names them.
    fn node(&self, args: &str) -> Node {
        self.node_with(self.command(&node_args(args)))
    }

    fn node_with(&self, mut command: Command) -> Node {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("readable");
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let mut text = String::new();
            drop(child.stderr.take().map(|mut e| e.read_to_string(&mut text)));
            panic!("{command:?} did not become ready: {text}");
        };
        // Keep reading, so that the node never waits for a full pipe.
        let stderr = child.stderr.take().expect("piped");
        std::thread::spawn(move || {
            let mut log = String::new();
            drop(BufReader::new(stderr).read_to_string(&mut log));
        });
        Node { child, ready }
    }
}

fn node_args(args: &str) -> String {
    let mut all = format!("--json listen {args}");
    for (flag, any) in [("--listen", "127.0.0.1:0"), ("--metrics", "127.0.0.1:0")] {
        if !args.contains(flag) {
            all.push_str(&format!(" {flag} {any}"));
        }
    }
    all
}

/// A running node; killed when dropped.
struct Node {
    child: Child,
    ready: Value,
}

impl Node {
    fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap_or_default().to_owned()
    }

    /// Its first address, as `127.0.0.1:PORT`.
    fn host_port(&self) -> String {
        let addr = self.ready["addresses"][0].as_str().expect("an address");
        let mut parts = addr.split('/').skip(2);
        let host = parts.next().expect("a host");
        let port = parts.nth(1).expect("a port");
        format!("{host}:{port}")
    }

    /// Ends it as a supervisor would; its exit code.
    fn terminate(self) -> Option<i32> {
        signal(&self.child, "TERM");
        self.ends()
    }

    /// Waits for its end after a signal; its exit code.
    fn ends(mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("waitable") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the signal did not end the node");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([format!("-{name}"), child.id().to_string()])
        .status()
        .expect("kill exists");
    assert!(status.success());
}

/// Asks until `done` says so, at most [`PATIENCE`].
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A plain HTTP GET; status and body.
fn get(url: &str) -> (u16, String) {
    use std::{io::Write, net::TcpStream};
    let rest = url.strip_prefix("http://").expect("http");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("set");
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .expect("written");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let status = text[9..12].parse().expect("a status");
    let body = text.split_once("\r\n\r\n").expect("a body").1.to_owned();
    (status, body)
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
