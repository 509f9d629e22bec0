//! The running kernel, with one or two processes that do as they are told.

use super::puppet::{Message, Order, Said, Strings, obey, sigusr1};
use super::sys::{Errno, call, fork, number, wait};
use crate::programs::text;
use lifetimes::epoll_api::{Answer, Cast, Fd, File, Got, Kind, Name, Proc, State};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::ptr;

/// Where the pipes are: far from the numbers that the programs use.
const FAR: usize = 200;
/// How long a call may take. None of them waits.
const PATIENCE: i32 = 10_000;

/// The pipes to the processes, which are made anew for each program.
pub(super) struct Machine<'a> {
    cast: &'a Cast,
    /// The orders for P1 and for P2, and the answers: where they are read and written.
    orders: [(i64, i64); 2],
    answers: (i64, i64),
}

/// What runs of a program.
#[derive(Default)]
struct Running {
    pids: [Cell<Option<i64>>; 2],
}

impl<'a> Machine<'a> {
    /// Makes the pipes, and tries whether the kernel lets us do this at all: if not, why.
    pub(super) fn new(cast: &'a Cast) -> Result<Machine<'a>, String> {
        let cannot = |what: &str, error: Errno| format!("{what} fails on this machine: {error}");
        let pipe = || pipe().map_err(|error| cannot("pipe", error));
        let machine = Machine { cast, orders: [pipe()?, pipe()?], answers: pipe()? };
        let mask = sigusr1();
        let block = [number(libc::SIG_BLOCK.into()), ptr::from_ref(&mask) as usize, 0, 8, 0];
        call(libc::SYS_rt_sigprocmask, block).map_err(|error| cannot("sigprocmask", error))?;
        // A child whose parent has gone is ours to wait for.
        let subreaper = [number(libc::PR_SET_CHILD_SUBREAPER.into()), 1, 0, 0, 0];
        call(libc::SYS_prctl, subreaper).map_err(|error| cannot("prctl", error))?;
        let running = Running::default();
        let ready = machine.set_up(&running);
        Self::end(&running);
        ready.map(|()| machine)
    }

    /// Plays a program; the error is how many of its calls were made, and what the kernel answers to the last.
    pub(super) fn play(&self, states: &[&State]) -> Result<(), (usize, String)> {
        let running = Running::default();
        let played = self.set_up(&running).map_err(|error| (0, error)).and_then(|()| {
            let steps = states.iter().zip(states.iter().skip(1));
            steps.zip(1..).try_for_each(|((before, after), made)| {
                self.step(before, after, &running).map_err(|difference| (made, difference))
            })
        });
        Self::end(&running);
        played
    }

    /// Starts P1 and gives it the files that are there at first.
    fn set_up(&self, running: &Running) -> Result<(), String> {
        let pid = fork().map_err(|error| format!("fork fails on this machine: {error}"))?;
        if pid == 0 {
            // Without the other ends: when whoever gives the orders goes, so does the puppet.
            for fd in [self.orders[0].1, self.orders[1].1, self.answers.0] {
                let _ = call(libc::SYS_close, [number(fd), 0, 0, 0, 0]);
            }
            for fd in 3..100 {
                let _ = call(libc::SYS_close, [fd, 0, 0, 0, 0]);
            }
            obey(Strings {
                orders: self.orders[0].0,
                childs: self.orders[1].0,
                answers: self.answers.1,
            });
        }
        running.pids[0].set(Some(pid));
        let first = &self.cast.first;
        let counter = u64::from(!self.cast.calls.contains(&Name::Write));
        for (index, &(fd, file)) in first.iter().enumerate() {
            let before = first[..index].iter().find(|(_, known)| file.is_some() && *known == file);
            let message = match (before, file.map(Kind::of)) {
                (Some(&(first, _)), _) => Message(Order::Dup, [first.into(), 0, 0, 0]),
                (None, Some(Kind::Epoll)) => Message(Order::EpollCreate, [0; 4]),
                (None, Some(Kind::Signal)) => Message(Order::SignalFd, [0; 4]),
                (None, Some(Kind::Plain)) => Message(Order::MemFd, [0; 4]),
                // What is to be empty is closed below.
                (None, Some(Kind::Event) | None) => Message(Order::EventFd, [counter, 0, 0, 0]),
            };
            match self.tell("P1", message)?.value {
                Ok(made) if made == i64::from(fd) => {}
                Ok(made) => return Err(format!("the file for {fd} came as {made}")),
                Err(error) => {
                    return Err(format!("{:?} fails on this machine: {error}", message.0));
                }
            }
        }
        for &(fd, _) in first.iter().filter(|(_, file)| file.is_none()) {
            self.tell("P1", Message(Order::Close, [fd.into(), 0, 0, 0]))?;
        }
        Ok(())
    }

    /// Makes the call that leads from one state to the next.
    fn step(&self, before: &State, after: &State, running: &Running) -> Result<(), String> {
        let Some((by, name)) = after.call.made else { return Ok(()) };
        let answer = if name == Name::Exit {
            self.exit(by, running)?
        } else {
            let said = self.tell(by, self.message(before, by, name, &after.call.args))?;
            if let (Name::Fork, Ok(pid)) = (name, said.value) {
                running.pids[1].set(Some(pid));
            }
            self.answer(name, &said)
        };
        if answer == after.call.answer {
            return Ok(());
        }
        Err(format!("the kernel answers: {}", text::answer(name, &answer)))
    }

    fn message(&self, before: &State, by: Proc, name: Name, args: &[Fd]) -> Message {
        let arg = |n: usize| args.get(n).map_or(0, |&fd| u64::from(fd));
        let edge = u64::from(libc::EPOLLET.cast_unsigned());
        let data = || {
            let file = args.get(1).and_then(|&fd| before.at(by, fd));
            self.cast.first.iter().position(|(_, known)| *known == file).unwrap_or(0) as u64
        };
        let ctl = |order, flags| Message(order, [arg(0), arg(1), flags, data() << 32 | arg(1)]);
        let plain = |order| Message(order, [arg(0), arg(1), 0, 0]);
        match name {
            Name::CtlAdd => ctl(Order::Add, 0),
            Name::CtlAddEt => ctl(Order::Add, edge),
            Name::CtlMod => ctl(Order::Mod, 0),
            Name::CtlModEt => ctl(Order::Mod, edge),
            Name::CtlDel => ctl(Order::Del, 0),
            Name::EpollWait => plain(Order::Wait),
            Name::Close => plain(Order::Close),
            Name::Dup => plain(Order::Dup),
            Name::Dup2 => plain(Order::Dup2),
            Name::Fork => plain(Order::Fork),
            Name::Exit => plain(Order::Exit),
            Name::Write => plain(Order::Write),
            Name::Read => plain(Order::Read),
            Name::Kill => plain(Order::Kill),
        }
    }

    /// What the call said, in the words of the model.
    fn answer(&self, name: Name, said: &Said) -> Answer {
        let file = |data: &u64| -> Option<(File, Fd)> {
            let (_, file) = self.cast.first.get(usize::try_from(data >> 32).ok()?)?;
            Some(((*file)?, Fd::try_from(data & u64::from(u32::MAX)).ok()?))
        };
        match said.value {
            Err(errno) => {
                Answer { is: errno.name().unwrap_or("another errno"), got: BTreeSet::new() }
            }
            Ok(value) => {
                let got = match name {
                    Name::Dup | Name::Dup2 => {
                        Fd::try_from(value).ok().map(Got::Fd).into_iter().collect()
                    }
                    Name::Fork => BTreeSet::from([Got::Proc("P2")]),
                    Name::EpollWait => said
                        .events
                        .iter()
                        .filter_map(file)
                        .map(|(file, fd)| Got::Event(file, fd))
                        .collect(),
                    _ => BTreeSet::new(),
                };
                Answer { is: "ok", got }
            }
        }
    }

    /// Ends a process, and has its parent wait for it: P1, or whoever takes its children over.
    fn exit(&self, by: Proc, running: &Running) -> Result<Answer, String> {
        let index = usize::from(by != "P1");
        let pid = running.pids[index].take().ok_or("a process that is not there exits")?;
        Message(Order::Exit, [0; 4]).send(self.orders[index].1);
        let waited = if index == 1 && running.pids[0].get().is_some() {
            self.tell("P1", Message(Order::Reap, [pid.cast_unsigned(), 0, 0, 0]))?.value
        } else {
            wait(pid)
        };
        waited.map_err(|error| format!("wait4 fails: {error}"))?;
        Ok(Answer { is: "ok", got: BTreeSet::new() })
    }

    fn tell(&self, to: Proc, message: Message) -> Result<Said, String> {
        let sent = message.send(self.orders[usize::from(to != "P1")].1);
        let mut poll = libc::pollfd {
            fd: i32::try_from(self.answers.0).unwrap_or(-1),
            events: libc::POLLIN,
            revents: 0,
        };
        let time = libc::timespec { tv_sec: (PATIENCE / 1000).into(), tv_nsec: 0 };
        let waits = [ptr::from_mut(&mut poll) as usize, 1, ptr::from_ref(&time) as usize, 0, 0];
        let said = (sent && call(libc::SYS_ppoll, waits) == Ok(1))
            .then(|| Said::receive(self.answers.0))
            .flatten();
        said.ok_or_else(|| format!("{to} does not answer to {:?} within {PATIENCE} ms", message.0))
    }

    /// Ends whatever runs, and takes it away.
    fn end(running: &Running) {
        for pid in running.pids.iter().filter_map(Cell::take) {
            let _ = call(libc::SYS_kill, [number(pid), number(libc::SIGKILL.into()), 0, 0, 0]);
        }
        while wait(-1).is_ok() {}
    }
}

impl Drop for Machine<'_> {
    fn drop(&mut self) {
        for (read, write) in self.orders.into_iter().chain([self.answers]) {
            for fd in [read, write] {
                let _ = call(libc::SYS_close, [number(fd), 0, 0, 0, 0]);
            }
        }
    }
}

/// A pipe, far from the numbers that the programs use.
fn pipe() -> Result<(i64, i64), Errno> {
    let mut ends = [0_i32; 2];
    call(libc::SYS_pipe2, [ends.as_mut_ptr() as usize, 0, 0, 0, 0])?;
    let far = |fd: i32| {
        let moved = [number(fd.into()), number(libc::F_DUPFD.into()), FAR, 0, 0];
        let moved = call(libc::SYS_fcntl, moved);
        let _ = call(libc::SYS_close, [number(fd.into()), 0, 0, 0, 0]);
        moved
    };
    let (read, write) = (far(ends[0]), far(ends[1]));
    Ok((read?, write?))
}
