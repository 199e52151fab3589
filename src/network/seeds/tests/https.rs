//! Lists over HTTPS, from servers that serve well and badly.

use std::collections::HashMap;

use super::{
    https_server::{Page, WebServer, testdata},
    *,
};

fn trusting() -> Config {
    Config {
        tls_ca: Some(testdata("ca.pem")),
        ..config()
    }
}

fn at(server: &WebServer, path: &str) -> Source {
    source(&format!(
        "https://localhost:{}{path}",
        server.address.port()
    ))
}

fn serving(pages: HashMap<&'static str, Page>) -> WebServer {
    WebServer::start(true, |_| pages)
}

fn list_and_signature() -> [(&'static str, Page); 2] {
    let signed = signed_list();
    [
        ("/seeds.json", Page::File(signed.document)),
        ("/seeds.json.sig", Page::File(signed.signature.into_bytes())),
    ]
}

#[tokio::test]
async fn a_list_is_fetched_with_its_signature() {
    let server = serving(list_and_signature().into());
    let fetcher = fetcher(trusting());
    let fetched = fetcher.fetch(&at(&server, "/seeds.json"), 0).await.unwrap();
    assert_eq!(fetched.entries.len(), 3);
    let by_ip = source(&format!("https://{}/seeds.json", server.address));
    assert_eq!(fetcher.fetch(&by_ip, 0).await, Ok(fetched));
}

#[tokio::test]
async fn a_server_of_another_authority_is_refused() {
    let server = serving(list_and_signature().into());
    for tls_ca in [None, Some(testdata("other.pem"))] {
        let fetcher = fetcher(Config { tls_ca, ..config() });
        let error = fetcher
            .fetch(&at(&server, "/seeds.json"), 0)
            .await
            .unwrap_err();
        assert!(matches!(error, SeedError::Http { .. }), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let wrong_name = source(&format!(
        "https://127.0.0.2:{}/seeds.json",
        server.address.port()
    ));
    assert!(fetcher(trusting()).fetch(&wrong_name, 0).await.is_err());
}

#[tokio::test]
async fn three_redirections_within_tls_are_followed() {
    let hop = |to: &str| Page::Moved(to.to_owned());
    let mut pages = HashMap::from(list_and_signature());
    pages.extend([
        ("/3", hop("/2")),
        ("/2", hop("/1")),
        ("/1", hop("/seeds.json")),
    ]);
    pages.extend([("/4", hop("/3")), ("/loop", hop("/loop"))]);
    pages.insert("/3.sig", hop("/seeds.json.sig"));
    let server = serving(pages);
    let fetcher = fetcher(trusting());
    assert!(fetcher.fetch(&at(&server, "/3"), 0).await.is_ok());
    for too_far in ["/4", "/loop"] {
        let error = fetcher.fetch(&at(&server, too_far), 0).await.unwrap_err();
        assert!(error.to_string().contains("redirect"), "{error}");
    }
}

#[tokio::test]
async fn a_redirection_out_of_tls_is_refused() {
    let plain = WebServer::start(false, |_| list_and_signature().into());
    let target = format!("http://{}/seeds.json", plain.address);
    let server = serving([("/seeds.json", Page::Moved(target))].into());
    let error = fetcher(trusting())
        .fetch(&at(&server, "/seeds.json"), 0)
        .await;
    assert!(
        matches!(error, Err(SeedError::PlainRedirect { .. })),
        "{error:?}"
    );
}

#[tokio::test]
async fn every_failure_has_a_name() {
    let [list, signature] = list_and_signature();
    let pages = HashMap::from([
        ("/endless", Page::Endless),
        ("/garbage", Page::Garbage),
        ("/gone", Page::Status(500)),
        ("/silent", Page::Silence),
        ("/unsigned", list.1.clone()),
        ("/long", Page::File(vec![b' '; 300_000])),
        ("/html", Page::File(b"<html>".to_vec())),
        ("/html.sig", signature.1.clone()),
        ("/odd", list.1),
        ("/odd.sig", Page::File(vec![b'#'; 5000])),
    ]);
    let server = serving(pages);
    let fetcher = fetcher(Config {
        http_timeout: Duration::from_millis(1500),
        ..trusting()
    });
    let fetch = async |path: &str| fetcher.fetch(&at(&server, path), 0).await.unwrap_err();
    let too_large = |error| matches!(error, SeedError::List(ListError::TooLarge { .. }));
    assert!(too_large(fetch("/endless").await));
    assert!(too_large(fetch("/long").await));
    assert!(too_large(fetch("/odd").await));
    assert!(matches!(fetch("/garbage").await, SeedError::Http { .. }));
    assert!(matches!(
        fetch("/gone").await,
        SeedError::Status { status: 500, .. }
    ));
    assert!(matches!(
        fetch("/missing").await,
        SeedError::Status { status: 404, .. }
    ));
    assert!(matches!(
        fetch("/silent").await,
        SeedError::HttpTimeout { .. }
    ));
    assert_eq!(fetch("/unsigned").await, ListError::Unsigned.into());
    assert!(matches!(
        fetch("/html").await,
        SeedError::List(ListError::Json(_))
    ));
}

#[tokio::test]
async fn a_host_that_is_not_there_is_named() {
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let plain = WebServer::start(false, |_| HashMap::new());
    for address in [closed, plain.address] {
        let source = source(&format!("https://{address}/seeds.json"));
        let error = fetcher(trusting()).fetch(&source, 0).await.unwrap_err();
        assert!(matches!(error, SeedError::Http { .. }), "{error}");
    }
}

#[test]
fn authorities_that_cannot_be_used_are_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let broken = dir.path().join("broken.pem");
    std::fs::write(
        &broken,
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for path in [
        empty,
        broken,
        dir.path().to_owned(),
        dir.path().join("none"),
        testdata("server.key"),
    ] {
        let config = Config {
            tls_ca: Some(path),
            ..config()
        };
        let error = Fetcher::new(config, Arc::new(ManualClock::at_wall_ms(NOW))).unwrap_err();
        assert!(matches!(error, SeedError::Authorities { .. }), "{error}");
    }
}
