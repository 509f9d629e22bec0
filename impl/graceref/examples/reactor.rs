//! A reactor: one epoll, several threads that handle its events, and others that close connections at random.
//!
//! Shows: `epoll_event.data` is the connection's [`Key`](graceref::Key). An event may be handled long after its
//! connection was closed: it was in another thread's batch, or the open file lived on in a copy of the descriptor
//! (`dup`, `fork`), and epoll goes on reporting it. By then the descriptor's number, and the memory, are another
//! connection's. [`Pool::get`](graceref::Pool::get) makes a reference of the key or refuses; the event path takes no lock
//! and asks nobody.
//!
//! Proves, at the end of each run, from what was noted of each event: none reached another connection than the one
//! it was about; those of closed connections were refused (there were some: now and then a copy of the descriptor is
//! left behind); every connection that was opened was released exactly once. And as a check of the check: had the
//! events carried descriptor numbers, as they usually do, some would have reached another connection.
//!
//! Options: `--rounds N` (what each closer does), `--seed N`.

mod common;

#[cfg(not(target_os = "linux"))]
fn main() {
    let _ = (common::option, common::Random::new, common::Proof::default);
    println!("epoll is Linux's: nothing to show here");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    reactor::main()
}

#[cfg(target_os = "linux")]
mod reactor {
    use crate::common::{Proof, Random, option};
    use graceref::{Key, Pool, Ref};
    use rustix::buffer::spare_capacity;
    use rustix::event::{Timespec, epoll};
    use rustix::fd::{AsRawFd, OwnedFd};
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
    use rustix::net::{recv, send, socketpair};
    use std::collections::{BTreeSet, HashMap};
    use std::process::ExitCode;
    use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};
    use std::sync::{Mutex, mpsc};
    use std::thread;
    use std::time::Instant;

    const REACTORS: usize = 3;
    const CLOSERS: usize = 2;
    /// Connections that are open at a time.
    const OPEN: usize = 64;
    /// Copies of closed descriptors that each closer keeps for a while.
    const COPIES: usize = 32;

    /// Our end of a connection. Dropping it closes the socket.
    struct Connection<'a> {
        socket: OwnedFd,
        id: usize,
        /// How often each connection was released, by its id.
        released: &'a [AtomicU32],
    }

    impl Drop for Connection<'_> {
        fn drop(&mut self) {
            self.released[self.id].fetch_add(1, Relaxed);
        }
    }

    /// A client: its end of the connection, and the reference that keeps our end open until somebody closes it.
    struct Client<'a> {
        id: usize,
        socket: OwnedFd,
        connection: Ref<Connection<'a>>,
    }

    /// What is noted of an event, by the thread that handled it.
    struct Handled {
        key: Key,
        /// The connection that it found; `None` if the key was refused.
        found: Option<usize>,
        /// How many connections had been opened by then.
        opened: usize,
    }

    /// What is noted of a connection when it is opened: its id and its descriptor's number.
    type Opened = HashMap<Key, (usize, i32)>;

    struct Server<'a> {
        epoll: OwnedFd,
        pool: Pool<Connection<'a>>,
        opened: AtomicUsize,
        /// For the proof only; nobody looks into it before the end.
        book: Mutex<Opened>,
        released: &'a [AtomicU32],
        over: AtomicBool,
    }

    impl<'a> Server<'a> {
        fn open(&self) -> Client<'a> {
            let (ours, theirs) = socketpair(
                AddressFamily::UNIX,
                SocketType::SEQPACKET,
                SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
                None,
            )
            .expect("a pair of sockets");
            let id = self.opened.fetch_add(1, Relaxed);
            let number = ours.as_raw_fd();
            let connection = Connection { socket: ours, id, released: self.released };
            let connection = self.pool.insert(connection).expect("the pool has no limit");
            let key = Ref::key(&connection);
            self.book.lock().unwrap().insert(key, (id, number));
            let data = epoll::EventData::new_u64(key.to_u64());
            let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
            epoll::add(&self.epoll, &connection.socket, data, flags).expect("a new descriptor");
            Client { id, socket: theirs, connection }
        }

        /// Handles events until it is over. No lock.
        fn react(&self) -> Vec<Handled> {
            let mut events = Vec::with_capacity(32);
            let mut handled = Vec::new();
            let tick = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
            while !self.over.load(Relaxed) {
                events.clear();
                match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&tick)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(error) => panic!("epoll_wait: {error}"),
                }
                for event in &events {
                    let key = Key::from_u64(event.data.u64()).expect("we gave it a key");
                    let found = self.handle(key);
                    handled.push(Handled { key, found, opened: self.opened.load(Relaxed) });
                }
            }
            handled
        }

        /// Reads what there is, if the event's connection is still open.
        fn handle(&self, key: Key) -> Option<usize> {
            let connection = self.pool.get(key)?;
            // The reference keeps the socket open, so that its number is nobody else's.
            let mut message = [0; 8];
            while let Ok((_, 8)) = recv(&connection.socket, &mut message, RecvFlags::empty()) {
                let id = u64::from_ne_bytes(message);
                assert_eq!(id, connection.id as u64, "the kernel mixed up its sockets");
            }
            Some(connection.id)
        }

        /// Sends through connections at random, and closes them; now and then the open file outlives its descriptor.
        fn churn(&self, clients: &[Mutex<Client<'a>>], mut random: Random, rounds: u64) {
            let mut copies: Vec<(usize, OwnedFd, OwnedFd)> = Vec::new();
            for _ in 0..rounds {
                let mut client = clients[random.below(OPEN)].lock().unwrap();
                match random.below(8) {
                    0 => *client = self.open(),
                    1 => {
                        let copy = client.connection.socket.try_clone().expect("a copy");
                        let closed = std::mem::replace(&mut *client, self.open());
                        if copies.len() == COPIES {
                            copies.remove(0);
                        }
                        copies.push((closed.id, closed.socket, copy));
                        drop(closed.connection);
                    }
                    2 if !copies.is_empty() => {
                        // Nobody will read it, and epoll has an event for it: with a key that is dead.
                        let (id, socket, _) = &copies[random.below(copies.len())];
                        let _ = say(socket, *id);
                    }
                    _ => {
                        let _ = say(&client.socket, client.id);
                    }
                }
            }
        }
    }

    /// A message says which connection it was sent through. Full buffers are no concern of ours.
    fn say(socket: &OwnedFd, id: usize) -> rustix::io::Result<usize> {
        send(socket, &(id as u64).to_ne_bytes(), SendFlags::NOSIGNAL)
    }

    pub(crate) fn main() -> ExitCode {
        let (rounds, seed) = (option("--rounds", 40_000), option("--seed", 1));
        let most = OPEN + usize::try_from(rounds).unwrap() * CLOSERS;
        let released: Vec<AtomicU32> = (0..most).map(|_| AtomicU32::new(0)).collect();
        // What connections refer to must outlive the pool: for the whole process, here.
        let released: &'static [AtomicU32] = released.leak();
        let server = Server {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("an epoll"),
            pool: Pool::new(),
            opened: AtomicUsize::new(0),
            book: Mutex::default(),
            released,
            over: AtomicBool::new(false),
        };
        let clients: Vec<Mutex<Client<'_>>> =
            (0..OPEN).map(|_| Mutex::new(server.open())).collect();
        let begun = Instant::now();
        let handled: Vec<Handled> = thread::scope(|scope| {
            let (server, clients) = (&server, &clients);
            let reactors: Vec<_> = (0..REACTORS).map(|_| scope.spawn(|| server.react())).collect();
            let closers: Vec<_> = (0..CLOSERS as u64)
                .map(|i| scope.spawn(move || server.churn(clients, Random::new(seed, i), rounds)))
                .collect();
            for closer in closers {
                closer.join().unwrap();
            }
            server.over.store(true, Relaxed);
            reactors.into_iter().flat_map(|reactor| reactor.join().unwrap()).collect()
        });
        let seconds = begun.elapsed().as_secs_f64();

        // Nothing is found any more; we are told when the last reference is gone.
        let (tell, told) = mpsc::channel();
        let killed = server.pool.kill(move || tell.send(()).expect("we wait for it"));
        drop(clients);
        let drained = told.try_recv().is_ok();

        let book = server.book.lock().unwrap();
        let opened = server.opened.load(Relaxed);
        let stale: Vec<&Handled> = handled.iter().filter(|event| event.found.is_none()).collect();
        let wrong = |event: &&Handled| event.found.is_some_and(|found| found != book[&event.key].0);
        let mut by_number: HashMap<i32, BTreeSet<usize>> = HashMap::new();
        for &(id, number) in book.values() {
            by_number.entry(number).or_default().insert(id);
        }
        let taken = |event: &&&Handled| {
            let (id, number) = book[&event.key];
            by_number[&number].range(id + 1..event.opened.max(id + 1)).next().is_some()
        };
        let taken = stale.iter().filter(taken).count();
        let once = released.iter().filter(|n| n.load(Relaxed) == 1).count();
        let never = released.iter().filter(|n| n.load(Relaxed) == 0).count();
        println!("{} events handled in {seconds:.2} s by {REACTORS} threads", handled.len());
        println!(
            "{} stale keys refused, {taken} of them with a number that was another's by then",
            stale.len()
        );
        println!("{opened} connections opened, {once} released");
        let mut proof = Proof::default();
        proof.that(handled.len() > stale.len(), "events reached their connections");
        proof.that(handled.iter().filter(wrong).count() == 0, "none reached another");
        proof.that(taken > 0, "by number, some would have: the check can fail");
        proof.that(book.len() == opened, "no key was two connections'");
        proof.that(once == opened && once + never == most, "each was released exactly once");
        proof.that(killed && drained, "the killed pool was drained with the last connection");
        proof.end()
    }
}
