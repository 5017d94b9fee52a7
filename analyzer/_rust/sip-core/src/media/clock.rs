//! The clock of a payload's timestamps: what RFC 3551 gives a payload type, else what the stream itself shows.

/// Clocks that payload formats have (IANA: RTP Payload Format Media Types).
const KNOWN: [u32; 10] = [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000];

/// The clock of a static payload type (RFC 3551 §6); of G.722 the wire has 8000, whatever it samples with (§4.5.2).
pub fn of_type(payload_type: u8) -> Option<u32> {
    Some(match payload_type {
        0 | 3..=5 | 7..=9 | 12 | 13 | 15 | 18 => 8_000,
        6 => 16_000,
        10 | 11 => 44_100,
        14 | 25 | 26 | 28 | 31..=34 => 90_000,
        16 => 11_025,
        17 => 22_050,
        _ => return None,
    })
}

/// The clock by which timestamps went on so far in that time (ns): the nearest that there is.
pub fn of_pace(units: u32, time: i64) -> Option<u32> {
    if units == 0 || time <= 0 {
        return None;
    }
    let pace = f64::from(units) * 1e9 / time as f64;
    let distance = |clock: u32| (pace / f64::from(clock)).ln().abs();
    let nearest = KNOWN.into_iter().min_by(|a, b| distance(*a).total_cmp(&distance(*b)))?;
    (distance(nearest) < 0.4).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_types_have_their_clock() {
        assert_eq!([0, 9, 10, 34].map(of_type), [Some(8_000), Some(8_000), Some(44_100), Some(90_000)]);
        assert_eq!(of_type(96), None);
    }

    #[test]
    fn the_pace_of_timestamps_shows_the_clock() {
        // 20 packets of 20 ms, one of them 9 ms late.
        assert_eq!(of_pace(20 * 320, 409_000_000), Some(16_000));
        assert_eq!(of_pace(20 * 960, 400_000_000), Some(48_000));
        assert_eq!(of_pace(20 * 160, 391_000_000), Some(8_000));
        assert_eq!(of_pace(0, 400_000_000), None);
        assert_eq!(of_pace(4_000_000, 400_000_000), None);
    }
}
