//! Graphs are brought into canonical form, measured, searched and compared.

mod common;

use common::{build, chain, dumped, edge, parts};
use lockstep::graph::{Edge, Graph, GraphError, Schedules};
use lockstep::value::Value;
use proptest::prelude::*;

#[test]
fn the_parts_of_a_graph_must_fit_together() {
    let new =
        |variables: &[&str], states: &[&[i64]], initial: &[usize], edges: &[(usize, usize)]| {
            let variables = variables.iter().map(ToString::to_string).collect();
            let state = |values: &&[i64]| values.iter().map(|value| Value::Int(*value)).collect();
            let states = states.iter().map(state).collect();
            let edges = edges.iter().map(|(from, to)| edge(*from, "A", *to)).collect();
            Graph::new("g", "G", variables, states, initial.to_vec(), edges)
        };
    let x = &["x"];
    let told = [
        new(x, &[], &[], &[]),
        new(x, &[&[1]], &[], &[]),
        new(&["x y"], &[&[1]], &[0], &[]),
        new(&["x", "y", "x"], &[&[1, 2, 3]], &[0], &[]),
        new(x, &[&[1], &[1, 2]], &[0], &[]),
        new(x, &[&[1]], &[1], &[]),
        new(x, &[&[1]], &[0], &[(0, 7)]),
        new(x, &[&[1], &[2], &[1]], &[0], &[(0, 1), (1, 2)]),
        new(x, &[&[1], &[2], &[3]], &[0], &[(0, 1), (2, 1)]),
    ]
    .map(|result| result.expect_err("the parts do not fit"));
    let expected = [
        GraphError::NoInitialState,
        GraphError::NoInitialState,
        GraphError::VariableName("x y".to_owned()),
        GraphError::RepeatedVariable("x".to_owned()),
        GraphError::Arity { node: 1, found: 2, variables: 1 },
        GraphError::UnknownState(1),
        GraphError::UnknownState(7),
        GraphError::RepeatedState(0, 2),
        GraphError::Unreachable(2),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_state_that_does_not_exist_has_nothing() {
    let graph = chain(&[(0, "A", 1)]);
    for node in [2, usize::MAX] {
        assert!(graph.successors(node).is_empty());
        assert_eq!(graph.value(node, "n"), None);
        assert_eq!(graph.reached_by(node), None);
        assert_eq!(graph.describe(node), "");
        assert!(graph.path_to(node).is_empty());
    }
    assert_eq!(graph.value(0, "m"), None);
}

#[test]
fn the_maximal_paths_are_counted() {
    let diamond = chain(&[(0, "A", 1), (0, "B", 2), (1, "B", 3), (2, "A", 3)]);
    assert_eq!(diamond.stats().schedules, Schedules::Exact(2));
    let two_ways = chain(&[(0, "A", 1), (0, "B", 1), (1, "A", 2), (1, "B", 2)]);
    assert_eq!(two_ways.stats().schedules, Schedules::Exact(4));
    let alone = chain(&[]);
    assert_eq!(alone.stats().schedules, Schedules::Exact(1));
    let cycle = chain(&[(0, "A", 1), (1, "A", 0), (1, "B", 2)]);
    assert_eq!(cycle.stats().schedules, Schedules::Cyclic);
    let to_itself = chain(&[(0, "A", 1), (1, "A", 1)]);
    assert_eq!(to_itself.stats().schedules, Schedules::Cyclic);
    let doubling = |steps: usize| -> Vec<_> {
        (0..steps).flat_map(|n| [(n, "A", n + 1), (n, "B", n + 1)]).collect()
    };
    assert_eq!(chain(&doubling(127)).stats().schedules, Schedules::Exact(1 << 127));
    assert_eq!(chain(&doubling(128)).stats().schedules, Schedules::Overflow);
}

#[test]
fn the_depth_is_that_of_the_shortest_paths() {
    let graph = chain(&[(0, "A", 1), (1, "A", 2), (2, "A", 3), (0, "B", 3)]);
    assert_eq!(graph.stats().depth, 3);
    assert_eq!(graph.stats().terminal, 1);
}

#[test]
fn a_shortest_trace_leads_to_a_state_with_the_property() {
    let graph = dumped("Refs");
    let count = graph.variable("count").expect("the variable is there");
    let freed = graph.variable("freed").expect("the variable is there");
    let trace = graph
        .shortest_trace(|state| state[count] == 1.into() && state[freed] == true.into())
        .expect("the getter can come too late");
    let labels: Vec<_> = trace.iter().filter_map(|(edge, _)| edge.map(Edge::label)).collect();
    assert_eq!(labels, ["G1", "C1", "C2", "G2"]);
}

#[test]
fn graphs_with_the_same_behaviour_have_no_difference() {
    let graph = dumped("Refs");
    assert_eq!(graph.diff(&graph), None);
    let renamed = Graph::new(
        "other",
        "Other",
        graph.variables().to_vec(),
        graph.states().to_vec(),
        graph.initial().to_vec(),
        graph.edges().to_vec(),
    )
    .expect("the parts fit");
    assert_eq!(graph.diff(&renamed), None);
}

#[test]
fn params_are_compared_only_where_both_graphs_have_them() {
    let with = |param: Option<&str>| {
        let param = param.map(str::to_owned);
        let edge = Edge { from: 0, to: 1, action: "A".to_owned(), param };
        let states = vec![vec![0.into()], vec![1.into()]];
        Graph::new("g", "G", vec!["n".to_owned()], states, vec![0], vec![edge]).expect("it fits")
    };
    assert_eq!(with(None).diff(&with(Some("t1"))), None);
    assert_eq!(with(Some("t1")).diff(&with(None)), None);
    assert!(with(Some("t1")).diff(&with(Some("t2"))).is_some());
}

#[test]
fn the_first_difference_is_told_with_the_way_to_it() {
    let base = chain(&[(0, "A", 1), (1, "B", 2)]);
    let state = |n: i64| vec![Value::Int(n), Value::from("idle")];
    let wide = |names: &[&str]| {
        let names = names.iter().map(ToString::to_string).collect();
        Graph::new("g", "G", names, vec![state(0)], vec![0], vec![]).expect("it fits")
    };
    let two_starts = |initial: &[usize]| {
        let states = vec![vec![0.into()], vec![1.into()], vec![2.into()]];
        let edges = vec![edge(0, "A", 1), edge(1, "B", 2)];
        Graph::new("g", "G", vec!["n".to_owned()], states, initial.to_vec(), edges)
            .expect("it fits")
    };
    let others = [
        wide(&["n", "pc"]),
        chain(&[(0, "A", 1)]),
        chain(&[(0, "A", 1), (1, "B", 2), (0, "C", 3)]),
        two_starts(&[0, 2]),
        chain(&[(0, "A", 1), (1, "C", 2)]),
        chain(&[(0, "A", 1), (1, "B", 2), (2, "D", 0)]),
    ];
    let told: Vec<_> =
        others.iter().map(|other| base.diff(other).expect("the graphs differ")).collect();
    insta::assert_snapshot!(told.join("\n\n"));
    assert_eq!(
        wide(&["n", "pc"]).diff(&wide(&["m", "pc"])).as_deref(),
        Some("the variables differ: n only here; m only there")
    );
}

proptest! {
    #[test]
    fn the_order_of_the_parts_does_not_matter(
        parts in parts(),
        keys in proptest::collection::vec(any::<u32>(), 20),
    ) {
        let graph = build(parts.clone());
        let (states, initial, mut edges) = parts;
        let mut order: Vec<usize> = (0..states.len()).collect();
        order.sort_by_key(|node| keys[*node]);
        let number = |old: usize| order.iter().position(|node| *node == old).unwrap_or_default();
        for edge in &mut edges {
            edge.from = number(edge.from);
            edge.to = number(edge.to);
        }
        edges.reverse();
        let initial = initial.into_iter().rev().map(number).collect();
        let states = order.iter().map(|old| states[*old].clone()).collect();
        let shuffled = build((states, initial, edges));
        prop_assert_eq!(graph.diff(&shuffled), None);
        prop_assert_eq!(graph, shuffled);
    }

    #[test]
    fn canonical_form_keeps_its_promises(parts in parts()) {
        let (states, initial, edges) = parts.clone();
        let graph = build(parts);
        prop_assert_eq!(graph.states().len(), states.len());
        prop_assert_eq!(graph.initial().to_vec(), (0..initial.len()).collect::<Vec<_>>());
        prop_assert!(graph.edges().len() <= edges.len());
        let key = |edge: &Edge| (edge.from, edge.action.clone(), edge.param.clone(), edge.to);
        prop_assert!(graph.edges().is_sorted_by(|a, b| key(a) < key(b)));
        let mut next = initial.len();
        for edge in graph.edges() {
            prop_assert!(edge.to <= next, "a state is numbered when it is first reached");
            next = next.max(edge.to + 1);
        }
        let distances: Vec<_> = (0..states.len()).map(|node| graph.path_to(node).len()).collect();
        prop_assert!(distances.is_sorted(), "states are numbered breadth-first");
        prop_assert!(graph.edges().iter().all(|e| distances[e.to] <= distances[e.from] + 1));
        prop_assert_eq!(graph.stats().depth, distances[states.len() - 1]);
    }
}
