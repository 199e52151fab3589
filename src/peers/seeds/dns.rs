//! What a DNS name says: `ma=<multiaddr>,feat=<word>,asn=<number>,w=<weight>` in TXT records, or
//! bare addresses.

use std::net::IpAddr;

use super::{
    DEFAULT_WEIGHT, MAX_FEATURES, MAX_WEIGHT, SeedEntry,
    collect::{About, Collector},
    form::is_feature,
};

/// Most TXT records that are read of an answer.
pub const MAX_RECORDS: usize = 64;

/// Most addresses that are taken from an answer.
pub const MAX_ADDRESSES: usize = 256;

/// Longest TXT record, its strings joined.
pub const MAX_TXT_BYTES: usize = 1024;

/// What is taken off the weight of an entry from DNS, in percent: without DNSSEC anybody on the way
/// may have written it (the original's figure).
const DISCOUNT: u32 = 25;

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Whom it names.
    pub entries: Vec<SeedEntry>,
    /// Records that were ours: those with `ma=`. A name may have TXT records of others.
    pub records: usize,
    /// Addresses that were left out: private, relayed, unreadable, repeated, beyond the limits.
    pub dropped: usize,
}

/// Reads TXT records, each with its strings joined. What is not ours is passed over.
pub fn read_txt<'a>(records: impl IntoIterator<Item = &'a [u8]>, public_only: bool) -> Answer {
    let mut collector = Collector::new(public_only);
    let mut ours = 0;
    for record in records.into_iter().take(MAX_RECORDS) {
        if record.len() > MAX_TXT_BYTES {
            continue;
        }
        let Some((about, addresses)) = str::from_utf8(record).ok().and_then(fields) else {
            continue;
        };
        ours += 1;
        let room = MAX_ADDRESSES - collector.addresses().min(MAX_ADDRESSES);
        collector.dropped += addresses.len().saturating_sub(room);
        collector.add(about, addresses.into_iter().take(room));
    }
    Answer {
        entries: collector.entries,
        records: ours,
        dropped: collector.dropped,
    }
}

/// Entries of bare addresses, each with `port` over TCP.
pub fn of_addresses(
    addresses: impl IntoIterator<Item = IpAddr>,
    port: u16,
    public_only: bool,
) -> Answer {
    let mut collector = Collector::new(public_only);
    for ip in addresses.into_iter().take(MAX_ADDRESSES) {
        let address = match ip.to_canonical() {
            IpAddr::V4(ip) => format!("/ip4/{ip}/tcp/{port}"),
            IpAddr::V6(ip) => format!("/ip6/{ip}/tcp/{port}"),
        };
        let about = About {
            weight: discounted(DEFAULT_WEIGHT),
            ..About::default()
        };
        collector.add(about, [address.as_str()]);
    }
    Answer {
        entries: collector.entries,
        records: 0,
        dropped: collector.dropped,
    }
}

/// The fields of a record; `None` without `ma=`. A field that cannot be read counts as missing.
fn fields(record: &str) -> Option<(About, Vec<&str>)> {
    let mut about = About::default();
    let mut addresses = Vec::new();
    for field in record.split(',') {
        let Some((name, value)) = field.trim().split_once('=') else {
            continue;
        };
        match name {
            "ma" => addresses.push(value),
            "feat" => {
                let words = value.split('+').filter(|word| is_feature(word));
                about.features.extend(words.map(str::to_owned));
                about.features.truncate(MAX_FEATURES);
            }
            "asn" => about.asn = value.parse().ok(),
            "w" => about.weight = value.parse().unwrap_or(DEFAULT_WEIGHT).clamp(1, MAX_WEIGHT),
            _ => {}
        }
    }
    about.weight = discounted(about.weight);
    (!addresses.is_empty()).then_some((about, addresses))
}

