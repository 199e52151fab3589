use super::*;
use crate::{
    clock::{Clock, ManualClock},
    offence::Offence,
    peers::{
        MemoryPeers, PeerStore as _,
        ban::{MAX_EVIDENCE, MAX_REASON},
    },
};

const MINUTE: Duration = Duration::from_secs(60);

fn somebody() -> Subject {
    Subject::Peer(PeerId::random())
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> Subject {
    Subject::Address(ip(text))
}

fn lied(subject: Subject, lasts: Duration) -> Sentence {
    Sentence {
        by: Author::Offence(Offence::WrongTheta),
        ..Sentence::of_operator(subject, "lied", lasts)
    }
}

#[test]
fn a_ban_holds_until_its_end_and_no_longer() {
    let clock = ManualClock::at_wall_ms(1_000);
    let (mut bans, who) = (Bans::default(), somebody());
    let outcome = bans.impose(lied(who, MINUTE), clock.now());
    assert_eq!(outcome, Outcome::Banned);
    let ban = bans.get(&who, clock.now()).unwrap();
    assert_eq!((ban.since_ms, ban.until_ms), (1_000, 61_000));
    clock.advance(MINUTE - Duration::from_millis(1));
    assert!(bans.get(&who, clock.now()).is_some());
    clock.advance(Duration::from_millis(1));
    assert!(bans.get(&who, clock.now()).is_none());
    assert!(bans.active(clock.now()).is_empty());
}

#[test]
fn stepping_the_wall_clock_frees_nobody() {
    let clock = ManualClock::at_wall_ms(1_000);
    let (mut bans, who) = (Bans::default(), somebody());
    bans.impose(lied(who, MINUTE), clock.now());
    clock.step_wall_to_ms(u64::MAX);
    assert!(bans.get(&who, clock.now()).is_some());
}

#[test]
fn a_shorter_ban_does_not_cut_a_longer_one() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut bans, who) = (Bans::default(), somebody());
    bans.impose(lied(who, MINUTE * 2), clock.now());
    assert_eq!(bans.impose(lied(who, MINUTE), clock.now()), Outcome::Stands);
    assert_eq!(bans.active(clock.now())[0].until_ms, 120_000);
    bans.impose(lied(who, MINUTE * 3), clock.now());
    assert_eq!(bans.active(clock.now())[0].until_ms, 180_000);
    assert!(bans.lift(&who));
    assert!(!bans.lift(&who));
}

#[test]
fn a_full_table_gives_up_the_ban_that_ends_first() {
    let clock = ManualClock::at_wall_ms(0);
    let mut bans = Bans::with_capacity(3);
    bans.load(Vec::new(), clock.now());
    let all: Vec<_> = (0..5).map(|_| somebody()).collect();
    for (i, who) in all.iter().enumerate() {
        let lasts = MINUTE * u32::try_from(i + 1).unwrap();
        bans.impose(lied(*who, lasts), clock.now());
    }
    let held: Vec<_> = bans.active(clock.now()).iter().map(|b| b.subject).collect();
    assert_eq!(held, all[2..]);
    for _ in 0..100 {
        bans.impose(lied(somebody(), MINUTE), clock.now());
    }
    assert!(bans.take_changes(clock.now()).len() <= 6, "bounded unread");
}

#[test]
fn endless_bans_and_endless_words_are_cut() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut bans, who) = (Bans::default(), somebody());
    let ban = Sentence {
        reason: "é".repeat(10_000),
        evidence: "é".repeat(10_000),
        ..lied(who, Duration::MAX)
    };
    bans.impose(ban, clock.now());
    let ban = bans.get(&who, clock.now()).unwrap();
    assert!(ban.reason.len() <= MAX_REASON && ban.evidence.len() <= MAX_EVIDENCE);
    clock.advance(MAX_BAN);
    assert!(bans.get(&who, clock.now()).is_none());
}

#[test]
fn bans_outlive_the_node_and_no_clock_lengthens_them() {
    let (clock, store) = (ManualClock::at_wall_ms(1_000_000), MemoryPeers::default());
    let (mut bans, who) = (Bans::default(), somebody());
    bans.impose(lied(who, MINUTE), clock.now());
    assert!(bans.take_changes(clock.now()).is_empty(), "nobody keeps it");
    bans.load(Vec::new(), clock.now());
    bans.impose(lied(who, MINUTE * 2), clock.now());
    bans.impose(lied(at("8.8.8.8"), MINUTE), clock.now());
    let save = |bans: &mut Bans| store.commit(&bans.take_changes(clock.now())).unwrap();
    save(&mut bans);
    let rows = || store.load(Table::Bans).unwrap();
    assert_eq!(rows().len(), 2);

    // Restarted: half a minute passed by the wall clock.
    clock.step_wall_to_ms(1_030_000);
    let mut again = Bans::default();
    assert_eq!(again.load(rows(), clock.now()).holding, 2);
    let ban = again.get(&who, clock.now()).unwrap();
    assert_eq!(ban.by, Author::Offence(Offence::WrongTheta));
    assert_eq!(ban.ends - clock.now().mono, MINUTE + MINUTE / 2);
    assert_eq!((ban.since_ms, ban.until_ms), (1_000_000, 1_120_000));

    // A clock that was set back an hour makes it whole again, no longer.
    clock.step_wall_to_ms(0);
    let mut back = Bans::default();
    back.load(rows(), clock.now());
    assert_eq!(
        back.get(&who, clock.now()).unwrap().ends - clock.now().mono,
        MINUTE * 2
    );

    // One that was set forward ends it, but only at a start; the rows go.
    clock.step_wall_to_ms(u64::MAX);
    assert!(back.get(&who, clock.now()).is_some());
    let mut forward = Bans::default();
    assert_eq!(forward.load(rows(), clock.now()).ended, 2);
    save(&mut forward);
    assert!(rows().is_empty());
}

