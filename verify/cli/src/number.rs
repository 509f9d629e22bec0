//! Numbers as people read them.

/// 58999 is `58,999`; from 100,000 on in thousands, from ten million on in millions, so that six
/// letters always do.
pub(crate) fn short(number: u64) -> String {
    match number {
        0..100_000 => count(number),
        100_000..10_000_000 => format!("{}k", count(number / 1_000)),
        _ => format!("{}M", count(number / 1_000_000)),
    }
}

/// The number in full: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Seconds in at most four letters: `35ms`, `0.5s`, `74s`, `20m`, `5h`.
pub(crate) fn time(seconds: f64) -> String {
    let duration = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    let whole = duration.as_secs();
    match duration.as_millis() {
        millis @ 0..100 => format!("{millis}ms"),
        100..9_950 => format!("{:.1}s", duration.as_secs_f64()),
        9_950..600_000 => format!("{:.0}s", duration.as_secs_f64()),
        600_000..6_000_000 => format!("{}m", whole / 60),
        _ => format!("{}h", whole / 3600),
    }
}

/// A number of schedules is soon beyond reading: from a million on its size is enough.
pub(crate) fn schedules(text: &str) -> String {
    match text.parse::<u64>() {
        Ok(number) if number < 1_000_000 => count(number),
        _ if text.len() > 6 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{}.{}e{}", &text[..1], &text[1..2], text.len() - 1)
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_large_ones_shortened() {
        for (number, long, abridged) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (58_999, "58,999", "58,999"),
            (123_456, "123,456", "123k"),
            (9_876_543, "9,876,543", "9,876k"),
            (32_000_000_000, "32,000,000,000", "32,000M"),
        ] {
            assert_eq!((count(number), short(number)), (long.to_owned(), abridged.to_owned()));
        }
    }

    #[test]
    fn times_fit_in_a_column() {
        for (seconds, text) in [
            (0.0351, "35ms"),
            (0.5, "0.5s"),
            (9.94, "9.9s"),
            (9.96, "10s"),
            (74.3, "74s"),
            (599.0, "599s"),
            (1200.0, "20m"),
            (18_000.0, "5h"),
            (-1.0, "0ms"),
            (f64::NAN, "0ms"),
        ] {
            assert_eq!(time(seconds), text);
        }
    }
}
