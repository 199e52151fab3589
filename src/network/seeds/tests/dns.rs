//! Names that answer well, badly and not at all.

use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, RecordType},
};

use super::{
    dns_server::{Answer, DnsServer, ip, txt},
    *,
};

fn asking(server: &DnsServer) -> Config {
    Config {
        dns_servers: vec![server.address],
        ..config()
    }
}

/// A server whose TXT records are `texts`, and whose addresses are `ips`.
async fn serving(texts: Vec<RData>, ips: Vec<RData>) -> DnsServer {
    DnsServer::start(move |_, kind| match kind {
        RecordType::TXT if !texts.is_empty() => Answer::Records(texts.clone()),
        RecordType::A | RecordType::AAAA => {
            let fits = ips.iter().filter(|ip| ip.record_type() == kind);
            Answer::Records(fits.cloned().collect())
        }
        _ => Answer::Code(ResponseCode::NoError),
    })
    .await
}

async fn addresses(fetcher: &Fetcher, name: &str) -> Result<Vec<String>, SeedError> {
    let fetched = fetcher.fetch(&source(name), 0).await?;
    let all = fetched.entries.iter().flat_map(|e| &e.addresses);
    Ok(all.map(ToString::to_string).collect())
}

#[tokio::test]
async fn text_records_name_peers() {
    let peer = crate::identity::peer_id_from_digest(crate::ids::Hash32([1; 32]));
    let texts = vec![
        txt("v=spf1 -all"),
        txt(&format!(
            "ma=/ip4/8.8.8.8/tcp/41000/p2p/{peer},feat=pq,asn=64500,w=20"
        )),
        txt("ma=/dns/a.example/tcp/41000"),
    ];
    let server = serving(texts, vec![ip("9.9.9.9")]).await;
    let fetcher = fetcher(asking(&server));
    let fetched = fetcher
        .fetch(&source("dns://_seed.example"), 0)
        .await
        .unwrap();
    assert_eq!(fetched.entries.len(), 2);
    let named = fetched.entries.iter().find(|e| e.peer.is_some()).unwrap();
    assert_eq!(
        (named.peer, named.asn, named.weight),
        (Some(peer), Some(64500), 15)
    );
    assert_eq!(fetched.list, None);
}

#[tokio::test]
async fn an_answer_is_asked_for_once_an_hour() {
    let server = serving(vec![txt("ma=/ip4/8.8.8.8/tcp/1")], Vec::new()).await;
    let fetcher = fetcher(asking(&server));
    for _ in 0..5 {
        assert!(
            fetcher
                .fetch(&source("dns://seed.example"), 0)
                .await
                .is_ok()
        );
    }
    assert_eq!(server.questions(), 1);
}

#[tokio::test]
async fn bare_addresses_take_the_port_of_the_source_or_the_usual_one() {
    let ips = vec![ip("8.8.8.8"), ip("2606:4700::1111")];
    let server = serving(vec![txt("v=spf1 -all")], ips).await;
    let fetcher = fetcher(asking(&server));
    let usual = addresses(&fetcher, "dns://seed.example").await.unwrap();
    let expected = ["/ip4/8.8.8.8/tcp/41000", "/ip6/2606:4700::1111/tcp/41000"];
    assert_eq!(usual, expected);
    let given = addresses(&fetcher, "dns://seed.example:7000")
        .await
        .unwrap();
    assert_eq!(given, expected.map(|a| a.replace("41000", "7000")));
}

