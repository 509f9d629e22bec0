//! What is borrowed without a reference, kept after the table.

use graceref::{Fd, Pool, Table};

fn main() {
    let pool: Pool<String> = Pool::new();
    let borrowed = {
        let mut table = Table::new(&pool);
        let local = table.local().unwrap();
        local.borrow(Fd::new(0))
    };
    println!("{borrowed:?}");
}
