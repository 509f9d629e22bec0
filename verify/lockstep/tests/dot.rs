//! TLC's dumps become graphs.

mod common;

use std::fmt::Write as _;

use common::{dumped, edge, fixture};
use lockstep::dot::parse;
use lockstep::graph::{Schedules, Stats};
use lockstep::value::Value;
use proptest::prelude::*;

/// The numbers are those that TLC reported for the dump, less the `Terminating` loops.
#[test]
fn the_counts_are_those_of_tlc() {
    let stats = |states, initial, edges, depth, terminal, schedules| Stats {
        states,
        initial,
        edges,
        depth,
        terminal,
        schedules,
    };
    assert_eq!(dumped("Refs").stats(), stats(26, 1, 33, 7, 3, Schedules::Exact(13)));
    assert_eq!(dumped("Shapes").stats(), stats(12, 2, 14, 4, 0, Schedules::Cyclic));
    assert_eq!(dumped("Starts").stats(), stats(6, 3, 4, 3, 2, Schedules::Exact(3)));
}

#[test]
fn escaped_and_wrapped_values_are_read() {
    let graph = dumped("Shapes");
    let last = graph.states().len() - 1;
    let value = |variable| graph.value(last, variable).expect("the variable is there");
    assert_eq!(value("str"), &"tab\there".into());
    let text = "line\nfeed /\\ x = 1 , ] } ) >> @@ :> |-> on one line";
    assert_eq!(value("empty").field("seq"), Some(&text.into()));
    assert_eq!(value("empty").field("interval"), Some(&Value::set(-1..=3)));
    assert_eq!(value("empty").field("function"), Some(&Value::seq([0; 0])));
    let gone =
        r#"[pc |-> "gone", seen |-> {1, 2, 3}, stack |-> <<[pc |-> "L", procedure |-> "f"]>>]"#;
    assert_eq!(
        value("deep").apply(&Value::model("b")).map(Value::to_string).as_deref(),
        Some(gone)
    );
    let one = graph.successors(0)[0].to;
    assert_eq!(graph.value(one, "str"), Some(&"quote \" back \\ slash \\n".into()));
}

#[test]
fn a_state_of_one_variable_has_no_conjunction() {
    let graph = dumped("Starts");
    assert_eq!(graph.variables(), ["x"]);
    assert_eq!(graph.initial(), [0, 1, 2]);
    assert_eq!(graph.states()[..3], [[1.into()], [2.into()], [3.into()]]);
}

#[test]
fn a_loop_stays_but_the_one_that_marks_termination_goes() {
    assert!(fixture("Refs.dot").contains("Terminating"));
    let refs = dumped("Refs");
    assert!(refs.edges().iter().all(|edge| edge.action != "Terminating"));
    let shapes = dumped("Shapes");
    assert!(shapes.edges().contains(&edge(11, "Stay", 11)));
}

/// What newer versions of TLC add: node settings, tooltips, params, reasons, colours, a legend,
/// steps that are no action's, and states outside of a constraint.
const NEWER: &str = r#"strict digraph DiskGraph {
node [shape=box,style=rounded]
edge [colorscheme="paired12"]
nodesep=0.35;
subgraph cluster_graph {
color="white";
10 [label="/\\ n = 0\n/\\ pc = [t1 |-> \"A\"]",style = filled]
10 -> -20 [label="A(t1)",color="2",fontcolor="2"];
-20 [label="/\\ n = 1\n/\\ pc = [t1 |-> \"B\"]",tooltip="/\\ n = 1\n/\\ pc = [t1 |-> \"B\"]"];
-20 -> 30 [label="B(\"t1\", 2)
n < 3",color="3",fontcolor="3"];
30 [label="/\\ n = 2\n/\\ pc = [t1 |-> \"B\"]",tooltip="x",style = filled, fillcolor=lightyellow];
30 -> 30 [style="dashed",color="lightgray"];
-20->10 [label="Back"];
{rank = same; 10;}
}
subgraph cluster_legend {graph[style=bold];label = "Next State Actions" style="solid"
node [ labeljust="l",colorscheme="paired12",style=filled,shape=record ]
A [label="A",fillcolor=2]
}}"#;

#[test]
fn the_dump_of_a_newer_version_is_read() {
    let graph = parse("newer", "Newer", NEWER).expect("the dump is whole");
    assert_eq!((graph.name(), graph.module()), ("newer", "Newer"));
    assert_eq!(graph.initial(), [0]);
    let labels: Vec<_> = graph.edges().iter().map(lockstep::graph::Edge::label).collect();
    assert_eq!(labels, ["A(t1)", r#"B("t1", 2)"#, "Back"]);
    assert_eq!(graph.edges()[0].param.as_deref(), Some("t1"));
}

#[test]
fn an_error_tells_what_was_expected_and_where() {
    let dump = |body: &str| format!("digraph G {{\n1 [label=\"x = 1\",style = filled]\n{body}\n}}");
    let texts = [
        String::new(),
        "graph {}".to_owned(),
        "digraph G {\n}\n".to_owned(),
        "digraph G {\n1 [label=\"x = 1\",style = filled]\n".to_owned(),
        format!("{}\nmore", dump("")),
        dump("2 [label=\"x = 1"),
        dump("2 [label=\"x = 1\";"),
        dump("2 [label=\"x = 1\" style]"),
        dump("2 = 3"),
        dump("2 [label=\"x\"]"),
        dump("2 [label=\"x = [a |-> ]\"]"),
        dump("2 [label=\"/\\\\ x = 1\\n/\\\\ y = 2\"]"),
        dump("2 [label=\"y = 2\"]"),
        dump("1 [label=\"x = 2\"]"),
        dump("2 [label=\"x = 1\"]"),
        dump("7 [label=\"x = 2\"]"),
        dump("1 -> 2 [label=\"A\"];"),
        dump("1 -> x [label=\"A\"];"),
        dump("1 -> 1;"),
        dump("1 -> 1 [label=\"\"];"),
        dump("1 -> 99999999999999999999 [label=\"A\"];"),
    ];
    let mut told = String::new();
    for text in texts {
        let error = parse("bad", "Bad", &text).expect_err(&text);
        let body = text.strip_prefix("digraph G {\n1 [label=\"x = 1\",style = filled]");
        writeln!(told, "{:?}\n    {error}", body.unwrap_or(&text)).expect("a string takes all");
    }
    insta::assert_snapshot!(told);
}

#[test]
fn a_dump_that_was_cut_off_is_refused() {
    for text in [fixture("Refs.dot"), NEWER.to_owned()] {
        let cuts = (0..text.trim_end().len()).step_by(13);
        for end in cuts.filter(|end| text.is_char_boundary(*end)) {
            assert!(parse("cut", "Cut", &text[..end]).is_err(), "cut off at {end}");
        }
    }
}

proptest! {
    #[test]
    fn no_change_of_a_dump_makes_the_parser_panic(
        place in any::<prop::sample::Index>(),
        length in 0..4_usize,
        garbage in r#"[ \n{}<>\[\];,=\-"\\a1é]{0,3}"#,
    ) {
        let mut text = NEWER.to_owned();
        let start = place.index(text.len() - length);
        text.replace_range(start..start + length, &garbage);
        let _ = parse("changed", "Changed", &text);
    }
}
