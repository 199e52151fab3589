//! Which way a score goes: the slope over the last interactions.

/// Interactions that the trend looks back on: the original's figure.
pub(super) const WINDOW: usize = 100;

/// The score after each of the last [`WINDOW`] interactions, to 1/65535. In place, so that an
/// interaction allocates nothing.
#[derive(Clone, Debug)]
pub(super) struct Trend {
    ring: [u16; WINDOW],
    len: u8,
    next: u8,
}

impl Default for Trend {
    fn default() -> Self {
        Self {
            ring: [0; WINDOW],
            len: 0,
            next: 0,
        }
    }
}

impl Trend {
    pub(super) fn push(&mut self, score: f64) {
        self.push_raw((score * f64::from(u16::MAX)).round() as u16);
    }

    fn push_raw(&mut self, score: u16) {
        self.ring[usize::from(self.next)] = score;
        self.next = (self.next + 1) % WINDOW as u8;
        self.len = (self.len + 1).min(WINDOW as u8);
    }

    fn in_order(&self) -> impl Iterator<Item = u16> {
        let first = usize::from(self.next) + WINDOW - usize::from(self.len);
        (0..usize::from(self.len)).map(move |i| self.ring[(first + i) % WINDOW])
    }

    /// Slope of the line through the points (i, score after interaction i) that has the least sum
    /// of squares: score per interaction. 0 for fewer than two points.
    pub(super) fn slope(&self) -> f64 {
        let n = f64::from(self.len);
        if n < 2.0 {
            return 0.0;
        }
        // x = 0..n: its mean is (n-1)/2, the sum of its squared deviations n(n²-1)/12.
        let mean_x = (n - 1.0) / 2.0;
        let points = (0_u32..).zip(self.in_order());
        let covariance: f64 = points
            .map(|(x, y)| (f64::from(x) - mean_x) * f64::from(y))
            .sum();
        covariance / f64::from(u16::MAX) / (n * (n * n - 1.0) / 12.0)
    }

    /// As it stands in a row: two bytes an interaction, big-endian, the oldest first.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.in_order().flat_map(u16::to_be_bytes).collect()
    }

    /// What [`Trend::to_bytes`] wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 2 * WINDOW || !bytes.len().is_multiple_of(2) {
            return None;
        }
        let mut trend = Self::default();
        for pair in bytes.chunks_exact(2) {
            trend.push_raw(u16::from_be_bytes([pair[0], pair[1]]));
        }
        Some(trend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_that_of_the_last_hundred() {
        let mut trend = Trend::default();
        assert_eq!(trend.slope(), 0.0);
        trend.push(1.0);
        assert_eq!(trend.slope(), 0.0);
        trend.push(0.0);
        assert_eq!(trend.slope(), -1.0);
        for _ in 0..WINDOW {
            trend.push(0.75);
        }
        assert!(trend.slope().abs() < 1e-12);
        for i in 0..WINDOW {
            trend.push(0.2 + 0.005 * i as f64);
        }
        assert!((trend.slope() - 0.005).abs() < 1e-6, "{}", trend.slope());
    }

    #[test]
    fn the_slope_is_that_of_the_normal_equations() {
        let ys = [0.5, 0.6, 0.4, 0.45, 0.9, 0.1, 0.2];
        let mut trend = Trend::default();
        ys.iter().for_each(|y| trend.push(*y));
        let n = ys.len() as f64;
        let (mut sx, mut sy, mut sxy, mut sxx) = (0.0, 0.0, 0.0, 0.0);
        for (i, y) in ys.iter().enumerate() {
            let x = i as f64;
            (sx, sy, sxy, sxx) = (sx + x, sy + y, sxy + x * y, sxx + x * x);
        }
        let expected = (n * sxy - sx * sy) / (n * sxx - sx * sx);
        assert!((trend.slope() - expected).abs() < 1e-4);
    }

    #[test]
    fn survives_a_row() {
        let mut trend = Trend::default();
        for i in 0..130 {
            trend.push(f64::from(i) / 200.0);
        }
        let back = Trend::from_bytes(&trend.to_bytes()).unwrap();
        assert_eq!(back.slope(), trend.slope());
        assert!(Trend::from_bytes(&[0; 2 * WINDOW + 2]).is_none());
        assert!(Trend::from_bytes(&[0; 3]).is_none());
    }
}
