//! A program as a list of calls, each with its answer.

use lifetimes::epoll_api::{Answer, Fd, File, Got, Name, Rule, State, System};

/// The lines: what is there at first, then a call a line. Where two rules answer, the last line has both.
pub(super) fn program<'a>(system: &System, states: impl Iterator<Item = &'a State>) -> Vec<String> {
    let mut lines: Vec<String> = system
        .first()
        .fds
        .get("P1")
        .into_iter()
        .flatten()
        .filter_map(|(&fd, &file)| Some(format!("    {fd} = {}", origin(system, fd, file?))))
        .collect();
    for state in states {
        let Some((by, name)) = state.call.made else { continue };
        let mut line = format!(
            "{by}  {:<32} = {}",
            call(name, &state.call.args),
            answer(name, &state.call.answer)
        );
        if let (Some(other), Some(rule)) = (&state.call.other, system.other) {
            line = format!("{line:<50}   ({}: {})", said(rule), answer(name, other));
        }
        lines.push(line);
    }
    lines
}

/// The call that a number of the first table comes from.
fn origin(system: &System, fd: Fd, file: File) -> String {
    let first = system.cast.first.iter().find(|(_, known)| *known == Some(file));
    match first {
        Some((first, _)) if *first != fd => format!("dup({first})"),
        _ => match file {
            "a" | "b" => format!("eventfd({})", u8::from(system.first().ready.contains(file))),
            "s" => "signalfd(-1, SIGUSR1)".to_owned(),
            "r" => "memfd_create()".to_owned(),
            _ => "epoll_create1(0)".to_owned(),
        },
    }
}

/// The call as a program has it.
pub(super) fn call(name: Name, args: &[Fd]) -> String {
    let ctl = |op: &str, et: &str| match args {
        [ep, fd] => format!("epoll_ctl({ep}, EPOLL_CTL_{op}, {fd}{et})"),
        _ => String::new(),
    };
    let numbers: Vec<String> = args.iter().map(ToString::to_string).collect();
    let numbers = numbers.join(", ");
    match name {
        Name::CtlAdd => ctl("ADD", ""),
        Name::CtlAddEt => ctl("ADD", ", EPOLLET"),
        Name::CtlMod => ctl("MOD", ""),
        Name::CtlModEt => ctl("MOD", ", EPOLLET"),
        Name::CtlDel => ctl("DEL", ""),
        Name::Kill => "kill(getpid(), SIGUSR1)".to_owned(),
        Name::Exit => "exit(), and is waited for".to_owned(),
        _ => format!("{}({numbers})", name.word()),
    }
}

/// What it answers, as a program has it. An event is told by the number that it was added under.
pub(super) fn answer(name: Name, answer: &Answer) -> String {
    let got: Vec<String> = answer
        .got
        .iter()
        .map(|got| match *got {
            Got::Fd(fd) => fd.to_string(),
            Got::Proc(proc) => proc.to_owned(),
            Got::Event(_, fd) => format!("event of {fd}"),
        })
        .collect();
    match (answer.is, name) {
        ("ok", Name::EpollWait) if got.is_empty() => "no event".to_owned(),
        ("ok", _) if got.is_empty() => "0".to_owned(),
        ("ok", _) => got.join(", "),
        (errno, _) => errno.to_owned(),
    }
}

fn said(rule: Rule) -> &'static str {
    match rule {
        Rule::File => "every item of the file removed at close",
        Rule::Table => "removed at its adder's close",
        _ => "removed at close",
    }
}