fn discounted(weight: u32) -> u32 {
    (weight * (100 - DISCOUNT) / 100).max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{identity::peer_id_from_digest, ids::Hash32};

    fn read(records: &[&str], public_only: bool) -> Answer {
        read_txt(records.iter().map(|r| r.as_bytes()), public_only)
    }

    #[test]
    fn a_record_names_a_peer_with_all_it_says() {
        let peer = peer_id_from_digest(Hash32([1; 32]));
        let record = format!(
            "ma=/ip4/8.8.8.8/tcp/41000/p2p/{peer}, ma=/ip6/2606:4700::1/tcp/41000,feat=pq+relay,asn=64500,w=20,x=y"
        );
        let answer = read(&[&record], true);
        let [entry] = &answer.entries[..] else {
            panic!("{answer:?}");
        };
        assert_eq!(entry.peer, Some(peer));
        assert_eq!(entry.addresses.len(), 2);
        assert_eq!(entry.features, ["pq", "relay"]);
        assert_eq!((entry.asn, entry.weight), (Some(64500), 15));
    }

    #[test]
    fn weights_lose_a_quarter_and_never_all() {
        let weight = |field: &str| {
            let record = format!("ma=/ip4/8.8.8.8/tcp/1{field}");
            read(&[&record], true).entries[0].weight
        };
        let weights = [
            "",
            ",w=1",
            ",w=100",
            ",w=0",
            ",w=4000000000",
            ",w=-5",
            ",w=x",
        ]
        .map(weight);
        assert_eq!(weights, [7, 1, 75, 1, 75, 7, 7]);
    }

    #[test]
    fn what_is_not_ours_is_passed_over() {
        let long = format!("ma=/ip4/8.8.4.4/tcp/1,x={}", "y".repeat(MAX_TXT_BYTES));
        let others = [
            "v=spf1 -all",
            "",
            "ma",
            "google-site-verification=abc",
            "MA=/ip4/8.8.8.8/tcp/1",
            &long,
        ];
        assert_eq!(read(&others, true), Answer::default());
        assert_eq!(
            read_txt([&b"ma=/ip4/8.8.8.8/tcp/1\xff"[..]], true),
            Answer::default()
        );
    }

    #[test]
    fn private_addresses_are_left_out_on_a_public_network() {
        let records = [
            "ma=/ip4/10.0.0.1/tcp/1",
            "ma=/ip4/127.0.0.1/tcp/1",
            "ma=/ip6/fd00::1/tcp/1",
        ];
        let answer = read(&records, true);
        assert_eq!(
            (answer.entries.len(), answer.records, answer.dropped),
            (0, 3, 3)
        );
        assert_eq!(read(&records, false).entries.len(), 3);
        let ips = [
            "10.0.0.1",
            "8.8.8.8",
            "::1",
            "::ffff:10.0.0.1",
            "2606:4700::1",
        ];
        let ips = ips.map(|ip| ip.parse().unwrap());
        let answer = of_addresses(ips, 41000, true);
        let texts = answer.entries.iter().map(|e| e.addresses[0].to_string());
        let expected = ["/ip4/8.8.8.8/tcp/41000", "/ip6/2606:4700::1/tcp/41000"];
        assert_eq!(texts.collect::<Vec<_>>(), expected);
        assert_eq!(answer.dropped, 3);
    }

    #[test]
    fn a_huge_answer_is_cut() {
        let record = |i: usize| {
            let address = |k: usize| format!("ma=/ip4/9.{i}.{k}.1/tcp/1");
            (0..8).map(address).collect::<Vec<_>>().join(",")
        };
        let records: Vec<String> = (0..200).map(record).collect();
        let answer = read_txt(records.iter().map(|r| r.as_bytes()), true);
        let addresses: usize = answer.entries.iter().map(|e| e.addresses.len()).sum();
        assert_eq!((answer.records, addresses), (MAX_RECORDS, MAX_ADDRESSES));
        let ips = (0..=u16::MAX).map(|i| IpAddr::from([9, 9, (i >> 8) as u8, i as u8]));
        assert_eq!(of_addresses(ips, 1, true).entries.len(), MAX_ADDRESSES);
    }

    proptest! {
        #[test]
        fn no_record_is_too_strange(record in "(ma|w|asn|feat|x)?=?[ -~é]{0,40}(,ma=/ip4/8.8.8.8/tcp/[0-9]{1,6})?") {
            for entry in read(&[&record], true).entries {
                prop_assert!((1..=75).contains(&entry.weight));
                prop_assert!(!entry.addresses.is_empty());
            }
        }
    }
}
