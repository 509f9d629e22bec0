//! A borrow without a reference, across a close of the table it came from.

use graceref::{Fd, Pool, Table};

fn main() {
    let pool: Pool<String> = Pool::new();
    let mut table = Table::new(&pool);
    let local = table.local().unwrap();
    drop(table.close(Fd::new(0)));
    println!("{:?}", local.borrow(Fd::new(0)));
}
