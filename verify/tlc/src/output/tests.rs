use super::*;

fn message(code: u32, severity: u32, text: &str) -> String {
    format!("@!@!@STARTMSG {code}:{severity} @!@!@\n{text}\n@!@!@ENDMSG {code} @!@!@\n")
}

#[test]
fn counts_depth_and_progress_are_read() {
    let text = message(2193, 0, "Model checking completed. No error has been found.")
        + &message(
            2199,
            0,
            "1,017 states generated, 12 distinct states found, 0 states left on queue.",
        )
        + &message(2194, 0, "The depth of the complete state graph search is 5.");
    let output = Output::parse(&text);
    assert_eq!(output.counts(), Some(Counts { generated: 1017, distinct: 12, left: 0 }));
    assert_eq!(output.depth(), Some(5));
    assert!(!output.cut_off);

    let line = "Progress(5) at 2026-01-31 10:21:59: 17 states generated (3,400 s/min), \
                12 distinct states found (2,400 ds/min), 3 states left on queue.\n";
    let counts = Counts { generated: 17, distinct: 12, left: 3 };
    assert_eq!(Counts::parse_progress(line), Some(counts));
    assert_eq!(Counts::parse_progress("Finished in 307ms"), None);
}

#[test]
fn a_message_inside_a_message_is_found() {
    let text = "Parsing file X.tla\n\
        @!@!@STARTMSG 1000:1 @!@!@\n\
        TLC threw an unexpected exception.\n\
        The exception was a tlc2.tool.EvalException\n\
        : @!@!@STARTMSG 2184:0 @!@!@\n\
        Attempted to apply Head to the empty sequence.\n\
        @!@!@ENDMSG 2184 @!@!@\n\
        @!@!@ENDMSG 1000 @!@!@\n";
    let output = Output::parse(text);
    assert_eq!(output.plain, "Parsing file X.tla\n");
    assert_eq!(output.messages.len(), 1);
    assert!(output.messages[0].is_error());
    let inner = output.with_code(2184);
    assert_eq!(inner[0].text, "Attempted to apply Head to the empty sequence.\n");
    assert!(output.messages[0].full_text().ends_with("empty sequence.\n"));
}

#[test]
fn coverage_is_of_the_last_report_and_adds_up_by_name() {
    let report = |check: &str, take: &str| {
        message(2201, 0, "The coverage statistics at 2026-01-31 10:21:59")
            + &message(2773, 0, "<Init line 34, col 1 to line 34, col 4 of module Latch>: 1:1")
            + &message(
                2772,
                0,
                &format!("<check line 41, col 1 to line 41, col 11 of module Latch>: {check}"),
            )
            + &message(
                2772,
                0,
                &format!("<take line 48, col 1 to line 48, col 10 of module Latch>: {take}"),
            )
    };
    let again =
        message(2772, 0, "<check line 41, col 1 to line 41, col 11 of module Latch>: 0:1,000");
    let output = Output::parse(&(report("5:7", "0:0") + &report("6:8", "0:4") + &again));
    assert_eq!(output.coverage(), [("check".to_owned(), 1008), ("take".to_owned(), 4)]);
}

#[test]
fn output_that_ends_in_a_message_was_cut_off() {
    let output = Output::parse("@!@!@STARTMSG 2217:4 @!@!@\n1: <Initial predicate>\n/\\ x = 0");
    assert!(output.cut_off);
    assert_eq!(output.with_code(code::STATE).len(), 1);
}

#[test]
fn nonsense_is_plain_text() {
    for text in ["", "@!@!@STARTMSG", "@!@!@STARTMSG x:y @!@!@", "@!@!@ENDMSG 1 @!@!@", "é\u{0}"] {
        let output = Output::parse(text);
        assert!(output.messages.is_empty());
        assert_eq!((output.counts(), output.depth()), (None, None));
    }
    assert!(coverage_line("< line >: 1").is_none_or(|(name, _)| name.is_empty()));
}
