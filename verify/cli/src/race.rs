//! The race of a claim as a diagram: from a run of the code, or from TLC's counterexample.

use crate::models::{ModelReport, NO_DEADLOCK, SpecState, SpecTrace};
use crate::protocol::{PassReport, TraceStep};
use lockstep::diagram::{Diagram, Step};
use std::collections::BTreeMap;
use tlc::TraceEnd;

/// The steps of a module in the words of the system that it models, by label.
pub(crate) type Words = BTreeMap<String, String>;

/// What a ghost is called that says what is no longer there, and what of it was used all the same.
const GONE: [&str; 2] = ["freed", "released"];
const USED: &str = "uaf";

/// Whether the pass's way to `property` ends where something breaks.
///
/// The code tells a use after a free by the order of the accesses, so it may tell at the free of a use that came
/// before and is not ordered with it. The shortest way then ends there, and as a sequence it is harmless. And a step
/// that waits for ever is none that the code has done.
pub(crate) fn shows(property: &str, report: &PassReport) -> bool {
    if property == NO_DEADLOCK {
        return false;
    }
    let trace = report.traces.iter().find(|trace| trace.property == property);
    let Some(last) = trace.and_then(|trace| trace.steps.last()) else { return false };
    let changed = |ghost: &str| {
        let names = last.notes.iter().filter_map(|note| note.split([' ', '.', '[']).next());
        names.into_iter().any(|name| name == ghost)
    };
    property != "NoUseAfterFree" || changed(USED) || !GONE.into_iter().any(changed)
}

/// The diagram of the way to `property` as the code took it, if the pass kept one.
pub(crate) fn from_code(title: &str, property: &str, report: &PassReport) -> Option<Diagram> {
    let trace = &report.traces.iter().find(|trace| trace.property == property)?.steps;
    if trace.is_empty() {
        return None;
    }
    let mut diagram = Diagram::new(title, columns(trace));
    for step in trace {
        diagram.steps.push(Step {
            column: step.thread,
            text: if step.text.is_empty() { step.label.clone() } else { step.text.clone() },
            notes: step.notes.clone(),
            fatal: step.fatal.clone(),
        });
    }
    mark_the_last(&mut diagram, property);
    let footer = format!(
        "from a run of the code: scenario {}, shuttle's {} pass",
        report.scenario, report.pass
    );
    Some(diagram.footer(footer))
}

/// A column for every thread up to the last that takes part, by its name where it has one.
fn columns(trace: &[TraceStep]) -> Vec<String> {
    let names: BTreeMap<usize, &str> =
        trace.iter().map(|step| (step.thread, step.name.as_str())).collect();
    let last = names.keys().next_back().copied().unwrap_or(0);
    let name = |thread| match names.get(&thread) {
        Some(name) if !name.is_empty() => format!("CPU{thread}: {name}"),
        _ => format!("CPU{thread}"),
    };
    (0..=last).map(name).collect()
}

/// The shortest program that shows the property broken or possible, if the pass kept one.
pub(crate) fn program(title: &str, property: &str, report: &PassReport) -> Option<String> {
    let found = report.programs.iter().find(|program| program.property == property)?;
    let made = match report.pass.as_str() {
        "kernel" => "found by the mirror, and played on the running kernel",
        _ => "found by the mirror",
    };
    let lines: Vec<String> = found.lines.iter().map(|line| format!("  {line}")).collect();
    Some(format!(
        "{title}\n\n{}\n\na shortest program of scenario {}: {made}\n",
        lines.join("\n"),
        report.scenario
    ))
}

