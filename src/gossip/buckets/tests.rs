use std::time::Duration;

use super::*;
use crate::{
    bucket::Rate,
    registry::{MAX_BLOB_ANNOUNCE_BYTES, MAX_ENVELOPE_PAYLOAD, MAX_HEADER_BYTES, MAX_SHARE_BYTES},
};

/// Two machines of the outside world.
const HOME: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(8, 1, 1, 1)));
const AWAY: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(8, 2, 2, 2)));

fn refused(scope: Scope, dimension: Dimension) -> Result<(), Refused> {
    Err(Refused { scope, dimension })
}

/// How many messages of `bytes` pass at one moment.
fn passing(
    buckets: &mut Buckets,
    peer: PeerId,
    address: Option<IpAddr>,
    topic: Topic,
    bytes: usize,
    now: Instant,
) -> u32 {
    let mut n = 0;
    while buckets.admit(peer, address, topic, bytes, now).is_ok() {
        n += 1;
    }
    n
}

fn small() -> Limits {
    let rate = |per_second, burst| Rate { per_second, burst };
    let allowance = Allowance {
        messages: rate(10, 20),
        weight: 1,
        bytes: rate(1000, 2000),
    };
    Limits {
        txs: allowance,
        app: allowance,
        peers: 4,
        addresses: 4,
        ..Limits::default()
    }
}

#[test]
fn messages_and_bytes_are_both_bounded_and_come_back_with_time() {
    let (limits, now, peer) = (small(), Instant::now(), PeerId::random());
    let mut buckets = Buckets::new(&limits);
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Txs, 1, now), 20);
    let error = buckets.admit(peer, HOME, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Peer, Dimension::Messages));
    let later = now + Duration::from_secs(1);
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Txs, 1, later), 10);

    let mut buckets = Buckets::new(&limits);
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Txs, 500, now), 4);
    let error = buckets.admit(peer, HOME, Topic::Txs, 500, now);
    assert_eq!(error, refused(Scope::Peer, Dimension::Bytes));
    // What is refused for its bytes was not charged as a message.
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Txs, 0, now), 16);
}

#[test]
fn a_refused_message_drains_nothing_shared() {
    let (limits, now) = (small(), Instant::now());
    let mut buckets = Buckets::new(&limits);
    let (flooder, neighbour) = (PeerId::random(), PeerId::random());
    for _ in 0..100_000 {
        _ = buckets.admit(flooder, HOME, Topic::Txs, 1, now);
    }
    // Address and whole have lost the flooder's 20 and no more.
    assert_eq!(
        passing(&mut buckets, neighbour, HOME, Topic::Txs, 1, now),
        20
    );
    let third = PeerId::random();
    assert_eq!(passing(&mut buckets, third, HOME, Topic::Txs, 1, now), 20);
    let fourth = PeerId::random();
    assert_eq!(passing(&mut buckets, fourth, HOME, Topic::Txs, 1, now), 20);
    // The address has now sent four times 20.
    let error = buckets.admit(PeerId::random(), HOME, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Address, Dimension::Messages));
}

#[test]
fn one_address_leaves_half_of_a_topic_to_the_others() {
    let now = Instant::now();
    let mut buckets = Buckets::new(&Limits {
        peers: 100,
        ..small()
    });
    let mut sent = 0;
    for _ in 0..50 {
        sent += passing(&mut buckets, PeerId::random(), HOME, Topic::Txs, 1, now);
    }
    assert_eq!(sent, 80);
    let mut left = 0;
    for _ in 0..50 {
        left += passing(&mut buckets, PeerId::random(), AWAY, Topic::Txs, 1, now);
    }
    assert_eq!(left, 80);
    let error = buckets.admit(PeerId::random(), None, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Global, Dimension::Messages));
}

/// The bad input of the issue: for a minute a peer sends 5000 transactions a second, at the
/// largest size that is pushed, while another sends its ordinary share from the same address.
#[test]
fn a_flood_on_one_topic_starves_neither_another_peer_nor_another_topic() {
    let limits = Limits::default();
    let mut buckets = Buckets::new(&limits);
    let (flooder, honest) = (PeerId::random(), PeerId::random());
    let start = Instant::now();
    let mut flood = 0;
    for millis in 0..60_000u64 {
        let now = start + Duration::from_millis(millis);
        for _ in 0..5 {
            flood += u32::from(
                buckets
                    .admit(flooder, HOME, Topic::Txs, 16 * 1024, now)
                    .is_ok(),
            );
        }
        let mut ordinary = |peer, topic, every, bytes| {
            if millis % every == 0 {
                let verdict = buckets.admit(peer, HOME, topic, bytes, now);
                assert_eq!(verdict, Ok(()), "{topic:?} at {millis} ms");
            }
        };
        ordinary(honest, Topic::Txs, 5, 5 * 1024);
        ordinary(honest, Topic::Headers, 500, 600);
        ordinary(honest, Topic::App, 2, 4 * 1024);
        // The other topics of the flooder itself are as they were.
        ordinary(flooder, Topic::Headers, 500, 600);
        ordinary(flooder, Topic::Blocks, 1000, 8 * 1024);
        ordinary(flooder, Topic::SharesHash, 100, 600);
        ordinary(flooder, Topic::AppUnsigned, 2, 1024);
    }
    // 10 MiB at once and 2 MiB/s for a minute.
    let most = (10 + 2 * 60) * 1024 / 16;
    assert!(flood <= most && flood > most * 9 / 10, "{flood} of {most}");
}

#[test]
fn shares_of_one_type_do_not_starve_another_type() {
    let (now, peer) = (Instant::now(), PeerId::random());
    let mut buckets = Buckets::new(&Limits::default());
    let hash = passing(&mut buckets, peer, HOME, Topic::SharesHash, 500, now);
    assert_eq!(hash, 128);
    assert_eq!(
        passing(&mut buckets, peer, HOME, Topic::SharesAi, 500, now),
        128
    );
}

