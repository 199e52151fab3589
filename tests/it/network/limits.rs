//! The tables of `specs/network.md` say what the code does.

use animica_p2p::{
    network::{Connections, exchange, gate, identify, keys},
    transport,
};

const PAGE: &str = include_str!("../../../specs/network.md");

/// The value in the row of `name` of the table of limits.
fn limit(name: &str) -> u64 {
    let row = PAGE
        .lines()
        .find(|l| l.starts_with(&format!("| `{name}` |")));
    let row = row.unwrap_or_else(|| panic!("{name} has no row"));
    let value = row.split('|').nth(2).expect("a second column").trim();
    value.parse().unwrap_or_else(|_| panic!("{name}: {value}"))
}

#[test]
fn the_table_of_limits_is_the_code() {
    let ms = |d: std::time::Duration| d.as_millis() as u64;
    for (name, value) in [
        ("MAX_STREAMS", transport::MAX_STREAMS as u64),
        ("MAX_WINDOW", transport::MAX_WINDOW as u64),
        ("PUSH_INTERVAL", ms(identify::PUSH_INTERVAL)),
        ("READ_INTERVAL", ms(identify::READ_INTERVAL)),
        ("MAX_CANDIDATES", identify::MAX_CANDIDATES.into()),
        ("MAX_KEYS", keys::MAX_KEYS as u64),
        ("MAX_KNOWN", keys::MAX_KNOWN as u64),
        ("DEFAULT_BAN", ms(gate::bans::DEFAULT_BAN)),
        ("MAX_BANS", gate::bans::MAX_BANS as u64),
    ] {
        assert_eq!(limit(name), value, "{name}");
    }
}

#[test]
fn the_sentences_about_limits_are_the_code() {
    let (e, c, g) = (
        exchange::Config::default(),
        Connections::default(),
        gate::Limits::default(),
    );
    let small = exchange::Config::small();
    for said in [
        format!(
            "{} requests of a peer and {} of all",
            small.max_inbound_per_peer, small.max_inbound
        ),
        format!("{} substreams of a connection", small.max_streams),
        format!("{} s for a request frame", small.read_timeout.as_secs()),
        format!("{} s for 64 KiB", small.stall_timeout.as_secs()),
        format!("{} s for an exchange", small.timeout.as_secs()),
        format!("`retry_after` of {} ms", small.retry_after.as_millis()),
        format!(
            "More than {} requests of a peer, or {} of all",
            e.max_inbound_per_peer, e.max_inbound
        ),
        format!("More than {} substreams of this protocol", e.max_streams),
        format!("frame must arrive within {} s", e.read_timeout.as_secs()),
        format!("an exchange ends after {} s", e.timeout.as_secs()),
        format!("not taken within {} s", e.stall_timeout.as_secs()),
        format!("`retry_after` {} ms", e.retry_after.as_millis()),
        format!("ones included | {} | `per_address`", g.per_address),
        format!("/48 | {} | `per_group`", g.per_group),
        format!("no group | {} | `per_address`", g.per_local_address),
        format!("half-open inbound connections | {} (", c.half_open),
        format!("dials in flight | {} |", c.dialling),
        format!("connections of one peer | {} |", c.per_peer),
        format!("all connections | {}, {} |", c.inbound, c.total),
    ] {
        assert!(PAGE.contains(&said), "{said}");
    }
}

#[test]
fn limits_fit_each_other() {
    let e = exchange::Config::default();
    // Every lane full of substreams still leaves room for everything else.
    let small = exchange::Config::small();
    assert!(2 * e.max_streams + 3 * small.max_streams + 32 <= transport::MAX_STREAMS);
    assert!(small.read_timeout < small.timeout && small.stall_timeout < small.timeout);
    assert!(identify::READ_INTERVAL < identify::PUSH_INTERVAL);
    const { assert!(transport::MAX_WINDOW >= transport::MAX_STREAMS * 256 * 1024) };
    assert!(e.read_timeout < e.timeout && e.stall_timeout < e.timeout);
    let c = Connections::default();
    assert!(c.inbound < c.total);
}
