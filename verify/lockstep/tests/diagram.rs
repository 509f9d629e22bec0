//! Diagrams fit into a commit message.

use lockstep::diagram::{Diagram, Step};
use proptest::prelude::*;

#[test]
fn a_race_of_two_cpus_reads_from_top_to_bottom() {
    let diagram = Diagram::new(
        "epoll takes a reference to a file that is being released",
        ["CPU0: closer", "CPU1: waiter"],
    )
    .step(Step::new(0, "fput()").note("f_count 1 -> 0"))
    .step(Step::new(1, "ep_item_poll()"))
    .step(Step::new(1, "  get_file()").note("f_count 0 -> 1").fatal("NoResurrect"))
    .step(Step::new(0, "  __fput()").note("freed FALSE -> TRUE"))
    .step(Step::new(1, "fput()").note("f_count 1 -> 0").note("freed twice"))
    .footer("Found by TLC, replayed on the code.");
    insta::assert_snapshot!(diagram);
}

#[test]
fn long_texts_are_wrapped_and_words_stay_whole() {
    let long = "take the lock, look the object up in the table and take a reference unless the \
                count is zero already";
    let diagram = Diagram::new(
        long.repeat(2),
        ["CPU0: the one that closes", "CPU1: the one that looks the object up", "CPU2"],
    )
    .step(Step::new(0, "spin_lock(&a_lock_with_a_long_name)").note("locked FALSE -> TRUE"))
    .step(Step::new(1, long).note("count 1 -> 2").note("table[17].owner \"nobody\" -> \"getter\""))
    .step(
        Step::new(2, format!("    {long}"))
            .note("count 2 -> 1")
            .fatal("NoUseAfterFree: the object is used after the last reference to it was dropped"),
    )
    .footer(long.repeat(2));
    insta::assert_snapshot!(diagram);
}

#[test]
fn one_column_no_title_and_nothing_to_note() {
    let diagram = Diagram::new("", ["CPU0"]).step(Step::new(0, "get")).step(Step::new(0, "put"));
    assert_eq!(diagram.to_string(), "CPU0\n----\nget\nput\n");
}

#[test]
fn a_column_that_does_not_exist_is_the_last_one() {
    let step = Step::new(usize::MAX, "get");
    let diagram = Diagram::new("", ["A", "B"]).step(step.clone());
    assert_eq!(diagram.to_string(), "A   B\n-   ---\n    get\n");
    let none: [&str; 0] = [];
    assert_eq!(Diagram::new("", none).step(step).to_string(), "get\n");
    assert_eq!(Diagram::default().to_string(), "");
}

#[test]
fn what_is_not_ascii_is_spelled_in_ascii() {
    let diagram = Diagram::new("a → b …", ["CPU0"])
        .step(Step::new(0, "“get”\tit").note("né").fatal("line\nbreak"));
    assert_eq!(
        diagram.to_string(),
        "a -> b ...\n\nCPU0\n--------\n\"get\" it   n?  <== line break\n"
    );
}

proptest! {
    #[test]
    fn every_word_is_there_and_lines_are_short(
        steps in proptest::collection::vec((0..3_usize, " {0,3}[a-z]{1,9}( {1,2}[a-z]{1,9}){0,30}", any::<bool>()), 0..8),
    ) {
        let mut diagram = Diagram::new("title", ["one", "two", "three"]);
        for (column, text, fatal) in &steps {
            let step = Step::new(*column, text).note(text);
            diagram = diagram.step(if *fatal { step.fatal(text) } else { step });
        }
        let drawn = diagram.to_string();
        prop_assert!(drawn.lines().all(|line| line.len() <= 110 && line.trim_end() == line));
        prop_assert!(drawn.is_ascii());
        for (_, text, _) in &steps {
            prop_assert!(text.split_whitespace().all(|word| drawn.contains(word)));
        }
    }
}