#[test]
fn a_message_larger_than_a_full_bucket_costs_all_of_it_and_passes() {
    let (now, peer) = (Instant::now(), PeerId::random());
    let mut buckets = Buckets::new(&small());
    assert_eq!(
        buckets.admit(peer, HOME, Topic::Txs, usize::MAX, now),
        Ok(())
    );
    let error = buckets.admit(peer, HOME, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Peer, Dimension::Bytes));
}

#[test]
fn addresses_of_one_ipv6_network_and_mapped_addresses_are_one() {
    let of = |text: &str| network_of(text.parse().unwrap());
    assert_eq!(of("2001:db8:1:2:3::4"), of("2001:db8:1:2:ffff::"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:8.9.10.11"), of("8.9.10.11"));
    assert_ne!(of("8.9.10.11"), of("8.9.10.12"));
}

#[test]
fn tables_are_bounded_and_drop_only_what_has_refilled() {
    let mut now = Instant::now();
    let mut buckets = Buckets::new(&Limits {
        // So that the whole does not refuse what the tables would not.
        global_factor: 1000,
        ..small()
    });
    let known = PeerId::random();
    assert_eq!(passing(&mut buckets, known, None, Topic::Txs, 1, now), 20);
    for _ in 0..1000 {
        _ = buckets.admit(PeerId::random(), None, Topic::Txs, 1, now);
        assert!(buckets.tracked().0 <= 4);
    }
    // Neither reconnecting nor a crowd of strangers has refilled the known peer's bucket.
    let error = buckets.admit(known, None, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Peer, Dimension::Messages));
    // The strangers without a row have shared one, which is empty.
    let error = buckets.admit(PeerId::random(), None, Topic::Txs, 1, now);
    assert_eq!(error, refused(Scope::Peer, Dimension::Messages));
    // In time the rows refill and make room.
    now += Duration::from_secs(3);
    let newcomer = PeerId::random();
    assert_eq!(
        passing(&mut buckets, newcomer, None, Topic::Txs, 1, now),
        20
    );
    assert_eq!(buckets.tracked(), (1, 0));
    for i in 0..1000u32 {
        let address = Some(IpAddr::V4((0x0808_0000 + i).into()));
        _ = buckets.admit(newcomer, address, Topic::App, 1, now);
    }
    assert_eq!(buckets.tracked(), (1, 4));
}

#[test]
fn limits_fit_each_other() {
    let l = Limits::default();
    // A peer is a fraction of its address, an address of the whole.
    assert!(l.address_factor >= 2 && l.global_factor >= 2 * l.address_factor);
    // Every bucket holds the largest message of its topic several times over.
    let largest = |topic| match topic {
        Topic::Headers => MAX_HEADER_BYTES,
        Topic::Blocks => 6 * 60_000 + MAX_HEADER_BYTES,
        Topic::Txs => 16 * 1024,
        Topic::SharesHash | Topic::SharesAi | Topic::SharesQuantum => MAX_SHARE_BYTES,
        Topic::Blobs => MAX_BLOB_ANNOUNCE_BYTES,
        Topic::App | Topic::AppUnsigned => MAX_ENVELOPE_PAYLOAD + 8 * 1024,
    };
    for topic in Topic::ALL {
        let a = l.of(*topic);
        assert!(a.bytes.burst as usize >= 4 * largest(*topic), "{topic:?}");
        assert!(a.messages.per_second >= 1 && a.messages.burst >= a.messages.per_second);
        // A row is dropped a minute after its peer fell silent.
        assert!(a.messages.refill() <= Duration::from_secs(60), "{topic:?}");
        assert!(a.bytes.refill() <= Duration::from_secs(60), "{topic:?}");
        // No factor overflows.
        assert!(a.bytes.burst.checked_mul(l.global_factor).is_some());
    }
    // Signed messages at 0.1 ms leave a part of a core.
    assert!(f64::from(l.app.messages.per_second * l.global_factor) * 1e-4 < 1.0);
    // A full table is a few MiB.
    assert!(
        size_of::<Row>() * l.peers <= 4 << 20,
        "{}",
        size_of::<Row>()
    );
}

#[test]
fn limits_read_and_write_as_configuration() {
    let text = toml::to_string(&Limits::default()).unwrap();
    assert_eq!(toml::from_str::<Limits>(&text).unwrap(), Limits::default());
    let some: Limits = toml::from_str("global_factor = 16").unwrap();
    assert_eq!((some.global_factor, some.peers), (16, 4096));
    assert!(toml::from_str::<Limits>("globl_factor = 16").is_err());
}

#[test]
fn a_rate_below_one_a_second_is_kept() {
    let rate = |per_second, burst| Rate { per_second, burst };
    let limits = Limits {
        blocks: Allowance {
            messages: rate(6, 6 * 60),
            weight: 60,
            ..Limits::default().blocks
        },
        ..Limits::default()
    };
    let (now, peer) = (Instant::now(), PeerId::random());
    let mut buckets = Buckets::new(&limits);
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Blocks, 1, now), 6);
    let later = now + Duration::from_secs(60);
    assert_eq!(
        passing(&mut buckets, peer, HOME, Topic::Blocks, 1, later),
        6
    );
    let soon = later + Duration::from_secs(9);
    assert_eq!(passing(&mut buckets, peer, HOME, Topic::Blocks, 1, soon), 0);
    let tenth = later + Duration::from_secs(10);
    assert_eq!(
        passing(&mut buckets, peer, HOME, Topic::Blocks, 1, tenth),
        1
    );
}
