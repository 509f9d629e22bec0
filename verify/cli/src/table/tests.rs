use super::{coloured, render};
use crate::made_up;
use crate::protocol::Pass;
use std::time::Duration;

const WALL: Duration = Duration::from_millis(74_300);

fn key(scenario: &str, pass: Pass) -> (String, Pass) {
    (scenario.to_owned(), pass)
}

#[test]
fn a_table_in_order_fits_in_120_columns() {
    made_up::with_decided(|decided| {
        let text = render(decided, WALL);
        assert!(text.lines().take(4).all(|line| line.chars().count() <= 120), "{text}");
        insta::assert_snapshot!(text);
    });
}

#[test]
fn what_is_not_in_order_is_said_once_below_with_its_claims() {
    let mut results = made_up::results();
    let held = made_up::report("epoll-2023", Pass::Cached, 3_653);
    for pass in [Pass::Cached, Pass::Random, Pass::Pct] {
        results.passes.insert(key("epoll-2023", pass), Ok(made_up::report("epoll-2023", pass, 9)));
    }
    results.passes.insert(key("epoll-2023", Pass::Cached), Ok(held));
    results.passes.insert(
        key("count-cas", Pass::Native),
        Err("the runner ended with exit status: 101\npanicked at the disco".to_owned()),
    );
    made_up::with_results(&results, |decided| insta::assert_snapshot!(render(decided, WALL)));
}

#[test]
fn only_the_marks_are_coloured() {
    assert_eq!(coloured("plain"), "plain");
    insta::assert_debug_snapshot!(coloured("\u{2713} a \u{2717} b"));
}
