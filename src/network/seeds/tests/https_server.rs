//! A web server of this machine, with or without TLS.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// What stands at an address.
#[derive(Clone)]
pub(super) enum Page {
    /// A file.
    File(Vec<u8>),
    /// A redirection.
    Moved(String),
    /// A number.
    Status(u16),
    /// Bytes without an end.
    Endless,
    /// Nothing, and the connection stays open.
    Silence,
    /// What is no HTTP.
    Garbage,
}

pub(super) struct WebServer {
    pub(super) address: SocketAddr,
}

pub(super) fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/network/seeds/testdata")
        .join(name)
}

impl WebServer {
    /// Serves what `pages` says, given the server's own address.
    pub(super) fn start(
        tls: bool,
        pages: impl FnOnce(SocketAddr) -> HashMap<&'static str, Page>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let pages = Arc::new(pages(address));
        let config = tls.then(|| Arc::new(tls_config()));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, pages, config) = (stream.unwrap(), pages.clone(), config.clone());
                thread::spawn(move || match config {
                    None => serve(stream, &pages),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        serve(StreamOwned::new(connection, stream), &pages);
                    }
                });
            }
        });
        Self { address }
    }
}

fn tls_config() -> ServerConfig {
    let chain = CertificateDer::from_pem_file(testdata("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(testdata("server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap()
}

/// One request. Errors end it: the client may leave when it has seen enough.
fn serve(stream: impl Read + Write, pages: &HashMap<&'static str, Page>) {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    loop {
        let mut line = String::new();
        match stream.read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if line == "\r\n" => break,
            Ok(_) if first.is_empty() => first = line,
            Ok(_) => {}
        }
    }
    let path = first.split(' ').nth(1).unwrap_or_default();
    let page = pages.get(path).cloned().unwrap_or(Page::Status(404));
    let out = stream.get_mut();
    let head = |status: &str, more: &str| {
        format!("HTTP/1.1 {status}\r\nConnection: close\r\n{more}\r\n").into_bytes()
    };
    let answer = match page {
        Page::File(body) => {
            let length = format!("Content-Length: {}\r\n", body.len());
            [head("200 OK", &length), body].concat()
        }
        Page::Moved(to) => head(
            "302 Found",
            &format!("Location: {to}\r\nContent-Length: 0\r\n"),
        ),
        Page::Status(status) => head(&format!("{status} No"), "Content-Length: 0\r\n"),
        Page::Garbage => vec![0xfe; 5000],
        Page::Silence => {
            let _ = stream.read_to_end(&mut Vec::new());
            return;
        }
        Page::Endless => {
            let _ = out.write_all(&head("200 OK", ""));
            while out.write_all(&[b' '; 65536]).is_ok() {}
            return;
        }
    };
    let _ = out.write_all(&answer);
    let _ = out.flush();
}
