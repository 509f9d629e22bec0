//! A process under test: it makes the calls that it is told to, and says what they answered.

use super::sys::{Errno, call, fork, number, read_all, write_all};
use std::ptr;

/// What a puppet can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(super) enum Order {
    EpollCreate = 1,
    EventFd,
    SignalFd,
    MemFd,
    Close,
    Dup,
    Dup2,
    Add,
    Mod,
    Del,
    Wait,
    Write,
    Read,
    Kill,
    Fork,
    Reap,
    Exit,
}

const ORDERS: [Order; 17] = [
    Order::EpollCreate,
    Order::EventFd,
    Order::SignalFd,
    Order::MemFd,
    Order::Close,
    Order::Dup,
    Order::Dup2,
    Order::Add,
    Order::Mod,
    Order::Del,
    Order::Wait,
    Order::Write,
    Order::Read,
    Order::Kill,
    Order::Fork,
    Order::Reap,
    Order::Exit,
];

/// An order and its arguments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message(pub(super) Order, pub(super) [u64; 4]);

const WORDS: usize = 5;
const EVENTS: usize = 16;
const ANSWER: usize = 3 + EVENTS;

impl Message {
    pub(super) fn send(self, fd: i64) -> bool {
        let Message(order, [a, b, c, d]) = self;
        write_all(fd, &words([order as u64, a, b, c, d]))
    }

    fn receive(fd: i64) -> Option<Message> {
        let mut bytes = [0; WORDS * 8];
        if !read_all(fd, &mut bytes) {
            return None;
        }
        let word =
            |n: usize| u64::from_ne_bytes(bytes[n * 8..][..8].try_into().unwrap_or_default());
        let order = ORDERS.into_iter().find(|order| *order as u64 == word(0))?;
        Some(Message(order, [word(1), word(2), word(3), word(4)]))
    }
}

/// What a puppet's call answered: its value or its errno, and the events that came with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) value: Result<i64, Errno>,
    pub(super) events: Vec<u64>,
}

impl Said {
    pub(super) fn receive(fd: i64) -> Option<Said> {
        let mut bytes = [0; ANSWER * 8];
        if !read_all(fd, &mut bytes) {
            return None;
        }
        let word =
            |n: usize| i64::from_ne_bytes(bytes[n * 8..][..8].try_into().unwrap_or_default());
        let value = match i32::try_from(word(0)) {
            Ok(0) => Ok(word(1)),
            Ok(errno) => Err(Errno(errno)),
            Err(_) => return None,
        };
        let count = usize::try_from(word(2)).ok()?.min(EVENTS);
        Some(Said { value, events: (3..3 + count).map(|n| word(n).cast_unsigned()).collect() })
    }

    fn send(&self, fd: i64) -> bool {
        let (errno, value) = match self.value {
            Ok(value) => (0, value.cast_unsigned()),
            Err(Errno(errno)) => (u64::from(errno.unsigned_abs()), 0),
        };
        let mut message = [0; ANSWER];
        message[..3].copy_from_slice(&[errno, value, self.events.len() as u64]);
        message[3..3 + self.events.len()].copy_from_slice(&self.events);
        write_all(fd, &words(message))
    }
}

fn words<const N: usize>(words: [u64; N]) -> Vec<u8> {
    words.into_iter().flat_map(u64::to_ne_bytes).collect()
}

/// A puppet's ends of the pipes: the orders for itself and for a child that it forks, and the answers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strings {
    pub(super) orders: i64,
    pub(super) childs: i64,
    pub(super) answers: i64,
}

/// Obeys until there are no more orders.
pub(super) fn obey(mut strings: Strings) -> ! {
    while let Some(Message(order, args)) = Message::receive(strings.orders) {
        if order == Order::Exit {
            break;
        }
        let said = if order == Order::Fork {
            let forked = fork();
            if forked == Ok(0) {
                // The parent answers for both.
                strings.orders = strings.childs;
                continue;
            }
            Said { value: forked, events: Vec::new() }
        } else {
            act(order, args)
        };
        if !said.send(strings.answers) {
            break;
        }
    }
    loop {
        // It does not come back.
        let _ = call(libc::SYS_exit_group, [0; 5]);
    }
}

fn act(order: Order, args: [u64; 4]) -> Said {
    let [a, b, ..] = args.map(|arg| number(arg.cast_signed()));
    let mut events = Vec::new();
    let flag = |flag: i32| number(flag.into());
    let ctl = |op: i32| {
        let [_, _, flags, data] = args;
        let mut event = libc::epoll_event {
            events: libc::EPOLLIN.cast_unsigned() | u32::try_from(flags).unwrap_or(0),
            u64: data,
        };
        call(libc::SYS_epoll_ctl, [a, flag(op), b, ptr::from_mut(&mut event) as usize, 0])
    };
    let value = match order {
        Order::EpollCreate => call(libc::SYS_epoll_create1, [0; 5]),
        Order::EventFd => call(libc::SYS_eventfd2, [a, flag(libc::EFD_NONBLOCK), 0, 0, 0]),
        Order::SignalFd => {
            let mask = sigusr1();
            let flags = flag(libc::SFD_NONBLOCK);
            call(libc::SYS_signalfd4, [number(-1), ptr::from_ref(&mask) as usize, 8, flags, 0])
        }
        Order::MemFd => call(libc::SYS_memfd_create, [c"regular".as_ptr() as usize, 0, 0, 0, 0]),
        Order::Close => call(libc::SYS_close, [a, 0, 0, 0, 0]),
        Order::Dup => call(libc::SYS_dup, [a, 0, 0, 0, 0]),
        Order::Dup2 => call(libc::SYS_dup3, [a, b, 0, 0, 0]),
        Order::Add => ctl(libc::EPOLL_CTL_ADD),
        Order::Mod => ctl(libc::EPOLL_CTL_MOD),
        Order::Del => ctl(libc::EPOLL_CTL_DEL),
        Order::Wait => {
            let mut found = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
            let room = [a, found.as_mut_ptr() as usize, EVENTS, 0, 0];
            let count = call(libc::SYS_epoll_pwait, room);
            let count_found = usize::try_from(count.unwrap_or(0)).unwrap_or(0);
            events.extend(found.iter().take(count_found).map(|event| event.u64));
            count
        }
        Order::Write => {
            let one = 1_u64;
            call(libc::SYS_write, [a, ptr::from_ref(&one) as usize, 8, 0, 0])
        }
        Order::Read => {
            let mut space = [0_u8; 128];
            call(libc::SYS_read, [a, space.as_mut_ptr() as usize, space.len(), 0, 0])
        }
        Order::Kill => match call(libc::SYS_getpid, [0; 5]) {
            Ok(pid) => call(libc::SYS_kill, [number(pid), flag(libc::SIGUSR1), 0, 0, 0]),
            error => error,
        },
        Order::Reap => call(libc::SYS_wait4, [a, 0, 0, 0, 0]),
        Order::Fork | Order::Exit => Err(Errno(libc::ENOSYS)),
    };
    Said { value, events }
}

/// The kernel's signal set of SIGUSR1 alone.
pub(super) fn sigusr1() -> u64 {
    1 << (libc::SIGUSR1 - 1)
}
