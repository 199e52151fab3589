use super::*;

fn node(n: u16) -> Hash32 {
    let mut digest = [0; 32];
    digest[..2].copy_from_slice(&n.to_be_bytes());
    Hash32(digest)
}

fn list(neighbours: &[u16]) -> Vec<u8> {
    encode(neighbours.iter().map(|n| node(*n)).collect())
}

fn named(n: u16) -> String {
    peer_id_from_digest(node(n)).to_string()
}

#[test]
fn a_list_is_sorted_without_duplicates_and_bounded() {
    assert_eq!(
        decode(&list(&[3, 1, 2, 1])),
        Ok(vec![node(1), node(2), node(3)])
    );
    assert_eq!(decode(&list(&[])), Ok(vec![]));
    let many: Vec<u16> = (0..1000).collect();
    assert_eq!(decode(&list(&many)).map(|l| l.len()), Ok(MAX_NEIGHBOURS));
}

#[test]
fn refuses_what_is_no_list() {
    let raw = |digests: &[Hash32]| {
        let mut out = Writer::new();
        out.map(1).uint(1).array(digests.len());
        for digest in digests {
            out.bytes(digest.as_bytes());
        }
        out.finish()
    };
    let too_many: Vec<Hash32> = (0..=MAX_NEIGHBOURS as u16).map(node).collect();
    let mut trailing = list(&[1]);
    trailing.push(0);
    let mut cut = list(&[1, 2]);
    cut.pop();
    for payload in [
        raw(&[node(2), node(1)]),
        raw(&[node(1), node(1)]),
        raw(&too_many),
        trailing,
        cut,
        b"neighbours".to_vec(),
        Vec::new(),
    ] {
        let content = Content {
            sender: Some(node(9)),
            topic: TOPIC,
            payload: &payload,
            created_ms: 1,
        };
        assert_eq!(is_list(&content), Err(Refused::Useless));
        let mut topology = Topology::default();
        let heard = topology.hear(node(9), &payload, 1, Duration::ZERO, Instant::now());
        assert!(heard.is_err());
        assert_eq!(topology.report(Instant::now()), TopologyReport::default());
    }
    let content = Content {
        sender: None,
        topic: TOPIC,
        payload: &list(&[1]),
        created_ms: 1,
    };
    assert_eq!(is_list(&content), Err(Refused::Useless), "nobody's list");
}

#[test]
fn the_newest_list_of_a_node_counts_until_it_is_old() {
    let (mut topology, start) = (Topology::default(), Instant::now());
    let late = Duration::from_secs(2);
    topology
        .hear(node(1), &list(&[2, 3]), 20, late, start)
        .unwrap();
    let older = topology.hear(node(1), &list(&[4]), 10, Duration::ZERO, start);
    older.expect("it is a list, an older one");
    let later = start + Duration::from_secs(7);
    let expected = NodeReport {
        peer_id: named(1),
        neighbours: vec![named(2), named(3)],
        age_s: 9,
    };
    assert_eq!(topology.report(later).nodes, [expected]);
    topology
        .hear(node(1), &list(&[]), 30, Duration::ZERO, later)
        .unwrap();
    assert!(topology.report(later).nodes[0].neighbours.is_empty());
    assert!(topology.report(later + LIFE).nodes.is_empty());
}

#[test]
fn a_full_collection_takes_newcomers_once_others_are_old() {
    let (mut topology, start) = (Topology::default(), Instant::now());
    let none = Duration::ZERO;
    for n in 0..MAX_NODES as u16 {
        topology.hear(node(n), &list(&[]), 1, none, start).unwrap();
    }
    topology
        .hear(node(9999), &list(&[]), 1, none, start)
        .unwrap();
    topology.hear(node(0), &list(&[1]), 2, none, start).unwrap();
    let report = topology.report(start);
    assert_eq!(report.nodes.len(), MAX_NODES);
    let first = report.nodes.iter().find(|n| n.peer_id == named(0));
    assert_eq!(
        first.unwrap().neighbours,
        [named(1)],
        "known ones are updated"
    );
    assert!(report.nodes.iter().all(|n| n.peer_id != named(9999)));
    let later = start + LIFE;
    topology
        .hear(node(9999), &list(&[]), 1, none, later)
        .unwrap();
    assert_eq!(topology.report(later).nodes.len(), 1);
}

#[test]
fn a_list_that_was_under_way_too_long_is_not_kept() {
    let (mut topology, start) = (Topology::default(), Instant::now());
    topology.hear(node(1), &list(&[2]), 1, LIFE, start).unwrap();
    assert!(topology.report(start).nodes.is_empty());
}

#[test]
fn changes_are_told_soon_and_not_too_often() {
    let start = tokio::time::Instant::now();
    let mut schedule = Schedule::new(start);
    assert_eq!(schedule.due, start + INTERVAL);
    schedule.changed(start);
    assert_eq!(schedule.due, start + SETTLE);
    let during = start + SETTLE / 2;
    schedule.changed(during);
    assert_eq!(schedule.due, start + SETTLE, "one list tells both changes");
    let told = start + SETTLE;
    schedule.published(told);
    schedule.changed(told);
    assert_eq!(schedule.due, told + MIN_GAP);
    let later = told + INTERVAL - SETTLE / 2;
    schedule.published(told);
    schedule.changed(later);
    assert_eq!(schedule.due, told + INTERVAL, "a change delays nothing");
}