#[tokio::test]
async fn private_addresses_are_poison_on_a_public_network_only() {
    let texts = vec![
        txt("ma=/ip4/10.0.0.1/tcp/1"),
        txt("ma=/ip4/127.0.0.1/tcp/1"),
    ];
    let server = serving(texts, vec![ip("192.168.1.1"), ip("::1")]).await;
    let public = fetcher(asking(&server));
    let (name, dropped) = ("seed.example".to_owned(), 4);
    let error = public.fetch(&source("dns://seed.example"), 0).await;
    assert_eq!(error, Err(SeedError::DnsEmpty { name, dropped }));
    let private = fetcher(Config {
        public_only: false,
        ..asking(&server)
    });
    assert_eq!(
        addresses(&private, "dns://seed.example")
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn a_huge_answer_comes_over_tcp_and_is_cut() {
    let record = |i: usize| {
        let one = |k: usize| format!("ma=/ip4/9.{i}.{k}.1/tcp/41000");
        txt(&(0..8).map(one).collect::<Vec<_>>().join(","))
    };
    let server = serving((0..200).map(record).collect(), Vec::new()).await;
    let found = addresses(&fetcher(asking(&server)), "dns://seed.example")
        .await
        .unwrap();
    assert_eq!(found.len(), crate::peers::seeds::MAX_ADDRESSES);
    let ips = (0..1500).map(|i| ip(&format!("9.9.{}.{}", i / 256, i % 256)));
    let server = serving(Vec::new(), ips.collect()).await;
    let found = addresses(&fetcher(asking(&server)), "dns://seed.example")
        .await
        .unwrap();
    assert_eq!(found.len(), crate::peers::seeds::MAX_ADDRESSES);
}

#[tokio::test]
async fn a_record_of_other_strings_is_passed_over() {
    let long = format!("ma=/ip4/8.8.4.4/tcp/1,x={}", "y".repeat(2000));
    let bytes = RData::TXT(hickory_proto::rr::rdata::TXT::from_bytes(vec![
        &[0xff, 0],
        b"ma=",
    ]));
    let texts = vec![txt(&long), bytes, txt("ma=/ip4/8.8.8.8/tcp/1")];
    let server = serving(texts, Vec::new()).await;
    let found = addresses(&fetcher(asking(&server)), "dns://seed.example")
        .await
        .unwrap();
    assert_eq!(found, ["/ip4/8.8.8.8/tcp/1"]);
}

#[tokio::test]
async fn an_empty_or_absent_name_is_said_to_be_empty() {
    for code in [ResponseCode::NoError, ResponseCode::NXDomain] {
        let server = DnsServer::start(move |_, _| Answer::Code(code)).await;
        let error = fetcher(asking(&server))
            .fetch(&source("dns://seed.example"), 0)
            .await;
        let (name, dropped) = ("seed.example".to_owned(), 0);
        assert_eq!(error, Err(SeedError::DnsEmpty { name, dropped }));
    }
}

#[tokio::test]
async fn a_server_that_is_slow_or_babbles_is_given_up() {
    let deaf = |_: &Name, _: RecordType| Answer::Silence;
    let babbling = |_: &Name, _: RecordType| Answer::Raw(vec![0xff; 600]);
    let cut = |_: &Name, _: RecordType| Answer::Raw(vec![0x81, 0x80, 0, 1, 0, 200, 0, 0, 0, 0, 3]);
    let servers = [
        DnsServer::start(deaf).await,
        DnsServer::start(babbling).await,
        DnsServer::start(cut).await,
    ];
    for server in servers {
        let fetcher = fetcher(Config {
            dns_timeout: Duration::from_millis(300),
            ..asking(&server)
        });
        let error = fetcher
            .fetch(&source("dns://seed.example"), 0)
            .await
            .unwrap_err();
        let named = matches!(error, SeedError::DnsTimeout { .. } | SeedError::Dns { .. });
        assert!(named, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_named() {
    for code in [ResponseCode::Refused, ResponseCode::ServFail] {
        let server = DnsServer::start(move |_, _| Answer::Code(code)).await;
        let error = fetcher(asking(&server))
            .fetch(&source("dns://seed.example"), 0)
            .await;
        let error = error.unwrap_err();
        assert!(matches!(error, SeedError::Dns { .. }), "{error}");
        assert!(error.to_string().contains("seed.example"));
    }
}

#[tokio::test]
async fn a_later_server_answers_for_those_that_cannot() {
    let good = serving(vec![txt("ma=/ip4/8.8.8.8/tcp/1")], Vec::new()).await;
    let failing = DnsServer::start(|_, _| Answer::Code(ResponseCode::ServFail)).await;
    let deaf = DnsServer::start(|_, _| Answer::Silence).await;
    let fetcher = fetcher(Config {
        dns_servers: vec![failing.address, deaf.address, good.address],
        dns_timeout: Duration::from_secs(3),
        ..config()
    });
    let found = addresses(&fetcher, "dns://seed.example").await.unwrap();
    assert_eq!(found, ["/ip4/8.8.8.8/tcp/1"]);
}
