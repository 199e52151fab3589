//! A DNS server for one name: UDP and TCP on one port of this machine.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use hickory_proto::{
    op::{Message, OpCode, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::TXT},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UdpSocket},
};

/// Longest answer over UDP; a longer one is cut and asked for again over TCP.
const MAX_UDP: usize = 1232;

/// What the server does with a question.
pub(super) enum Answer {
    /// Records.
    Records(Vec<RData>),
    /// An error, or no record when it is none.
    Code(ResponseCode),
    /// These bytes, behind the id of the question.
    Raw(Vec<u8>),
    /// Nothing.
    Silence,
}

pub(super) struct DnsServer {
    pub(super) address: SocketAddr,
    questions: Arc<AtomicUsize>,
}

type Rule = Arc<dyn Fn(&Name, RecordType) -> Answer + Send + Sync>;

impl DnsServer {
    pub(super) async fn start(
        rule: impl Fn(&Name, RecordType) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let (tcp, udp) = loop {
            let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
            if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
                break (tcp, udp);
            }
        };
        let server = Self {
            address: tcp.local_addr().unwrap(),
            questions: Arc::default(),
        };
        let rule: Rule = Arc::new(rule);
        tokio::spawn(over_udp(udp, rule.clone(), server.questions.clone()));
        tokio::spawn(over_tcp(tcp, rule, server.questions.clone()));
        server
    }

    pub(super) fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

async fn over_udp(socket: UdpSocket, rule: Rule, questions: Arc<AtomicUsize>) {
    let mut buffer = [0; 4096];
    loop {
        let (len, from) = socket.recv_from(&mut buffer).await.unwrap();
        questions.fetch_add(1, Ordering::SeqCst);
        if let Some(answer) = answer(&buffer[..len], &rule, Some(MAX_UDP)) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

async fn over_tcp(listener: TcpListener, rule: Rule, questions: Arc<AtomicUsize>) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (rule, questions) = (rule.clone(), questions.clone());
        tokio::spawn(async move {
            while let Ok(len) = stream.read_u16().await {
                let mut question = vec![0; len.into()];
                stream.read_exact(&mut question).await.unwrap();
                questions.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer(&question, &rule, None) {
                    let len = u16::try_from(answer.len()).unwrap();
                    stream.write_u16(len).await.unwrap();
                    stream.write_all(&answer).await.unwrap();
                }
            }
        });
    }
}

fn answer(question: &[u8], rule: &Rule, limit: Option<usize>) -> Option<Vec<u8>> {
    let asked = Message::from_vec(question).unwrap();
    let query = asked.queries[0].clone();
    let mut reply = Message::response(asked.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.add_query(query.clone());
    match rule(query.name(), query.query_type()) {
        Answer::Silence => return None,
        Answer::Raw(bytes) => return Some([&question[..2], &bytes].concat()),
        Answer::Code(code) => reply.metadata.response_code = code,
        Answer::Records(records) => {
            for data in records {
                reply.add_answer(Record::from_rdata(query.name().clone(), 100_000, data));
            }
        }
    }
    let whole = reply.to_vec().unwrap();
    if limit.is_some_and(|limit| whole.len() > limit) {
        reply.answers.clear();
        reply.metadata.truncation = true;
        return Some(reply.to_vec().unwrap());
    }
    Some(whole)
}

pub(super) fn txt(text: &str) -> RData {
    let strings = text.as_bytes().chunks(255).collect();
    RData::TXT(TXT::from_bytes(strings))
}

pub(super) fn ip(text: &str) -> RData {
    match text.parse().unwrap() {
        IpAddr::V4(ip) => RData::A(ip.into()),
        IpAddr::V6(ip) => RData::AAAA(ip.into()),
    }
}
