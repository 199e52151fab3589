//! Status codes, content types and texts, over a real socket.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

async fn get(ready: bool, path: &str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    tokio::spawn(serve(listener, Arc::new(Fake { ready }), stop.clone()));
    let mut stream = TcpStream::connect(addr).await.expect("connects");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    stop.cancel();
    answer
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
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let addr = listener.local_addr().expect("an address");
    let stop = CancellationToken::new();
    let fake = Arc::new(Fake { ready: true });
    tokio::spawn(serve(listener, fake, stop.clone()));
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
    stop.cancel();
}
