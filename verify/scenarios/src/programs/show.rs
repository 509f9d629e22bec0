//! States as the spec shows them.

use super::search::Search;
use lifetimes::epoll_api::{Answer, Fd, File, Got, Item, Items, Key, Proc, Run, State};
use lockstep::graph::{Edge, Graph, GraphError};
use lockstep::value::Value;
use std::collections::{BTreeSet, HashMap, HashSet};

const VARIABLES: [&str; 9] =
    ["run", "fds", "ready", "pend", "items", "others", "call", "added", "signalled"];

/// The graph of the mirror, as TLC would have written it.
pub(super) fn graph(name: &str, search: &Search) -> Result<Graph, GraphError> {
    let action = |node: usize| {
        search.states[node].call.made.map_or("Init", |(_, name)| name.action()).to_owned()
    };
    let edge = |&(from, to): &(usize, usize)| Edge { from, to, action: action(to), param: None };
    Graph::new(
        name,
        "EpollApi",
        VARIABLES.map(str::to_owned).to_vec(),
        search.states.iter().map(values).collect(),
        vec![0],
        search.edges.iter().map(edge).collect(),
    )
}

/// How much of the spec's graph the code has, and what it has beyond.
pub(super) struct Same {
    pub(super) states: u64,
    pub(super) edges: u64,
    pub(super) extra: u64,
}

pub(super) fn compare(spec: &Graph, code: &Graph) -> Same {
    let numbers: HashMap<_, _> = spec.states().iter().zip(0_usize..).collect();
    let node = |state: usize| numbers.get(&code.states()[state]).copied();
    let has = |edge: &&Edge| Some((node(edge.from)?, node(edge.to)?, edge.action.clone()));
    let found: HashSet<_> = code.edges().iter().filter_map(|edge| has(&edge)).collect();
    let known: HashSet<_> =
        spec.edges().iter().map(|edge| (edge.from, edge.to, edge.action.clone())).collect();
    let both = known.intersection(&found).count() as u64;
    Same {
        states: code.states().iter().filter(|state| numbers.contains_key(state)).count() as u64,
        edges: both,
        extra: code.edges().len() as u64 - both,
    }
}

/// The values of [`VARIABLES`].
fn values(state: &State) -> Vec<Value> {
    let run = |(&proc, run): (&Proc, &Run)| (proc, run_word(*run));
    let number = |(&fd, &file): (&Fd, &Option<File>)| (fd, file.unwrap_or("-"));
    let call = &state.call;
    let other = match &call.other {
        Some(Answer { is, got }) => Value::seq([Value::from(*is), gots(got)]),
        None => Value::seq(Vec::<Value>::new()),
    };
    let (by, name) = call.made.map_or(("", ""), |(by, name)| (by, name.word()));
    vec![
        Value::function(state.run.iter().map(run)),
        Value::function(
            state
                .fds
                .iter()
                .map(|(&proc, table)| (proc, Value::function(table.iter().map(number)))),
        ),
        Value::set(state.ready.iter().copied()),
        Value::set(state.pend.iter().copied()),
        items(&state.items),
        items(&state.others),
        Value::record([
            ("by", by.into()),
            ("name", name.into()),
            ("args", Value::seq(call.args.iter().copied())),
            ("is", call.answer.is.into()),
            ("got", gots(&call.answer.got)),
            ("other", other),
            ("gone", keys(&call.gone)),
            ("had", call.had.into()),
        ]),
        keys(&state.added),
        Value::set(state.signalled.iter().copied()),
    ]
}

fn run_word(run: Run) -> &'static str {
    match run {
        Run::No => "no",
        Run::Run => "run",
        Run::Gone => "gone",
    }
}

fn items(items: &Items) -> Value {
    let item = |item: &Item| {
        Value::record([
            ("ep", Value::from(item.ep)),
            ("file", item.file.into()),
            ("fd", item.fd.into()),
            ("et", item.et.into()),
            ("on", item.on.into()),
            ("by", item.by.unwrap_or("-").into()),
        ])
    };
    Value::set(items.iter().map(item))
}

fn keys(keys: &BTreeSet<Key>) -> Value {
    let key = |&(ep, file, fd): &Key| Value::seq([Value::from(ep), file.into(), fd.into()]);
    Value::set(keys.iter().map(key))
}

fn gots(gots: &BTreeSet<Got>) -> Value {
    let got = |got: &Got| match *got {
        Got::Fd(fd) => fd.into(),
        Got::Proc(proc) => proc.into(),
        Got::Event(file, fd) => Value::seq([Value::from(file), fd.into()]),
    };
    Value::set(gots.iter().map(got))
}
