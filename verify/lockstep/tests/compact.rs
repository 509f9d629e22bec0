//! Committed graphs are small, readable, and read back as they were.

mod common;

use std::fmt::Write as _;

use common::{build, dumped, fixture, parts};
use lockstep::compact::{read, write};
use proptest::prelude::*;

#[test]
fn the_graphs_of_the_fixtures_are_read_back() {
    for module in ["Refs", "Shapes", "Starts"] {
        let graph = dumped(module);
        let text = write(&graph);
        assert_eq!(read(&text).as_ref(), Ok(&graph), "{module}");
        assert_eq!(text, write(&graph), "{module}");
        assert!(text.len() * 3 < fixture(&format!("{module}.dot")).len(), "{module}");
    }
}

#[test]
fn the_committed_form_shows_what_each_step_changes() {
    insta::assert_snapshot!(write(&dumped("Refs")));
}

#[test]
fn line_ends_of_windows_are_read_too() {
    let graph = dumped("Refs");
    assert_eq!(read(&write(&graph).replace('\n', "\r\n")), Ok(graph));
}

/// A whole graph to spoil a line of.
const WHOLE: &str = "\
lockstep graph 1
module M
name \"two words\"
variables n pc
initial 1
states 3
edges 3

* n=0 pc=(a :> \"A\" @@ b :> \"A\")
0
 A(a) n=1 pc[a]=\"B\"
 A(\"b c\") pc[b]=\"B\"
1
 B 0
";

#[test]
fn an_error_tells_the_line() {
    assert_eq!(read(WHOLE).map(|graph| write(&graph)).as_deref(), Ok(WHOLE));
    let changes = [
        ("graph 1", "graph 2"),
        ("module M", "module"),
        ("\"two words\"", "two words"),
        ("variables n pc", "variables n  pc"),
        ("variables n pc", "variables n pc x"),
        ("variables n pc", "variables n"),
        ("initial 1", "initial one"),
        ("initial 1", "initial 2"),
        ("states 3", "states 4"),
        ("edges 3", "edges 2"),
        ("* n=0", "* m=0"),
        ("* n=0", "* n=[x]"),
        ("\n0\n", "\n9\n"),
        ("\n0\n", "\n"),
        (" A(a) n=1", "A(a) n=1"),
        (" A(a) n=1", " A(a n=1"),
        (" A(a) n=1 pc[a]=\"B\"", " A(a)"),
        (" A(a) n=1 pc[a]=\"B\"", " A(a) "),
        (" A(a) n=1", " A(a) m=1"),
        (" A(a) n=1", " A(a) n.x=1"),
        (" A(a) n=1", " A(a) n=1,"),
        ("pc[a]", "pc[c]"),
        ("pc[a]", "pc[a"),
        ("pc[a]", "pc[1]"),
        ("B 0", "B 3"),
        ("B 0", "B 0x"),
        ("n=1 pc[a]=\"B\"", "pc[b]=\"B\""),
    ];
    let mut told = String::new();
    for (old, new) in changes {
        let text = WHOLE.replacen(old, new, 1);
        let error = read(&text).expect_err(&text);
        writeln!(told, "{old:?} => {new:?}\n    {error}").expect("a string takes all");
    }
    writeln!(told, "nothing\n    {}", read("").expect_err("there is no header"))
        .expect("a string takes all");
    insta::assert_snapshot!(told);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(parts in parts()) {
        let graph = build(parts);
        let text = write(&graph);
        let back = read(&text);
        prop_assert_eq!(back.as_ref().map(write), Ok(text));
        prop_assert_eq!(back, Ok(graph));
    }

    #[test]
    fn no_change_of_a_file_makes_the_reader_panic(
        place in any::<prop::sample::Index>(),
        length in 0..4_usize,
        garbage in r#"[ \n*{}<>\[\]().,=\-"\\a1é]{0,3}"#,
    ) {
        let mut text = WHOLE.to_owned();
        let start = place.index(text.len() - length);
        text.replace_range(start..start + length, &garbage);
        let _ = read(&text);
    }
}