#[test]
fn a_row_that_is_no_ban_is_removed_and_told() {
    let clock = ManualClock::at_wall_ms(0);
    let mut bans = Bans::default();
    let loaded = bans.load(vec![(vec![9], vec![1, 2, 3])], clock.now());
    assert_eq!((loaded.holding, loaded.refused.len()), (0, 1));
    let gone = Change::remove(Table::Bans, [9]);
    assert_eq!(bans.take_changes(clock.now()), [gone]);
}

#[test]
fn bans_of_address_and_group_catch_whoever_comes_from_there() {
    let clock = ManualClock::at_wall_ms(0);
    let mut bans = Bans::default();
    let now = clock.now();
    bans.impose(lied(at("2a00:1450:1:2::7"), MINUTE), now);
    bans.impose(lied(Subject::Group(Group::V4([8, 9])), MINUTE), now);
    assert!(bans.at(ip("2a00:1450:1:2:3::1"), now).is_some());
    assert!(bans.at(ip("2a00:1450:1:3::1"), now).is_none());
    assert!(bans.at(ip("8.9.77.1"), now).is_some());
    assert!(bans.at(ip("8.10.77.1"), now).is_none());
}

#[test]
fn unban_lifts_id_address_and_group_at_once_and_says_so() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut bans, peer, now) = (Bans::default(), PeerId::random(), clock.now());
    let all = [
        Subject::Peer(peer),
        at("8.9.1.1"),
        Subject::Group(Group::V4([8, 9])),
    ];
    for subject in all {
        bans.impose(lied(subject, MINUTE), now);
    }
    let neighbours = Sentence {
        evidence: "another lie".to_owned(),
        ..lied(at("8.9.1.2"), MINUTE)
    };
    bans.impose(neighbours, now);
    let lifted = bans.lift_all(peer, &[ip("8.9.1.1")], now);
    assert_eq!(lifted.iter().map(|b| b.subject).collect::<Vec<_>>(), all);
    assert_eq!(bans.active(now).len(), 1, "its neighbour's stays");
    assert!(bans.lift_all(peer, &[ip("8.9.1.1")], now).is_empty());
}

#[test]
fn after_a_restart_unban_still_lifts_what_one_act_had_banned() {
    let (clock, store) = (ManualClock::at_wall_ms(1_000), MemoryPeers::default());
    let (mut bans, peer) = (Bans::default(), PeerId::random());
    bans.load(Vec::new(), clock.now());
    bans.impose(lied(at("8.9.1.1"), MINUTE), clock.now());
    clock.advance(Duration::from_secs(1));
    bans.impose(lied(Subject::Peer(peer), MINUTE), clock.now());
    clock.advance(Duration::from_millis(1));
    bans.impose(lied(at("8.9.1.2"), MINUTE), clock.now());
    bans.impose(lied(somebody(), MINUTE), clock.now());
    store.commit(&bans.take_changes(clock.now())).unwrap();

    let mut again = Bans::default();
    again.load(store.load(Table::Bans).unwrap(), clock.now());
    let lifted = again.lift_all(peer, &[], clock.now());
    let subjects: Vec<Subject> = lifted.iter().map(|b| b.subject).collect();
    assert_eq!(subjects, [Subject::Peer(peer), at("8.9.1.2")]);
    assert_eq!(again.active(clock.now()).len(), 2);
}

#[test]
fn reserved_peers_and_their_addresses_are_spared() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut bans, peer, now) = (Bans::default(), PeerId::random(), clock.now());
    bans.spare([peer], [ip("8.9.1.1")]);
    assert_eq!(
        bans.impose(lied(Subject::Peer(peer), MINUTE), now),
        Outcome::Spared
    );
    assert_eq!(
        bans.impose(lied(at("8.9.1.1"), MINUTE), now),
        Outcome::Spared
    );
    let group = Subject::Group(Group::V4([8, 9]));
    assert_eq!(bans.impose(lied(group, MINUTE), now), Outcome::Banned);
    assert!(bans.at(ip("8.9.1.1"), now).is_none());
    assert!(bans.at(ip("8.9.1.2"), now).is_some());
}

#[test]
fn what_a_test_network_shares_is_banned_by_people_only() {
    let clock = ManualClock::at_wall_ms(0);
    let (mut bans, now) = (Bans::default(), clock.now());
    for shared in ["127.0.0.1", "10.1.1.1", "fd00::1"] {
        assert_eq!(bans.impose(lied(at(shared), MINUTE), now), Outcome::Shared);
        let by_hand = Sentence::of_operator(at(shared), "", MINUTE);
        assert_eq!(bans.impose(by_hand, now), Outcome::Banned);
    }
    let local = Sentence::of_operator(Subject::Group(Group::Local), "", MINUTE);
    assert_eq!(bans.impose(local, now), Outcome::Shared);
}
