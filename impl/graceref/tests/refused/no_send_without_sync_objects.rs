//! A reserved number, and a table of one's own, sent to another thread with objects that are not `Sync`.

use graceref::{Pool, Table};
use std::cell::Cell;

fn main() {
    let pool: Pool<Cell<u32>> = Pool::new();
    let mut table = Table::new(&pool);
    std::thread::scope(|scope| {
        let reserved = table.reserve().unwrap();
        scope.spawn(move || drop(reserved));
    });
    std::thread::scope(|scope| {
        let local = table.local().unwrap();
        scope.spawn(move || drop(local));
    });
}