/// The diagram of TLC's counterexample, with how it goes on after its last state.
pub(crate) fn from_spec(
    title: &str,
    property: &str,
    report: &ModelReport,
    words: &Words,
) -> Option<Diagram> {
    let SpecTrace { states, end } = report.trace.as_ref()?;
    let processes: Vec<&str> =
        states.first()?.pc.iter().map(|(process, _)| process.as_str()).collect();
    let names = processes.iter().enumerate().map(|(cpu, name)| format!("CPU{cpu}: {name}"));
    // A module that is not PlusCal has no pc: its steps are nobody's, in one column.
    let columns: Vec<String> =
        if processes.is_empty() { vec!["steps".to_owned()] } else { names.collect() };
    let mut diagram = Diagram::new(title, columns);
    let mut draw = |before: &SpecState, after: &SpecState, label: &str| {
        let column = mover(before, after, label).unwrap_or(0);
        let (text, notes) = match call(after) {
            Some(call) => (call, Vec::new()),
            None => (in_words(label, words), changes(before, after)),
        };
        diagram.steps.push(Step { column, text, notes, fatal: None });
    };
    for pair in states.windows(2) {
        draw(&pair[0], &pair[1], &pair[1].action);
    }
    let last = states.last()?;
    let back = match *end {
        TraceEnd::BackTo(to) => states.get(to).map(|state| (to, state)),
        TraceEnd::Finite | TraceEnd::Stuttering => None,
    };
    if let Some((to, first)) = back {
        // Which step goes back is not kept; it is the one before which stands who does it.
        let label = mover(last, first, "").map(|mover| last.pc[mover].1.as_str());
        draw(last, first, label.unwrap_or("..."));
        // The steps are counted from 1, and the first leads to the second state.
        diagram.steps[to].fatal = Some("again and again from here".to_owned());
        let footer = format!("{property}: and so on for ever, from step {}, marked", to + 1);
        diagram = diagram.footer(footer);
    } else if *end == TraceEnd::Stuttering {
        diagram = diagram.footer(format!("{property}: nobody moves again"));
    } else {
        if property == NO_DEADLOCK {
            diagram.steps.extend(blocked(last, words));
        }
        mark_the_last(&mut diagram, property);
    }
    let footer = format!("from the spec: TLC's counterexample of model {}", report.name);
    Some(diagram.footer(footer))
}

/// The steps before which the processes stand that have not ended.
fn blocked(state: &SpecState, words: &Words) -> Vec<Step> {
    let stuck = state.pc.iter().enumerate().filter(|(_, (_, label))| label != "Done");
    let step = |(column, (_, label)): (usize, &(String, String))| {
        Step::new(column, in_words(label, words)).note("waits for ever")
    };
    stuck.map(step).collect()
}

/// Who moved: whose `pc` changed, or else who stood before the step and does so again.
fn mover(before: &SpecState, after: &SpecState, label: &str) -> Option<usize> {
    let mut both = before.pc.iter().zip(&after.pc);
    let moved = both.position(|((_, old), (_, new))| old != new);
    moved.or_else(|| before.pc.iter().position(|(_, at)| at == label))
}

/// The step in the system's words, else its label.
fn in_words(label: &str, words: &Words) -> String {
    words.get(label).cloned().unwrap_or_else(|| label.to_owned())
}

/// The call that the state says led to it, in a spec whose steps are calls: who makes it, what it answers, and what
/// the other rule answers where it differs.
fn call(state: &SpecState) -> Option<String> {
    let part = |name: &str| {
        let known =
            state.variables.iter().find(|(known, _)| known.strip_prefix("call.") == Some(name));
        known.map(|(_, value)| value.as_str())
    };
    let args = part("args")?.trim_matches(['<', '>']);
    let answer = format!("{} {}", part("is")?, part("got")?.replace("{}", ""));
    let other = match part("other")? {
        "<<>>" => String::new(),
        other => format!(", or {}", other.trim_start_matches("<<").trim_end_matches(">>")),
    };
    Some(format!("{} {}({args}) = {}{other}", part("by")?, part("name")?, answer.trim_end()))
}

fn changes(before: &SpecState, after: &SpecState) -> Vec<String> {
    let old: BTreeMap<&str, &str> =
        before.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let change = |(name, value): &(String, String)| match old.get(name.as_str()) {
        Some(old) if old == value => None,
        Some(old) => Some(format!("{name} {old} -> {value}")),
        None => Some(format!("{name} = {value}")),
    };
    after.variables.iter().filter_map(change).collect()
}

