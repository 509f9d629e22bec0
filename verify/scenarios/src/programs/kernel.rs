//! The calls made on the running kernel.

use super::Program;
use super::search::Search;
use crate::record::{Budget, Record};

#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod puppet;
#[cfg(target_os = "linux")]
mod sys;

/// Makes every call in every state, and holds the kernel's answer against the mirror's.
#[cfg(target_os = "linux")]
pub(super) fn run(program: &Program, search: &Search, budget: Budget, record: &mut Record) {
    use crate::record::Violation;
    use machine::Machine;

    let cast = &program.system.cast;
    let machine = match Machine::new(cast) {
        Ok(machine) => machine,
        Err(reason) => {
            record.skipped = Some(reason);
            return;
        }
    };
    let mut differs = None;
    let mut play = |way: &[usize]| {
        let states: Vec<_> = way.iter().map(|&node| &search.states[node]).collect();
        match machine.play(&states) {
            Ok(()) => true,
            Err((made, difference)) => {
                let played = states.into_iter().take(made + 1);
                let mut lines = super::text::program(&program.system, played);
                lines.push(difference);
                differs.get_or_insert(lines.join("\n"));
                false
            }
        }
    };
    let programs = search.programs();
    let step = if budget == Budget::Quick { 10 } else { 1 };
    let chosen = programs.iter().step_by(step);
    let count = chosen.len();
    for way in chosen {
        if !play(way) {
            break;
        }
    }
    program.enter_laws(search, record, &mut play);
    record.executions = count as u64;
    record.bound = match budget {
        Budget::Quick => format!("one in {step} of {} programs", programs.len()),
        _ => format!("every call in every state: {} calls", search.edges.len()),
    };
    // What the mirror found says nothing of a kernel that answers otherwise.
    if let Some(detail) = differs {
        record.violations = vec![Violation { property: "KernelAnswers".to_owned(), detail }];
        record.witnesses.clear();
        record.programs.clear();
    }
}

/// There are no epolls.
#[cfg(not(target_os = "linux"))]
pub(super) fn run(_: &Program, _: &Search, _: Budget, record: &mut Record) {
    record.skipped = Some(format!("epoll is Linux's, and this is {}", std::env::consts::OS));
}
