//! Values and graphs for the property tests.

#![allow(dead_code, reason = "each test uses a part")]

use lockstep::graph::{Edge, Graph, State};
use lockstep::value::Value;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The text of a fixture.
pub(crate) fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the fixture is there")
}

/// The graph of the dump of a fixture module.
pub(crate) fn dumped(module: &str) -> Graph {
    let dump = fixture(&format!("{module}.dot"));
    lockstep::dot::parse(&module.to_lowercase(), module, &dump).expect("TLC wrote the dump")
}

/// An edge without a param.
pub(crate) fn edge(from: usize, action: &str, to: usize) -> Edge {
    Edge { from, to, action: action.to_owned(), param: None }
}

/// A graph over the single variable `n` with the states 0, 1, ..., of which the first is initial.
pub(crate) fn chain(edges: &[(usize, &str, usize)]) -> Graph {
    let last = edges.iter().map(|(from, _, to)| *from.max(to)).max().unwrap_or_default();
    let states = (0..=last).map(|n| vec![n.into()]).collect();
    let edges = edges.iter().map(|(from, action, to)| edge(*from, action, *to)).collect();
    Graph::new("chain", "Chain", vec!["n".to_owned()], states, vec![0], edges)
        .expect("the edges reach every state")
}

/// Any value in normal form.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (0..4_i64).prop_map(Value::Int),
        any::<String>().prop_map(Value::Str),
        "[a-z_]{1,3}".prop_map(Value::Str),
        "[a-z_][a-z0-9_]{0,3}".prop_map(Value::Model),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::set),
            vec(inner.clone(), 0..4).prop_map(Value::seq),
            vec(("[a-z_]{1,3}", inner.clone()), 0..4).prop_map(Value::record),
            vec((inner.clone(), inner), 0..4).prop_map(Value::function),
        ]
    })
}

/// The parts of a graph in which every state is reachable.
pub(crate) type Parts = (Vec<State>, Vec<usize>, Vec<Edge>);

/// The variables of [`parts`].
pub(crate) const VARIABLES: [&str; 3] = ["id", "pc", "extra"];

fn label() -> impl Strategy<Value = (String, Option<String>)> {
    let action = select(vec!["A", "B", "M!Next", "Terminating", "two words"]);
    let param = select(vec!["t1", "\"t2\"", "<<1, 2>>", ""]);
    (action.prop_map(str::to_owned), option::of(param.prop_map(str::to_owned)))
}

pub(crate) fn parts() -> impl Strategy<Value = Parts> {
    let node = (select(vec!["A", "B", "C"]), select(vec!["A", "B"]), value());
    let link = (any::<prop::sample::Index>(), label());
    let nodes = vec((node, link), 1..20);
    let more = vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), label()), 0..20);
    (nodes, 1..4_usize, more).prop_map(|(nodes, initial, more)| {
        let initial: Vec<usize> = (0..initial.min(nodes.len())).collect();
        let mut states = Vec::new();
        let mut edges = Vec::new();
        let mut push = |from, to, (action, param)| {
            edges.push(Edge { from, to, action, param });
        };
        for (id, ((t1, t2, extra), (before, label))) in nodes.iter().cloned().enumerate() {
            states.push(vec![id.into(), Value::record([("t1", t1), ("t2", t2)]), extra]);
            if id >= initial.len() {
                push(before.index(id), id, label);
            }
        }
        for (from, to, label) in more {
            push(from.index(states.len()), to.index(states.len()), label);
        }
        (states, initial, edges)
    })
}

/// The canonical form of [`Parts`].
pub(crate) fn build((states, initial, edges): Parts) -> Graph {
    let variables = VARIABLES.map(str::to_owned).to_vec();
    Graph::new("random graph", "Random", variables, states, initial, edges)
        .expect("the parts fit together")
}
