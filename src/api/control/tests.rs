//! Protocol limits, stale sockets, long paths.

use std::{
    io::{BufRead, BufReader, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::*;
use crate::api::code::{ErrorCode, Failure};

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers `status` with a number, `messages` with numbers until nobody wants more, and everything
/// else with an error, after one step.
struct Echo;

impl Control for Echo {
    async fn handle(
        &self,
        request: Request,
        progress: Progress,
    ) -> Result<serde_json::Value, Failure> {
        progress.tell(1, Some(2));
        tokio::task::yield_now().await;
        match request {
            Request::Status => Ok(serde_json::json!(7)),
            Request::Messages(request) => {
                let most = request.count.unwrap_or(u64::MAX);
                for n in 0..most {
                    if !progress.item(n.into()).await {
                        break;
                    }
                }
                Ok(most.into())
            }
            other => Err(Failure::new(ErrorCode::NotFound, format!("{other:?}"))),
        }
    }
}

struct Running {
    dir: tempfile::TempDir,
    stop: CancellationToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn start(dir: tempfile::TempDir) -> Running {
    let stop = CancellationToken::new();
    let listener = bind(dir.path()).expect("binds");
    tokio::spawn(serve(listener, Arc::new(Echo), stop.clone()));
    Running { dir, stop }
}

async fn blocking<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(f).await.expect("finishes")
}

fn call(dir: &Path, request: &Request) -> Result<u64, Failure> {
    Client::connect(dir)?.call(request, PATIENCE, |_| {})
}

#[tokio::test]
async fn requests_of_one_connection_are_answered_in_order() {
    let node = start(tempfile::tempdir().expect("a directory"));
    let dir = node.dir.path().to_owned();
    blocking(move || {
        let mut client = Client::connect(&dir).expect("connects");
        let mut steps = Vec::new();
        let n: u64 = client
            .call(&Request::Status, PATIENCE, |s| steps.push(s.clone()))
            .expect("answers");
        assert_eq!(n, 7);
        assert!(steps.iter().all(|s| s.total == Some(2)));
        let e = client
            .call::<u64>(&Request::ChainHead, PATIENCE, |_| {})
            .expect_err("an error");
        assert_eq!(e.code, ErrorCode::NotFound);
    })
    .await;
}

#[tokio::test]
async fn items_come_all_and_in_order_before_the_answer() {
    let node = start(tempfile::tempdir().expect("a directory"));
    let dir = node.dir.path().to_owned();
    let messages = |count| {
        Request::Messages(crate::api::talk::MessagesRequest {
            count,
            ..Default::default()
        })
    };
    blocking(move || {
        let mut items = Vec::new();
        let client = Client::connect(&dir).expect("connects");
        let end: Option<u64> = client
            .stream(&messages(Some(100)), PATIENCE, |n: u64| {
                items.push(n);
                Ok(true)
            })
            .expect("answers");
        assert_eq!((end, items), (Some(100), (0..100).collect()));
        // Whoever has enough goes away, and the node serves on.
        for _ in 0..2 * MAX_CONNECTIONS {
            let client = Client::connect(&dir).expect("connects");
            let end = client.stream::<u64, u64>(&messages(None), PATIENCE, |n| Ok(n < 3));
            assert_eq!(end, Ok(None));
        }
        assert_eq!(call(&dir, &Request::Status), Ok(7));
    })
    .await;
}

#[tokio::test]
async fn the_socket_is_private_and_replaces_one_left_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    drop(bind(dir.path()).expect("binds"));
    assert!(dir.path().join(SOCKET_NAME).exists(), "left behind");
    let stale = Client::connect(dir.path()).expect_err("nobody answers");
    assert_eq!(stale.code, ErrorCode::NodeNotRunning);
    let node = start(dir);
    let meta = std::fs::metadata(node.dir.path().join(SOCKET_NAME)).expect("there");
    assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    let path = node.dir.path().to_owned();
    assert_eq!(blocking(move || call(&path, &Request::Status)).await, Ok(7));
    let names: Vec<_> = std::fs::read_dir(node.dir.path())
        .expect("readable")
        .map(|e| e.expect("entry").file_name())
        .collect();
    assert_eq!(names, [SOCKET_NAME], "nothing else is left");
}

#[tokio::test]
async fn a_data_directory_with_a_very_long_path_works() {
    let dir = tempfile::tempdir().expect("a directory");
    let deep = dir.path().join("x".repeat(120)).join("y".repeat(60));
    std::fs::create_dir_all(&deep).expect("created");
    let stop = CancellationToken::new();
    let listener = bind(&deep).expect("binds");
    tokio::spawn(serve(listener, Arc::new(Echo), stop.clone()));
    assert_eq!(blocking(move || call(&deep, &Request::Status)).await, Ok(7));
    stop.cancel();
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let node = start(tempfile::tempdir().expect("a directory"));
    let dir = node.dir.path().to_owned();
    let line = blocking(move || {
        let mut stream = connect(&dir).expect("connects");
        let flood = vec![b'x'; MAX_REQUEST_BYTES + 1];
        stream.write_all(&flood).expect("written");
        let mut line = String::new();
        let mut reader = BufReader::new(stream);
        reader.read_line(&mut line).expect("an answer");
        let mut rest = Vec::new();
        // Closed; the unread rest may turn that into a reset.
        drop(reader.read_to_end(&mut rest));
        assert!(rest.is_empty());
        line
    })
    .await;
    assert!(line.contains("too_large"), "{line}");
}

#[tokio::test]
async fn what_is_not_a_request_is_answered_and_the_connection_goes_on() {
    let node = start(tempfile::tempdir().expect("a directory"));
    let dir = node.dir.path().to_owned();
    blocking(move || {
        let mut stream = connect(&dir).expect("connects");
        let mut reader = BufReader::new(stream.try_clone().expect("cloned"));
        for bad in ["{}", "[1]", "nonsense", "{\"cmd\":\"fly\"}", "\u{0}", ""] {
            writeln!(stream, "{bad}").expect("written");
            let mut line = String::new();
            reader.read_line(&mut line).expect("an answer");
            assert!(line.contains("bad_request"), "{bad}: {line}");
        }
        writeln!(stream, "{{\"cmd\":\"status\"}}").expect("written");
        let mut line = String::new();
        while !line.contains("\"ok\":7") {
            line.clear();
            assert!(reader.read_line(&mut line).expect("an answer") > 0);
        }
    })
    .await;
}

#[tokio::test]
async fn silent_connections_give_their_place_to_the_operator() {
    let dir = tempfile::tempdir().expect("a directory");
    let stop = CancellationToken::new();
    let listener = bind(dir.path()).expect("binds");
    let idle = Duration::from_millis(20);
    let serving = server::serve_with_idle(listener, Arc::new(Echo), stop.clone(), idle);
    tokio::spawn(serving);
    let silent: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| connect(dir.path()).expect("connects"))
        .collect();
    let path = dir.path().to_owned();
    assert_eq!(blocking(move || call(&path, &Request::Status)).await, Ok(7));
    drop(silent);
    stop.cancel();
}

#[test]
fn requests_have_the_documented_form() {
    let json = serde_json::to_string(&Request::PeerConnect {
        addr: "127.0.0.1:1".to_owned(),
    })
    .expect("serialises");
    assert_eq!(
        json,
        r#"{"cmd":"peer_connect","args":{"addr":"127.0.0.1:1"}}"#
    );
    let sent = r#"{"cmd":"send","args":{"peer":"p","kind":"text","payload":"00"}}"#;
    let read: Request = serde_json::from_str(sent).expect("reads");
    assert_eq!(serde_json::to_string(&read).expect("serialises"), sent);
    let app = r#"{"cmd":"publish_app","args":{"payload":"00"}}"#;
    let Request::PublishApp(app) = serde_json::from_str(app).expect("reads") else {
        panic!("publish_app");
    };
    assert_eq!(
        (app.topic.as_str(), app.ttl_ms, app.unsigned),
        ("app", None, false)
    );
    let mine: Request =
        serde_json::from_str(r#"{"cmd":"chain_mine","args":{"count":3}}"#).expect("reads");
    assert_eq!(mine, Request::ChainMine(MineRequest::blocks(3)));
}
