//! A second implementation of Dilithium3 verification, from the round-3 submission (version
//! 3.1), with none of its optimisations: polynomials are evaluated at the 256 roots one by one.
//! It exists to show that the pinned library is round 3 and neither a draft nor FIPS 204.

use sha3_xof::{
    Shake128, Shake256,
    digest::{ExtendableOutput, Update, XofReader},
};

const Q: u64 = 8_380_417;
const N: usize = 256;
const K: usize = 6;
const L: usize = 5;
const D: u32 = 13;
const GAMMA1: u64 = 1 << 19;
const GAMMA2: u64 = (Q - 1) / 32;
const TAU: usize = 49;
const ETA: u64 = 4;
const OMEGA: usize = 55;

/// A polynomial by its coefficients, or by its values at the odd powers of the root 1753.
type Poly = [u64; N];

/// Whether `signature` (3293 bytes) is one of `message` under `public` (1952 bytes).
pub(crate) fn verify(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let roots = roots();
    let (rho, t1) = public.split_at(32);
    let (challenge, rest) = signature.split_at(32);
    let (z, hint) = rest.split_at(L * 640);
    let z: Vec<Poly> = z.chunks(640).map(unpack_z).collect();
    let beta = TAU as u64 * ETA;
    let centred = |c: &u64| (*c).min(Q - *c);
    if z.iter().flatten().any(|c| centred(c) >= GAMMA1 - beta) {
        return false;
    }
    let Some(hint) = unpack_hint(hint) else {
        return false;
    };
    let z: Vec<Poly> = z.iter().map(|p| values(p, &roots)).collect();
    let c = values(&sample_in_ball(challenge), &roots);
    let tr = shake256(&[public], 32);
    let mu = shake256(&[&tr, message], 64);
    let mut w1 = Vec::with_capacity(K * 128);
    for (i, t1) in t1.chunks(320).enumerate() {
        let t1 = values(&unpack_t1(t1), &roots);
        let row: Vec<Poly> = (0..L).map(|j| expand_a(rho, i, j)).collect();
        let at_roots: Poly = std::array::from_fn(|n| {
            let az: u64 = (0..L).map(|j| row[j][n] * z[j][n] % Q).sum();
            let ct = c[n] * t1[n] % Q * (1 << D) % Q;
            (az + Q - ct) % Q
        });
        let w = coefficients(&at_roots, &roots);
        let high: Vec<u64> = (0..N).map(|n| use_hint(hint[i][n], w[n])).collect();
        w1.extend(high.chunks(2).map(|pair| (pair[0] | pair[1] << 4) as u8));
    }
    shake256(&[&mu, &w1], 32) == challenge
}

fn power(base: u64, exponent: u64) -> u64 {
    (0..exponent).fold(1, |x, _| x * base % Q)
}

/// The values X takes, in the order in which the submission's transform stores them.
fn roots() -> Poly {
    std::array::from_fn(|i| power(1753, 2 * u64::from((i as u8).reverse_bits()) + 1))
}

fn values(p: &Poly, roots: &Poly) -> Poly {
    roots.map(|x| p.iter().rev().fold(0, |sum, c| (sum * x + c) % Q))
}

fn coefficients(values: &Poly, roots: &Poly) -> Poly {
    // The roots of X^256 + 1 are a group's coset, so the inverse is the same sum at 1/x.
    let inverse = roots.map(|x| power_fast(x, Q - 2));
    let scale = power_fast(N as u64, Q - 2);
    let mut at: Poly = [1; N];
    std::array::from_fn(|_| {
        let sum: u64 = (0..N).map(|i| values[i] * at[i] % Q).sum();
        for i in 0..N {
            at[i] = at[i] * inverse[i] % Q;
        }
        sum % Q * scale % Q
    })
}

fn power_fast(mut base: u64, mut exponent: u64) -> u64 {
    let mut out = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            out = out * base % Q;
        }
        base = base * base % Q;
        exponent >>= 1;
    }
    out
}

fn shake256(parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut hash = Shake256::default();
    parts.iter().for_each(|p| hash.update(p));
    let mut out = vec![0; len];
    hash.finalize_xof().read(&mut out);
    out
}

/// `count` integers of `bits` bits each, least significant first.
fn bits(bytes: &[u8], bits: usize) -> impl Iterator<Item = u64> {
    (0..bytes.len() * 8 / bits).map(move |i| {
        (0..bits)
            .map(|b| (i * bits + b, b))
            .map(|(at, b)| u64::from(bytes[at / 8] >> (at % 8) & 1) << b)
            .sum()
    })
}

fn poly(mut items: impl Iterator<Item = u64>) -> Poly {
    std::array::from_fn(|_| items.next().expect("256 coefficients"))
}

fn unpack_t1(bytes: &[u8]) -> Poly {
    poly(bits(bytes, 10))
}

fn unpack_z(bytes: &[u8]) -> Poly {
    poly(bits(bytes, 20).map(|c| (GAMMA1 + Q - c) % Q))
}

fn unpack_hint(bytes: &[u8]) -> Option<[[bool; N]; K]> {
    let mut out = [[false; N]; K];
    let mut from = 0;
    for (i, row) in out.iter_mut().enumerate() {
        let to = usize::from(bytes[OMEGA + i]);
        if to < from || to > OMEGA {
            return None;
        }
        let positions = &bytes[from..to];
        if positions.windows(2).any(|w| w[0] >= w[1]) {
            return None;
        }
        positions.iter().for_each(|p| row[usize::from(*p)] = true);
        from = to;
    }
    bytes[from..OMEGA].iter().all(|b| *b == 0).then_some(out)
}

fn expand_a(rho: &[u8], i: usize, j: usize) -> Poly {
    let mut hash = Shake128::default();
    hash.update(rho);
    hash.update(&[j as u8, i as u8]);
    let mut reader = hash.finalize_xof();
    poly(std::iter::from_fn(|| {
        loop {
            let mut b = [0; 3];
            reader.read(&mut b);
            let c = u64::from(b[0]) | u64::from(b[1]) << 8 | u64::from(b[2] & 0x7f) << 16;
            if c < Q {
                return Some(c);
            }
        }
    }))
}

fn sample_in_ball(seed: &[u8]) -> Poly {
    let mut hash = Shake256::default();
    hash.update(seed);
    let mut reader = hash.finalize_xof();
    let mut signs = [0; 8];
    reader.read(&mut signs);
    let mut signs = u64::from_le_bytes(signs);
    let mut c: Poly = [0; N];
    for i in N - TAU..N {
        let j = loop {
            let mut b = [0; 1];
            reader.read(&mut b);
            if usize::from(b[0]) <= i {
                break usize::from(b[0]);
            }
        };
        c[i] = c[j];
        c[j] = if signs & 1 == 1 { Q - 1 } else { 1 };
        signs >>= 1;
    }
    c
}

fn use_hint(hint: bool, r: u64) -> u64 {
    let alpha = 2 * GAMMA2;
    let m = (Q - 1) / alpha;
    // r = high * alpha + low with low in (-alpha/2, alpha/2]. The top interval, which ends at
    // q - 1 = m * alpha, counts as 0; its low part is never positive.
    let low = r % alpha;
    let high = (r / alpha + u64::from(low > GAMMA2)) % m;
    let low_is_positive = low != 0 && low <= GAMMA2;
    match (hint, low_is_positive) {
        (false, _) => high,
        (true, true) => (high + 1) % m,
        (true, false) => (high + m - 1) % m,
    }
}
