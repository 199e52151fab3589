//! Status codes, content types and texts, over a real socket.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::report::{Criterion, QueueReport};

struct Fake {
    ready: bool,
}

impl Faces for Fake {
    async fn metrics(&self) -> String {
        "# EOF\n".to_owned()
    }

    async fn readiness(&self) -> Readiness {
        Readiness {
            ready: self.ready,
            criteria: vec![Criterion {
                name: "store".to_owned(),
                ok: self.ready,
                detail: "writable".to_owned(),
            }],
            queues: vec![QueueReport {
                name: "commands".to_owned(),
                depth: 0,
                capacity: 64,
                dropped: 0,
            }],
        }
    }

    async fn alive(&self) -> bool {
        self.ready
    }
}

/// How long anything may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<F: Future>(future: F) -> F::Output {
    let result = tokio::time::timeout(PATIENCE, future).await;
    result.expect("within the patience of a test")
}

/// A server that ends with the test's runtime.
fn server(ready: bool, limits: Limits) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    tokio::spawn(serve_within(
        limits,
        listener,
        Arc::new(Fake { ready }),
        stop,
    ));
    addr
}

async fn get(ready: bool, path: &str) -> String {
    get_from(server(ready, Limits::default()), path).await
}

async fn get_from(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    let read = soon(stream.read_to_string(&mut answer)).await;
    read.expect("an answer");
    answer
}

/// Whether the server ends the connection: by an end or a reset, whichever arrives.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    match soon(stream.read_to_end(&mut rest)).await {
        Ok(_) => true,
        Err(e) => matches!(
            e.kind(),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
        ),
    }
}

#[tokio::test]
async fn metrics_are_openmetrics() {
    let answer = get(true, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"),
        "{answer}"
    );
    assert!(answer.ends_with("# EOF\n"), "{answer}");
}

#[tokio::test]
async fn health_and_readiness_answer_with_their_status_codes() {
    for (ready, path, status, text) in [
        (true, "/healthz", "200", "ok\n"),
        (false, "/healthz", "503", "does not answer\n"),
        (true, "/readyz", "200", "ok\n"),
        (false, "/readyz", "503", "store: writable\n"),
        (true, "/readyz?verbose", "200", "[+] store: writable\n"),
        (false, "/readyz?verbose=1", "503", "[-] store: writable\n"),
        (
            true,
            "/readyz?verbose",
            "200",
            "queue commands: 0/64, 0 dropped\n",
        ),
        (true, "/readyz?json", "200", "\"criteria\""),
        (true, "/nothing", "404", ""),
    ] {
        let answer = get(ready, path).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{answer}"
        );
        assert!(answer.contains(text), "{path}: {answer}");
    }
}

#[tokio::test]
async fn nothing_can_be_changed_over_http() {
    let addr = server(true, Limits::default());
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    stream
        .write_all(
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        )
        .await
        .expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 405"), "{answer}");
}

/// Limits of which only `idle` is short.
fn short_idle() -> Limits {
    Limits {
        idle: Duration::from_millis(50),
        lifetime: PATIENCE * 10,
        ..Limits::default()
    }
}

#[tokio::test]
async fn idle_connections_do_not_keep_scrapers_out() {
    let limits = short_idle();
    let addr = server(true, limits);
    let mut idle = Vec::new();
    for _ in 0..limits.connections {
        idle.push(TcpStream::connect(addr).await.expect("connects"));
    }
    // Every place is taken; the answer shows that one became free.
    let answer = get_from(addr, "/metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    for stream in &mut idle {
        assert!(is_closed(stream).await);
    }
}

#[tokio::test]
async fn a_request_in_drops_is_not_waited_for() {
    let addr = server(true, short_idle());
    let stream = TcpStream::connect(addr).await.expect("connects");
    let (mut read, mut write) = stream.into_split();
    let dropping = async {
        let head = b"GET /metrics HTTP/1.1\r\nX: ".iter();
        for byte in head.chain(std::iter::repeat(&b'x')) {
            if write.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let closed = async {
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        answer
    };
    let answer = soon(async {
        tokio::select! {
            () = dropping => Vec::new(),
            answer = closed => answer,
        }
    })
    .await;
    assert_eq!(answer, b"", "closed without an answer");
}

#[tokio::test]
async fn a_connection_that_keeps_asking_ends_with_its_lifetime() {
    let limits = Limits {
        idle: PATIENCE * 10,
        lifetime: Duration::from_millis(200),
        ..Limits::default()
    };
    let addr = server(true, limits);
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    let mut answers = 0;
    let asking = async {
        loop {
            let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
            if stream.write_all(request).await.is_err() {
                return;
            }
            let mut answer = [0; 1024];
            match stream.read(&mut answer).await {
                Ok(n) if n > 0 => answers += 1,
                _ => return,
            }
        }
    };
    soon(asking).await;
    assert!(answers > 0, "it was served until then");
}

#[test]
fn a_scraper_keeps_its_connection_between_two_scrapes() {
    let limits = Limits::default();
    assert!(limits.idle > Duration::from_secs(15));
    assert!(limits.lifetime > limits.idle * 2);
}
