use super::*;
use crate::chain::testing::example;

fn hex_target(theta: u64) -> String {
    hex::encode(target(Theta(theta)))
}

#[test]
fn targets_are_the_published_ones() {
    for (theta, expected) in [
        (
            1,
            "ffffef3908ec06db692905ada44e97d775a6e216527a8067a373b4bd7767187e",
        ),
        (
            1_000_000,
            "5e2d58d8b3bcdf1abadec7829054f90dda9805aab56c77333024b9d0a507daec",
        ),
        (
            2_000_000,
            "22a555477f03973fb6edd5c25a052ae3f0dd961da28ac9959e1329cdbcb21c08",
        ),
        (
            12_000_000,
            "0000671530ed0ef22bc643b06cff1c8f4e47927a5a92698c9cae1f7e4c17b7a8",
        ),
        (
            16_000_000,
            "000001e355bbaee85cada65f73f32e88fb3cc629b709109f57564d7e0b35f377",
        ),
        (
            64_000_000,
            "00000000000000000000000cb4ea3990f265d5f96940384b1d820ca177e1bab1",
        ),
    ] {
        assert_eq!(hex_target(theta), expected, "{theta}");
    }
    assert_eq!(target(Theta(0)), [0xff; 32]);
    assert_eq!(target(Theta(64_000_001)), [0; 32]);
    assert_eq!(target(Theta(u64::MAX)), [0; 32]);
}

#[test]
fn works_are_the_published_ones() {
    for (theta, expected) in [
        (0, 4_294_967_296),
        (1, 4_294_971_590),
        (1_000_000, 11_674_931_554),
        (2_000_000, 31_735_754_293),
        (8_000_000, 12_803_117_065_094),
        (12_000_000, 699_026_506_411_923),
        (16_000_000, 38_165_554_074_222_850),
        (30_000_000, 45_898_058_837_182_850_745_314),
        (
            64_000_000,
            26_779_761_387_770_355_648_976_641_591_105_040_757,
        ),
    ] {
        assert_eq!(work(Theta(theta)), Work(expected), "{theta}");
    }
    assert_eq!(work(Theta(u64::MAX)), work(MAX_THETA));
    assert_eq!(expected_trials(Theta(2_000_000)), 7);
}

#[test]
fn a_draw_meets_up_to_its_target_and_not_beyond() {
    let at = target(Theta(2_000_000));
    assert!(meets(&Hash32(at), Theta(2_000_000)));
    let mut above = at;
    above[31] += 1;
    assert!(!meets(&Hash32(above), Theta(2_000_000)));
    assert!(!meets(&Hash32::ZERO, Theta(64_000_001)));
    assert!(meets(&Hash32::ZERO, MAX_THETA));
}

#[test]
fn draws_meet_theta_up_to_their_published_hardness() {
    // floor of -ln((x + 1) / 2^256) in µ-nats for x = 2^240 - 1, 2^248 - 1, 2^255 - 1, 2^256 - 1.
    let low_bits = |bits: usize| {
        let mut x = [0; 32];
        for i in 0..bits {
            x[31 - i / 8] |= 1 << (i % 8);
        }
        Hash32(x)
    };
    for (bits, hardness) in [
        (240, 11_090_354),
        (248, 5_545_177),
        (255, 693_147),
        (256, 0),
    ] {
        assert!(meets(&low_bits(bits), Theta(hardness)), "{bits}");
        assert!(!meets(&low_bits(bits), Theta(hardness + 1)), "{bits}");
    }
}

#[test]
fn the_example_is_first_met_by_nonce_3() {
    let mut header = example();
    // Hardness of the draw, rounded to µ-nats, as published.
    for (nonce, hardness) in [(0, 85_803), (1, 246_750), (2, 98_069), (3, 2_069_093)] {
        header.nonce = nonce;
        let draw = header.draw();
        assert!(meets(&draw, Theta(hardness - 1)), "{nonce}");
        assert!(!meets(&draw, Theta(hardness + 1)), "{nonce}");
        assert_eq!(meets(&draw, header.theta), nonce == 3);
    }
}

#[test]
fn more_theta_is_less_target_and_more_work() {
    let thetas: Vec<Theta> = (0..=MAX_THETA.0).step_by(99_991).map(Theta).collect();
    for pair in thetas.windows(2) {
        assert!(target(pair[0]) > target(pair[1]), "{pair:?}");
        assert!(work(pair[0]) < work(pair[1]), "{pair:?}");
    }
}