/// The last step is where it breaks, or what was to be reached.
fn mark_the_last(diagram: &mut Diagram, property: &str) {
    let marked = diagram.steps.iter().any(|step| step.fatal.is_some());
    if let (false, Some(last)) = (marked, diagram.steps.last_mut()) {
        last.fatal = Some(property.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up;
    use crate::protocol::{Listing, Trace};

    fn step(thread: usize, name: &str, text: &str, notes: &[&str]) -> TraceStep {
        TraceStep {
            thread,
            name: name.to_owned(),
            text: text.to_owned(),
            notes: notes.iter().map(|&note| note.to_owned()).collect(),
            ..TraceStep::default()
        }
    }

    fn model(name: &str, states: Vec<SpecState>) -> ModelReport {
        let trace = Some(SpecTrace { states, end: TraceEnd::Finite });
        ModelReport { name: name.to_owned(), trace, ..made_up::model() }
    }

    fn report() -> PassReport {
        PassReport {
            scenario: "epoll-2023".to_owned(),
            pass: "cached".to_owned(),
            traces: vec![Trace {
                property: "NoResurrect".to_owned(),
                steps: vec![
                    step(1, "waiter", "mutex_lock(ep->mtx)", &[]),
                    step(0, "closer", "fput()", &["f_count 1 -> 0"]),
                    step(1, "waiter", "get_file()", &["f_count 0 -> 1"]),
                ],
            }],
            ..PassReport::default()
        }
    }

    #[test]
    fn the_code_s_trace_is_drawn_with_its_last_step_marked() {
        let diagram = from_code("count.resurrect", "NoResurrect", &report()).unwrap();
        insta::assert_snapshot!(diagram);
    }

    #[test]
    fn a_program_is_a_list_of_calls() {
        let lines = ["    3 = epoll_create1(0)", "P1  close(3)      = 0"];
        let report = PassReport {
            scenario: "api-dup-number".to_owned(),
            pass: "kernel".to_owned(),
            programs: vec![Listing {
                property: "SameAnswers".to_owned(),
                lines: lines.map(str::to_owned).to_vec(),
            }],
            ..PassReport::default()
        };
        insta::assert_snapshot!(program("epoll.x: dup", "SameAnswers", &report).unwrap());
        assert!(program("t", "TypeOK", &report).is_none());
    }

    #[test]
    fn a_spec_of_calls_is_drawn_by_its_calls() {
        let state = |parts: [&str; 6]| SpecState {
            action: "EpollWait".to_owned(),
            pc: Vec::new(),
            variables: ["by", "name", "args", "is", "got", "other"]
                .into_iter()
                .zip(parts)
                .map(|(name, value)| (format!("call.{name}"), value.to_owned()))
                .collect(),
        };
        let states = [
            state(["", "", "<<>>", "", "{}", "<<>>"]),
            state(["P1", "close", "<<4>>", "ok", "{}", "<<>>"]),
            state(["P1", "epoll_wait", "<<3>>", "ok", "{<<\"a\", 4>>}", "<<\"ok\", {}>>"]),
        ];
        let report = model("api-dup-number", states.to_vec());
        insta::assert_snapshot!(from_spec("t", "SameAnswers", &report, &Words::new()).unwrap());
    }

    #[test]
    fn a_trace_of_something_else_is_not_drawn() {
        assert!(from_code("t", "ReleasedOnce", &report()).is_none());
    }

    #[test]
    fn tlc_s_counterexample_is_drawn_by_whose_pc_changed() {
        let state = |action: &str, closer: &str, waiter: &str, count: &str| SpecState {
            action: action.to_owned(),
            pc: vec![
                ("closer".to_owned(), closer.to_owned()),
                ("waiter".to_owned(), waiter.to_owned()),
            ],
            variables: vec![
                ("file.count".to_owned(), count.to_owned()),
                ("mtx".to_owned(), "Free".to_owned()),
            ],
        };
        let states = [
            state("Init", "fput", "get_file", "1"),
            state("fput", "release", "get_file", "0"),
            state("get_file", "release", "Done", "1"),
        ];
        let report = model("epoll-2023", states.to_vec());
        let words = Words::from([("fput".to_owned(), "fput(file)".to_owned())]);
        let diagram = from_spec("count.resurrect", "NoResurrect", &report, &words).unwrap();
        insta::assert_snapshot!(diagram);
        assert!(from_spec("t", "P", &model("m", Vec::new()), &words).is_none());
    }
}
