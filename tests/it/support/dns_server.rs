//! A DNS server on this machine that has the same TXT records for every name.

use std::net::SocketAddr;

use hickory_proto::{
    op::{Message, OpCode},
    rr::{RData, Record, RecordType, rdata::TXT},
};
use tokio::net::UdpSocket;

pub(crate) struct DnsServer {
    pub(crate) address: SocketAddr,
}

impl DnsServer {
    /// Answers over UDP: the records must fit.
    pub(crate) async fn start(texts: Vec<String>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("bound");
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let answer = answer(&buffer[..len], &texts);
                let _ = socket.send_to(&answer, from).await;
            }
        });
        Self { address }
    }
}

fn answer(question: &[u8], texts: &[String]) -> Vec<u8> {
    let asked = Message::from_vec(question).expect("a question");
    let query = asked.queries[0].clone();
    let mut reply = Message::response(asked.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    if query.query_type() == RecordType::TXT {
        for text in texts {
            let strings = text.as_bytes().chunks(255).collect();
            let data = RData::TXT(TXT::from_bytes(strings));
            reply.add_answer(Record::from_rdata(query.name().clone(), 60, data));
        }
    }
    reply.add_query(query);
    reply.to_vec().expect("it can be written")
}
